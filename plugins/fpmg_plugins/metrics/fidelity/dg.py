"""DG, diversity gap: how far real patients that nobody trained on are from the released records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.distances import LEAST, Placed, mean_distance, placed, ratio, real_distance, some
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Statistic = Callable[[Evidence, int, Cohort], list[Score]]

POSTER = "FPMG poster: Euclidean distance to a second subset of real data, divided by its real-against-real floor"


class Dg:
    """Diversity gap. S: released records, drawn at the size of R1, mean over 5 draws; R1, R2: halves of the held-out patients.

    `dg` = nn(R2 -> S) / nn(R2 -> R1) in phi_8, the first 8 principal components of phi. Range [0, inf), ideal 1; above 1:
    modes are missing. Floor: the training patients in the place of S. Interval: bootstrap over patients.
    `dg` within a label (scope class:NAME), the largest as `dg.worst_class`: R2's patients of the class against the draw's
    records of that label, or against all of them where the draw has none. `dg.phi`: in the whole phi, no headline (a
    collapsed generator looks diverse there). `dg.spread` = nn(Sa -> Sb) / nn(R2 -> R1) in phi_8 for disjoint halves of S:
    ideal 1; below .8 the release is under-dispersed whatever rg and dg say.
    Needs 10 complete records each in S, R1, R2; a class needs 10 in R1 and in R2. Pitfall: with few patients a class the
    largest of several ratios lies above 1 for real patients too: read it beside its floor.
    """

    family: ClassVar[str] = "DG"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "dg": Scale(1.0, None, low=0.0, unit="ratio", source=POSTER + ", in 8 principal components"),
        "dg.floor": Scale(1.0, None, low=0.0, unit="ratio", source="training patients in the place of the release"),
        "dg.spread": Scale(1.0, None, low=0.0, unit="ratio", source="nn(Sa -> Sb) / nn(R2 -> R1)"),
        "dg.worst_class": Scale(1.0, False, low=0.0, unit="ratio", source="largest dg within a label"),
        "dg.phi": Scale(1.0, None, low=0.0, unit="ratio", source=POSTER + ", in the whole phi"),
    }

    def __init__(self, draws: Annotated[int, Ge(1)] = 5, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.draws = draws
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """`dg` with its floor, within each label, in the whole phi, and the spread."""
        seed = fresh_seed(rng)
        statistics: Mapping[str, Statistic] = {
            "dg": partial(self._dg, True),
            "dg.spread": self._spread,
            "dg.worst_class": self._classes,
            "dg.phi": partial(self._dg, False),
        }
        scores = [score for key, statistic in statistics.items() for score in self._with_floor(evidence, seed, key, statistic)]
        if not scores:
            raise NotApplicable("dg needs records that have all modalities, in the release and among the held-out patients")
        return scores

    def _with_floor(self, evidence: Evidence, seed: int, key: str, statistic: Statistic) -> Iterator[Score]:
        try:
            floors = real_side(self, evidence, lambda: statistic(evidence, seed, evidence.train), key, seed)
            real = {(s.key, s.scope): s for s in floors}
            found = evidence.each_release(partial(statistic, evidence, seed))
        except NotApplicable as error:
            evidence.not_applicable(key, error.reason)
            return
        if key == "dg":
            yield replace(real["dg", "all"], key="dg.floor")
        for score in found:
            floor = real.get((score.key, score.scope if score.scope.startswith("class:") else "all"))
            yield replace(score, floor=floor.value if floor else None)

    def _dg(self, principal: bool, evidence: Evidence, seed: int, release: Cohort) -> list[Score]:
        s, r1, r2 = (placed(evidence, part, principal=principal) for part in (release, evidence.r1, evidence.r2))
        size = min(len(s), len(r1))
        rng = np.random.default_rng(seed)
        distance = mean_distance(evidence, r2.x, s.x, size, self.draws, rng)
        floor = mean_distance(evidence, r2.x, r1.x, size, self.draws, rng)
        real_distance(evidence, r2.x, r1.x)
        key = "dg" if principal else "dg.phi"
        return [ratio(evidence, key, (distance, r2.patient), (floor, r2.patient), self.resamples, seed, len(r2))]

    def _spread(self, evidence: Evidence, seed: int, release: Cohort) -> list[Score]:
        s, r1, r2 = (placed(evidence, part, principal=True) for part in (release, evidence.r1, evidence.r2))
        size = min(len(s) // 2, len(r1))
        real_distance(evidence, r2.x, r1.x)
        rng = np.random.default_rng(seed)
        floor = mean_distance(evidence, r2.x, r1.x, size, self.draws, rng)
        # real patients with several records must not sit in both halves; released records are nobody's
        patient = s.patient if release is evidence.train else np.arange(len(s))
        distances, people = [], []
        for _ in range(self.draws):
            a, b = (half[:size] for half in _halves(patient, rng))
            distances.append(mean_distance(evidence, s.x[a], s.x[b], size, 1, rng))
            people.append(patient[a])
        inside = np.concatenate(distances), np.concatenate(people)
        return [ratio(evidence, "dg.spread", inside, (floor, r2.patient), self.resamples, seed, len(s))]

    def _classes(self, evidence: Evidence, seed: int, release: Cohort) -> list[Score]:
        s, r1, r2 = (placed(evidence, part, principal=True) for part in (release, evidence.r1, evidence.r2))
        labels = [part.label[at.rows] for part, at in ((release, s), (evidence.r1, r1), (evidence.r2, r2))]
        rng = np.random.default_rng(seed)
        size = min(len(s), len(r1))
        draws = [some(len(s), size, rng) for _ in range(self.draws)]
        values = {}
        for c, name in enumerate(evidence.train.classes):
            if min((labels[1] == c).sum(), (labels[2] == c).sum()) < LEAST:
                evidence.not_applicable("dg", f"fewer than {LEAST} held-out records in a half", scope=f"class:{name}")
                continue
            values[name] = _within(evidence, c, (s, r1, r2), (labels[0], labels[1], labels[2]), draws)
        if not values:
            raise NotApplicable(f"no class has {LEAST} held-out records in each half")
        classes = [Score("dg", value, scope=f"class:{name}") for name, value in values.items()]
        return [Score("dg.worst_class", max(values.values()), n=len(values)), *classes]


def _halves(patient: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the records of a random half of the patients, and of the others, each in random order."""
    people, inverse = np.unique(patient, return_inverse=True)
    first = (rng.permutation(len(people)) < len(people) / 2)[inverse]
    order = rng.permutation(len(patient))
    return order[first[order]], order[~first[order]]


def _within(
    evidence: Evidence,
    c: int,
    points: tuple[Placed, Placed, Placed],
    labels: tuple[np.ndarray, np.ndarray, np.ndarray],
    draws: Sequence[np.ndarray],
) -> float:
    """dg of one class over the draws of S."""
    s, r1, r2 = points
    sources = np.ascontiguousarray(r2.x[labels[2] == c])
    floor = real_distance(evidence, sources, np.ascontiguousarray(r1.x[labels[1] == c]))
    found = []
    for draw in draws:
        own = draw[labels[0][draw] == c]
        found.append(float(evidence.nn(sources, s.x[own if len(own) else draw]).mean()))
    return float(np.mean(found) / floor.mean())
