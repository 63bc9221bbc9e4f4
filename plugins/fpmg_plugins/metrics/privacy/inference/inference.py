"""What a release tells of one patient: a secret column, a description that fits nobody else, two halves that belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.privacy.inference import attribute, linkability, singling_out
from fpmg_plugins.metrics.privacy.inference.columns import columns_of, joined
from fpmg_plugins.metrics.privacy.target_groups import sides
from fpmg_plugins.metrics.privacy.targets import matched
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.privacy.inference.columns import Columns
    from fpmg_plugins.metrics.privacy.targets import Targets

    Floats = NDArray[np.floating[Any]]

GIOMI = "Giomi et al. 2023, arXiv:2211.10459"
RISK = Scale(0.0, False, high=1.0, unit="risk", source=GIOMI)
RATE = Scale(0.0, False, low=0.0, high=1.0, unit="share", source=GIOMI)


class Inference:
    """Three risks, never averaged. T: training patients, attacked; H: as many held-out patients of the same labels, the control.
    risk = (rate on T - rate on H) / (1 - rate on H); 0 at best, 1: all that cannot be guessed without a leak is; below 0: noise.

    `inference.attribute`: each table column and condition in turn (16 at most) is the secret, guessed as that of the nearest
    released record in all other columns; right: the same category or flag, a number within 5 percentile ranks. Rates over all
    secrets; also by class. `.worst`: the secret with the largest risk on half of the targets, on the other half, both
    directions; `.outliers`: of the quarter of the targets that is farthest from others; `.gain`: rate on T less that of an attacker with as many records of patients outside T (H and third);
    `.rate`, and `.naive` for who guesses the release's usual value.
    `inference.singling_out`: predicates on 5 to 12 columns of a released record (equal categories, numbers as far out) that fit no
    other released one; the rate is that of those true of exactly one of n training patients, control: of n unseen ones (H and
    third); `.column`: on one column, values that occur once in the release and extremes; `.rate`, and `.naive` for random ones.
    `inference.linkability`: every second modality of a patient, and the others, lead to the same nearest released record; by
    table columns where records lack modalities or have one; `.rate`.
    Floor: R2 in the place of the release, R1 of H. Interval: bootstrap over patients (attribute); Wilson's, errors propagated
    (singling out: over predicates; linkability). Needs a table for the first two, and 20 patients a side.
    Pitfalls: what holds for everybody (a disease's symptoms) is no risk here, since H is guessed as well; singling out sees n of
    T's patients, so that a copy of all succeeds n / |T| of the time; a number is rarely met exactly.
    """

    family: ClassVar[str] = "PG"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "inference.attribute": RISK,
        "inference.attribute.worst": replace(RISK, source=GIOMI + "; worst secret, chosen on the other half"),
        "inference.attribute.outliers": replace(RISK, source=GIOMI + "; patients far from others, Meeus et al. 2023"),
        "inference.attribute.gain": Scale(
            0.0, False, low=-1.0, high=1.0, unit="share", source="PRIVACY.md, attribute inference gain"
        ),
        "inference.attribute.rate": RATE,
        "inference.attribute.naive": replace(RATE, higher_is_better=None),
        "inference.singling_out": RISK,
        "inference.singling_out.column": RISK,
        "inference.singling_out.rate": RATE,
        "inference.singling_out.naive": replace(RATE, higher_is_better=None),
        "inference.linkability": RISK,
        "inference.linkability.rate": RATE,
    }

    def __init__(
        self,
        targets: Annotated[int, Ge(20)] = 500,
        predicates: Annotated[int, Ge(20)] = 500,
        resamples: Annotated[int, Ge(20)] = 200,
    ) -> None:
        self.targets = targets
        self.predicates = predicates
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Every release under the three attacks."""
        seed = fresh_seed(rng)
        real = real_side(self, evidence, lambda: list(self._all(evidence, seed, evidence.r1, None, evidence.r2)), "floor", seed)
        floors = {(s.key, s.scope): s.value for s in real}

        def scores(release: Cohort) -> list[Score]:
            found = list(self._all(evidence, seed, evidence.held_out, evidence.not_applicable, release))
            return [replace(s, floor=floors.get((s.key, s.scope))) for s in found]

        found = evidence.each_release(scores)
        if not found:
            raise NotApplicable("none of the three attacks applies, for the reasons given with each")
        return found

    def _all(
        self, evidence: Evidence, seed: int, others: Cohort, tell: Callable[[str, str], None] | None, release: Cohort
    ) -> Iterator[Score]:
        """tell: records an attack that does not apply."""
        attacks = {"attribute": self._attribute, "singling_out": self._singling_out, "linkability": self._linkability}
        for name, attack in attacks.items():
            try:
                yield from list(attack(evidence, seed, others, release))
            except NotApplicable as missing:
                if tell:
                    tell(f"inference.{name}", missing.reason)

    def _attribute(self, evidence: Evidence, seed: int, others: Cohort, release: Cohort) -> Iterator[Score]:
        parts = (columns_of(evidence.train), columns_of(others), columns_of(release).sorted(), _unseen(evidence))
        targets = self._targets(evidence, others, seed, release)
        return attribute.scores(targets, parts, evidence.train.classes, self.resamples, seed)

    def _singling_out(self, evidence: Evidence, seed: int, others: Cohort, release: Cohort) -> Iterator[Score]:
        unseen = _unseen(evidence) if others is evidence.held_out else columns_of(others)
        made = columns_of(release).sorted()
        own = sides(evidence, release, others).get("own")
        members = evidence.train if own is None else evidence.train.take(own)
        return singling_out.scores(columns_of(members), unseen, made, self.predicates, seed)

    def _linkability(self, evidence: Evidence, seed: int, others: Cohort, release: Cohort) -> Iterator[Score]:
        return linkability.scores(evidence, self._targets(evidence, others, seed, release), others, release)

    def _targets(self, evidence: Evidence, others: Cohort, seed: int, release: Cohort) -> Targets:
        return matched(evidence.train, others, seed, **sides(evidence, release, others)).some(self.targets, seed)


def _unseen(evidence: Evidence) -> Columns:
    """Real patients whom nobody trained on: held-out and third."""
    parts = [evidence.held_out] if evidence.third is None else [evidence.held_out, evidence.third]
    return joined([columns_of(part) for part in parts])
