"""Co-occurrence: are the signs of two diseases that never met in training both there where a patient with both is asked for?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.balance.signs import Readers, pair_of, share
from fpmg_plugins.metrics.distances import mean_distance, ratio
from fpmg_plugins.metrics.learners import design
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility_models import fair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]

POSTER = "FPMG poster: rare co-occurrence of diseases; "
LEAST = 10  # records on either side of a distance, and patients whose signs are counted
ASKED = 400  # records asked for a question


@dataclass(frozen=True, slots=True)
class Seen:
    """Records as readers see them, x [n, f], and in the evaluation space, phi [n, d], of those that have all modalities."""

    x: Floats
    phi: NDArray[np.float32]


class Cooccurrence:
    """Two diseases (flags among the conditions) nobody in training has both of; patients with both are asked of each silo's generator.

    diseases: their names; without names the two flags that meet never or least among training patients T, beside chance. A reader a
    disease (logistic, of T without the other disease, no leaking modality) calls a record positive above its 90 % specificity on held-out patients H who lack it. s(d, X): share of X called positive.
    `cooccurrence` = min over both d of min(1, s(d, asked with both) / s(d, H with d alone)); 1 at best; floor: H's own patients with both.
    `cooccurrence.sensitivity` = s(d, asked with both), `cooccurrence.alone` = s(d, asked with d alone), each under scope condition:NAME with
    floor s(d, H with d alone). `cooccurrence.suppressed` = max over d of max(0, 1 - s(d, asked with d alone) / floor): how much of a disease's
    signs training with the other took, or never brought; 0 at best. `cooccurrence.rg`, `cooccurrence.dg`: nn(S -> P1) / nn(P2 -> P1), nn(P2 -> S) / nn(P2 -> P1)
    for S asked with both under the conditions of P2, P1 and P2 H's patients with both in R1 and R2; 1 at best. Interval: of shares by Wald, of ratios by bootstrap.
    Controls, the same for every method, under scope control:single (T's patients with the first disease alone) and control:average (means of one patient of each
    disease, in the evaluation space: of pictures that is the average picture).
    Where no true patient has both, those with one are asked for as if they had both, and rg, dg are not applicable. A release that no
    generator can be asked for (a control) is judged by its own records with both.
    Needs 10 held-out patients with each disease alone, 10 complete ones with both in R1 and R2 for rg and dg.
    Pitfalls: an average shows both signs at half strength and may pass one reader: read dg beside it; readers read what phi shows, and what goes along with a disease (a marker, a hospital) as well as its signs.
    """

    family: ClassVar[str] = "balance"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "cooccurrence": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=POSTER + "signs of both"),
        "cooccurrence.sensitivity": Scale(
            1.0, True, low=0.0, high=1.0, unit="share", source=POSTER + "sensitivity at 90 % specificity"
        ),
        "cooccurrence.alone": Scale(
            1.0, True, low=0.0, high=1.0, unit="share", source=POSTER + "sensitivity at 90 % specificity"
        ),
        "cooccurrence.suppressed": Scale(
            0.0, False, low=0.0, high=1.0, unit="share", source="French 1999, catastrophic forgetting"
        ),
        "cooccurrence.rg": Scale(1.0, None, low=0.0, unit="ratio", source=POSTER + "RG among patients with both"),
        "cooccurrence.dg": Scale(1.0, None, low=0.0, unit="ratio", source=POSTER + "DG among patients with both"),
    }

    def __init__(self, diseases: tuple[str, ...] = (), resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.diseases = diseases
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Both together, each alone, distances to true patients with both, and the controls."""
        seed = fresh_seed(rng)
        names = fair(evidence)
        pair = real_side(self, evidence, lambda: pair_of(evidence.train, self.diseases), "pair")
        readers = real_side(self, evidence, lambda: Readers.of(evidence, names, pair), "readers")
        found = evidence.each_release(
            partial(self._together, evidence, names, readers, seed), self._asked(evidence, self._both(evidence, pair), pair)
        )
        controls = real_side(self, evidence, lambda: self._controls(evidence, names, readers, seed), "controls", seed)
        try:
            alone = [self._alone(evidence, names, readers, i) for i in range(2)]
        except NotApplicable as missing:
            evidence.not_applicable("cooccurrence.suppressed", missing.reason)
            return [*found, *controls]
        lost = max(max(0.0, 1 - score.value / max(readers.single[i], 1e-9)) for i, score in enumerate(alone))
        return [*found, *alone, Score("cooccurrence.suppressed", lost, n=ASKED), *controls]

    def _both(self, evidence: Evidence, pair: tuple[int, int]) -> Floats:
        """Conditions [ASKED, c] with both: those of R2's patients who have, else of training patients who have one."""
        true = _rows(evidence.r2, pair, (1, 1))
        rows = evidence.r2.condition[true] if len(true) >= LEAST else _ones(evidence.train, pair)
        asked = rows[np.arange(ASKED) % len(rows)].astype(np.float64)
        asked[:, list(pair)] = 1.0
        return asked

    def _asked(self, evidence: Evidence, conditions: Floats, pair: tuple[int, int]) -> Mapping[int, Cohort]:
        """What generators give; of what cannot be asked its own records that are so."""
        wanted = tuple(conditions[0, list(pair)].astype(int).tolist())
        try:
            return evidence.asked(conditions.astype(np.float64))
        except NotApplicable:
            held = {id(cohort): cohort.take(_rows(cohort, pair, wanted)) for cohort in evidence.released.values()}
            if min((len(part) for part in held.values()), default=0) < LEAST:
                raise NotApplicable(
                    f"no generator was released that could be asked, and of what was {LEAST} records are not so"
                ) from None
            return {silo: held[id(cohort)] for silo, cohort in evidence.released.items()}

    def _together(self, evidence: Evidence, names: tuple[str, ...], readers: Readers, seed: int, made: Cohort) -> list[Score]:
        return self._scores(evidence, readers, seed, _seen(evidence, names, made))

    def _scores(self, evidence: Evidence, readers: Readers, seed: int, seen: Seen) -> list[Score]:
        names, n = [evidence.train.conditions[j].name for j in readers.pair], len(seen.x)
        said = [readers.positive(i, seen.x) for i in range(2)]
        kept = min(min(1.0, float(s.mean()) / max(readers.single[i], 1e-9)) for i, s in enumerate(said))
        return [
            Score("cooccurrence", kept, n=n, floor=readers.floor),
            *(
                share("cooccurrence.sensitivity", s, f"condition:{name}", readers.single[i])
                for i, (s, name) in enumerate(zip(said, names, strict=True))
            ),
            *self._distances(evidence, readers.pair, seed, seen.phi),
        ]

    def _distances(self, evidence: Evidence, pair: tuple[int, int], seed: int, made: NDArray[np.float32]) -> list[Score]:
        first, second = (_placed(evidence, part, pair) for part in (evidence.r1, evidence.r2))
        few = min(len(first), len(second), len(made))
        if few < LEAST:
            for key in ("cooccurrence.rg", "cooccurrence.dg"):
                evidence.not_applicable(key, f"{few} complete patients with both; {LEAST} are needed on every side")
            return []
        floor, people = evidence.nn(second, first), np.arange(len(second))
        near = (evidence.nn(made, first), np.arange(len(made)))
        far = mean_distance(evidence, second, made, len(first), 5, np.random.default_rng(seed))
        below = (floor, people)
        return [
            ratio(evidence, "cooccurrence.rg", near, below, self.resamples, seed, len(made)),
            ratio(evidence, "cooccurrence.dg", (far, people), below, self.resamples, seed, len(second)),
        ]

    def _alone(self, evidence: Evidence, names: tuple[str, ...], readers: Readers, i: int) -> Score:
        """Asked with one disease, under conditions of the training patients who have it alone: mean over silos."""
        pair, wanted = readers.pair, (1, 0) if i == 0 else (0, 1)
        rows = evidence.train.condition[_rows(evidence.train, pair, wanted)]
        asked = rows[np.arange(ASKED) % len(rows)].astype(np.float64)
        asked[:, list(pair)] = wanted
        scope = f"condition:{evidence.train.conditions[pair[i]].name}"

        def read(made: Cohort) -> list[Score]:
            return [share("cooccurrence.alone", readers.positive(i, _seen(evidence, names, made).x), scope, readers.single[i])]

        return evidence.each_release(read, self._asked(evidence, asked, pair))[0]

    def _controls(self, evidence: Evidence, names: tuple[str, ...], readers: Readers, seed: int) -> list[Score]:
        """Real patients with one disease, and averages of one of each, in the place of those with both."""
        first, second = (
            _seen(evidence, names, evidence.train.take(_rows(evidence.train, readers.pair, w))) for w in ((1, 0), (0, 1))
        )
        n, m = (min(len(a), len(b)) for a, b in ((first.x, second.x), (first.phi, second.phi)))
        mean = Seen((first.x[:n] + second.x[:n]) / 2, ((first.phi[:m] + second.phi[:m]) / 2).astype(np.float32))
        return [
            replace(score, scope=f"control:{name}")
            for name, seen in (("single", first), ("average", mean))
            for score in self._scores(evidence, readers, seed, seen)
            if score.scope == "all"
        ]


