"""Could this be a picture? Power by frequency, and structure that noise lacks, against real held-out pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.distances import LEAST, ratio, some
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.sight import bands, over_modalities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Read = tuple[bands.Spectrum, NDArray[np.int64]]

WELCH = "Welch 1967, one Hann window a picture"
FIELD = "Field 1987: scales of natural images are in phase at edges"
STRUCTURE = 0.05  # coherence of real pictures below which a share of it means nothing


class Spectra:
    """Spectra of images and of video frames, grey, at `side` pixels or what they have, by cycles a picture (so for any size).

    `spectra.distance` (by modality, and their mean): mean over rings of frequencies (from 1 cycle to half the pixels) of the Wasserstein distance, in
    decibels of power, between released pictures and R1; 0 at best, lower is better.
    `spectra.low` (below 6 cycles), `.middle` (6 to 10), `.high` (from 10): mean power over that of R1; 1 at best; below: blurred,
    above: grain or noise. `spectra.coherence`: correlation between the energies of adjacent bands over 8 x 8 places, mean over
    pictures, over that of R1; 1 at best, 0: grain in the place of detail, whatever its power.
    Power: a Hann window, mean removed. Floor: R2 in the place of the release. Ratios' intervals: bootstrap over patients.
    Needs 10 records each in S, R1, R2; at most `rows` of each, drawn. Pitfalls: says nothing of what is shown (a sharp picture of the wrong
    organ is fine here); a film's burnt-in letters and borders are detail; pictures of fewer than 20 pixels have no high band.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "spectra.distance": Scale(0.0, False, low=0.0, unit="dB", source=f"{WELCH}; Wasserstein 1969"),
        "spectra.low": Scale(1.0, None, low=0.0, unit="ratio", source=WELCH),
        "spectra.middle": Scale(1.0, None, low=0.0, unit="ratio", source=WELCH),
        "spectra.high": Scale(1.0, None, low=0.0, unit="ratio", source=WELCH),
        "spectra.coherence": Scale(1.0, True, unit="share", source=FIELD),
    }

    def __init__(
        self,
        side: Annotated[int, Ge(16)] = 64,
        rows: Annotated[int, Ge(50)] = 1000,
        resamples: Annotated[int, Ge(20)] = 200,
    ) -> None:
        self.side = side
        self.rows = rows
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Every modality of pictures."""
        seed = fresh_seed(rng)
        few = f"fewer than {LEAST} released or held-out records of every modality of pictures"
        scores = over_modalities.every(
            evidence,
            ("image", "video"),
            "spectra.distance",
            lambda name: self._modality(evidence, name, seed),
            "the cohort has no images or videos",
            few,
        )
        return scores + over_modalities.means(scores, "spectra.distance")

    def _modality(self, evidence: Evidence, name: str, seed: int) -> list[Score]:
        real = real_side(self, evidence, lambda: self._scores(evidence, name, seed, evidence.r2), "floor", name, seed)
        floor = {score.key: score.value for score in real}
        found = evidence.each_release(partial(self._scores, evidence, name, seed), modality=name)
        return [replace(score, floor=floor.get(score.key)) for score in found]

    def _scores(self, evidence: Evidence, name: str, seed: int, cohort: Cohort) -> list[Score]:
        real, people = real_side(self, evidence, lambda: self._read(evidence.r1, name, seed), "spectra", name, seed)
        made, whose = self._read(cohort, name, seed)
        if cohort is not evidence.r2:
            whose = np.arange(len(whose))
        n = len(whose)
        pairs = {band: (made.bands[band], real.bands[band]) for band in real.bands}
        if real.together.mean() < STRUCTURE:
            evidence.not_applicable(
                "spectra.coherence", "real pictures have none: no place in them has more detail", modality=name
            )
        else:
            pairs["coherence"] = (made.together, real.together)
        shares = [
            ratio(evidence, f"spectra.{key}", (above, whose), (below, people), self.resamples, seed, n)
            for key, (above, below) in pairs.items()
            if float(below.mean()) > 0
        ]
        return [Score("spectra.distance", apart(real, made), n=n), *shares]

    def _read(self, cohort: Cohort, name: str, seed: int) -> Read:
        """Spectra of at most `rows` records that have the modality, and whose they are. Raises NotApplicable below 10."""
        have = np.flatnonzero(cohort.present[name])
        if len(have) < LEAST:
            raise NotApplicable(f"{len(have)} records have the modality {name!r}; {LEAST} are needed")
        have = have[some(len(have), self.rows, np.random.default_rng(seed))]
        side = min(self.side, *cohort.schemas[name].shape[-2:])
        return bands.read(cohort.data[name].take(have), side), cohort.patient[have]


def apart(real: bands.Spectrum, made: bands.Spectrum) -> float:
    """Mean over rings of the Wasserstein distance between two sets of pictures, in decibels."""
    from scipy.stats import wasserstein_distance

    return float(np.mean([wasserstein_distance(*ring) for ring in zip(real.rings.T, made.rings.T, strict=True)]))
