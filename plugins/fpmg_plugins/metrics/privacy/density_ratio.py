"""A ratio of densities in the place of a likelihood ratio: of the release, and of references that never saw the patient. Was `density-ratio` until 0.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins import moved
from fpmg_plugins.metrics.distances import placed
from fpmg_plugins.metrics.privacy.attacks.member_scores import AROUND, TINY
from fpmg_plugins.metrics.privacy.densities import nth_nearest
from fpmg_plugins.metrics.privacy.target_groups import sides
from fpmg_plugins.metrics.privacy.targets import LEAST, with_weights
from fpmg_plugins.metrics.privacy.worst_attack import Tried
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility_models import score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.distances import Placed

    Floats = NDArray[np.floating[Any]]

ZARIFZADEH = "after RMIA, Zarifzadeh et al. 2024, arXiv:2312.03262, with densities in the place of trained shadow models"


class DensityRatio:
    """Score of a patient x: the share of population patients z with [p(x | S) / p(x)] / [p(z | S) / p(z)] >= 1; S: the release.

    p(. | S): density of S by its nearest record; p(x): geometric mean over the references that x is not in, each the density (5th
    neighbour) of a random half of all real patients that the auditor holds: training, held-out, third; all in phi_8. A reference
    stands for a generator that releases its half as it is. No generator is retrained: `shadow` does that, at its price.
    z: the third set, or R2 where there is none; then R1 are the non-members. `density-ratio`: AUC of members against as many
    non-members of the same labels, also by class; range [0, 1], ideal .5, lower is better. `density-ratio.tpr`: TPR at 1 % FPR, where each
    half of the patients has 1,000 non-members. Floor: R2 in the place of S, R1 as non-members, where there is a third set.
    Interval: bootstrap over patients.
    Needs 20 patients a side. Pitfalls: this is an auditor's attack, who knows patients of the silos: an outsider cannot mount it; z
    shifts all scores alike, so that the AUC is that of the ratio alone; densities in 8 components do not see what phi_8 loses.
    """

    family: ClassVar[str] = "PG"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "density-ratio": Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=ZARIFZADEH),
        "density-ratio.tpr": Scale(0.01, False, low=0.0, high=1.0, unit="share", source="TPR at 1 % FPR, Carlini et al. 2022"),
    }

    def __init__(self, references: Annotated[int, Ge(4)] = 16, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.references = references
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Every release against the same references."""
        seed = fresh_seed(rng)
        parts = [evidence.train, evidence.r1, evidence.r2, *([] if evidence.third is None else [evidence.third])]
        points = [placed(evidence, part, principal=True, least=LEAST) for part in parts]
        density = real_side(self, evidence, lambda: unseen_density(points, self.references, seed), "density", seed)
        usual = dict(zip(map(id, parts), density, strict=True))
        population, others = (
            (evidence.r2, [evidence.r1]) if evidence.third is None else (evidence.third, [evidence.r1, evidence.r2])
        )
        floors: dict[str, float] = {}
        if evidence.third is not None:
            attacked = partial(self._attack, evidence, seed, usual, population, [evidence.r1], {}, evidence.r2)
            floors = {f"{s.key} {s.scope}": s.value for s in real_side(self, evidence, attacked, "floor", seed)}
        return evidence.each_release(partial(self._attack, evidence, seed, usual, population, others, floors))

    def _attack(
        self,
        evidence: Evidence,
        seed: int,
        usual: Mapping[int, Floats],
        population: Cohort,
        others: Sequence[Cohort],
        floors: Mapping[str, float],
        release: Cohort,
    ) -> list[Score]:
        """usual: id of a cohort -> log p(x) of its records."""
        made = placed(evidence, release, principal=True)

        def ratio(cohort: Cohort) -> Floats:
            at = placed(evidence, cohort, principal=True, least=LEAST)
            return _log_density(evidence.nn(at.x, made.x), at.x.shape[1]) - usual[id(cohort)]

        base = np.sort(ratio(population))
        both = [evidence.train, *others]
        share = np.concatenate([np.searchsorted(base, ratio(side), side="right") / len(base) for side in both])
        patient = np.concatenate([placed(evidence, side, principal=True, least=LEAST).patient for side in both])
        whole = evidence.held_out if len(others) > 1 else others[0]
        targets, weights = with_weights(evidence, whole, self.resamples, seed, **sides(evidence, release, whole))
        tried = Tried(targets, {("density-ratio", None): targets.most(patient, share)}, weights)
        return [score(key, draws, n, floors.get(f"{key} {scope}"), scope) for key, scope, draws, n in _found(evidence, tried)]


def unseen_density(points: Sequence[Placed], references: int, seed: int) -> list[Floats]:
    """log p(x) of the records of each cohort: the mean over the references that their patient is not in; half of all patients each."""
    x, patient = np.concatenate([part.x for part in points]), np.concatenate([part.patient for part in points])
    people, inverse = np.unique(patient, return_inverse=True)
    rng, total, times = np.random.default_rng(seed), np.zeros(len(x)), np.zeros(len(x))
    drawn = np.stack([rng.permutation(len(people)) % 2 for _ in range(references // 2)])
    for half in np.concatenate([drawn, 1 - drawn]):  # halves come in pairs, so that nobody is in all of them
        inside = half[inverse] == 1
        total[~inside] += _log_density(nth_nearest(x[~inside], x[inside], AROUND), x.shape[1])
        times[~inside] += 1
    return np.split(total / times, np.cumsum([len(part) for part in points])[:-1])


def _log_density(distance: Floats, dimensions: int) -> Floats:
    """Up to a constant, of nearest neighbours at this distance."""
    return -dimensions * np.log(np.maximum(distance.astype(np.float64), TINY))


def _found(evidence: Evidence, tried: Tried) -> list[tuple[str, str, Floats, int]]:
    """key, scope, value and draws, patients a side."""
    area, n = tried.area(("density-ratio", None))
    found = [("density-ratio", "all", area, n)]
    rate = tried.tpr()
    found += [] if rate is None else [("density-ratio.tpr", "all", rate, n)]
    for c, name in enumerate(evidence.train.classes):
        try:
            found.append(("density-ratio", f"class:{name}", *tried.area(("density-ratio", None), tried.targets.label == c)))
        except NotApplicable as missing:
            evidence.not_applicable("density-ratio", missing.reason, scope=f"class:{name}")
    return found


def __getattr__(name: str) -> Any:
    """The class's old name, until 0.3."""
    if name == "Rmia":
        moved.warn(f"{__name__}.Rmia", f"{__name__}.DensityRatio")
        return DensityRatio
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