def _rows(cohort: Cohort, pair: tuple[int, int], wanted: tuple[int, ...]) -> NDArray[np.intp]:
    """Records whose two flags are these; one that is unknown counts as not there."""
    said = np.nan_to_num(cohort.condition[:, list(pair)])
    return np.flatnonzero((said == np.asarray(wanted)).all(1))


def _ones(cohort: Cohort, pair: tuple[int, int]) -> Floats:
    """Conditions of patients with one of both, first and second in turn."""
    first, second = (cohort.condition[_rows(cohort, pair, wanted)] for wanted in ((1, 0), (0, 1)))
    n = min(len(first), len(second))
    found: Floats = np.stack([first[:n], second[:n]], 1).reshape(2 * n, -1)
    return found


def _placed(evidence: Evidence, cohort: Cohort, pair: tuple[int, int]) -> NDArray[np.float32]:
    rows = _rows(cohort, pair, (1, 1))
    kept = rows[evidence.complete(cohort)[rows]]
    return np.ascontiguousarray(evidence.phi(cohort)[kept])


def _seen(evidence: Evidence, names: tuple[str, ...], cohort: Cohort) -> Seen:
    """Of what readers read: records with any of these modalities."""
    there = np.any([evidence.complete(cohort, name) for name in names], axis=0)
    return Seen(design(evidence, cohort, names)[there], np.ascontiguousarray(evidence.phi(cohort)[evidence.complete(cohort)]))
