"""Fairness: is the release as useful for women as for men, for the young as for the old, for one hospital as for another?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics import subgroups
from fpmg_plugins.metrics.ranking import macro_auroc
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility_models import LEARNERS, Tested, joint, models_of, of_classes, rows_of, score, tested

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.utility_models import Names

    Floats = NDArray[np.floating[Any]]
    Areas = dict[str, dict[str, Floats]]  # attribute -> group -> value and draws [1 + draws]

SOURCE = "EVALUATION.md: the same by sex, age band and silo, worst group and gap"
SILO = "silo"
OWN = 20  # released records of a group below which nothing is trained on them
GUESS = 0.5  # AUROC of a classifier that was given nothing to learn from


class Fairness:
    """TSTR within subgroups: tested on a group's own held-out patients, trained on its own records of the release.

    A(g): mean AUROC of a logistic and a boosted-tree learner on phi, without leaking modalities, of group g; attributes: sex (F, M)
    and age (0-17, 18-39, 40-64, 65+), found by the names of table columns (sex, gender; age) alone, and silo: the dataset's own
    silos, where the whole release trains, since a released record belongs to none.
    `fairness`: the smallest A(g) of all groups, higher is better, floor: that of the training patients T in the place of the
    release S. `fairness.gap`: largest A - smallest A of an attribute (scope attribute:NAME), over all attributes the one whose gap
    exceeds T's most; floor gap(T). `fairness.excess` = gap(S) - gap(T); 0 at best, above 0 the release widens a gap; range [-1, 1].
    `fairness.auroc` by group (scope group:sex=F). Interval: bootstrap over patients.
    A group of which the release has fewer than 20 records, or one class only, scores .5: there is nothing to learn from.
    Not applicable where the label is no class: utility by group is that of classifiers.
    Needs groups of 30 held-out patients with 5 of each of two classes: smaller ones are not shown, and counted.
    Pitfalls: a release that is useless to everybody has no gap, so the worst group is the headline; a gap of several groups is
    above 0 for real patients too, so read `fairness.excess` (of the attribute where it is largest, so it leans upwards where there
    are several); trained on the whole release instead, a learner carries over what it learnt from one sex, and a release that is
    noise for the other passes unseen (so the silos' gap is the blunter one).
    """

    family: ClassVar[str] = "fairness"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "fairness": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=SOURCE),
        "fairness.gap": Scale(0.0, False, low=0.0, high=1.0, unit="AUROC", source=SOURCE),
        "fairness.excess": Scale(0.0, False, low=-1.0, high=1.0, unit="AUROC", source=SOURCE),
        "fairness.auroc": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=SOURCE),
    }

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Gaps, the worst group, and every group."""
        of_classes(evidence)
        seed, names = fresh_seed(rng), joint(evidence)
        shown = real_side(self, evidence, lambda: _shown(evidence), "shown")
        if not shown:
            raise NotApplicable(
                "no attribute (sex, age, silo) has two groups of 30 held-out patients with 5 of each of two classes"
            )
        real = real_side(self, evidence, lambda: self._areas(evidence, names, seed, shown, evidence.train), names, seed)
        return evidence.each_release(partial(self._scores, evidence, names, seed, shown, real))

    def _scores(
        self, evidence: Evidence, names: Names, seed: int, shown: dict[str, subgroups.Masks], real: Areas, release: Cohort
    ) -> list[Score]:
        made = self._areas(evidence, names, seed, shown, release)
        gaps = {attribute: (_gap(made[attribute]), _gap(real[attribute])) for attribute in made}
        widest = max(gaps, key=lambda attribute: float(gaps[attribute][0][0] - gaps[attribute][1][0]))
        n, (gap, floor) = len(evidence.held_out), gaps[widest]
        lows = [np.min([area for groups in areas.values() for area in groups.values()], 0) for areas in (made, real)]
        return [
            score("fairness", lows[0], n, float(lows[1][0])),
            score("fairness.gap", gap, n, float(floor[0])),
            score("fairness.excess", gap - floor, n, 0.0),
            *(score("fairness.gap", g, n, float(f[0]), f"attribute:{name}") for name, (g, f) in gaps.items()),
            *(
                score(
                    "fairness.auroc",
                    area,
                    _people(evidence, shown[name][group]),
                    float(real[name][group][0]),
                    f"group:{name}={group}",
                )
                for name, groups in made.items()
                for group, area in groups.items()
            ),
        ]

    def _areas(self, evidence: Evidence, names: Names, seed: int, shown: dict[str, subgroups.Masks], cohort: Cohort) -> Areas:
        own = subgroups.groups(cohort)
        found = {
            attribute: {
                group: self._area(self._taught(evidence, names, seed, cohort.take(own[attribute][group])), mask)
                for group, mask in masks.items()
            }
            for attribute, masks in shown.items()
            if attribute != SILO
        }
        if SILO in shown:
            whole = self._taught(evidence, names, seed, cohort)
            found[SILO] = {group: self._area(whole, mask) for group, mask in shown[SILO].items()}
        return found

    def _taught(self, evidence: Evidence, names: Names, seed: int, records: Cohort) -> Tested | None:
        """What learners trained on these records say of H; None: there is nothing to learn from."""
        _, _, label = rows_of(evidence, records, names)
        if len(label) < OWN or len(np.unique(label)) < 2:
            return None
        return tested(evidence, models_of(evidence, records, names, LEARNERS), names, self.resamples, seed, LEARNERS[0])

    def _area(self, taught: Tested | None, mask: NDArray[np.bool_]) -> Floats:
        """AUROC on the group's held-out patients."""
        return np.full(1 + self.resamples, GUESS) if taught is None else taught.among(mask).mean(macro_auroc)


def _shown(evidence: Evidence) -> dict[str, subgroups.Masks]:
    """attribute -> group -> held-out records, of groups that are large enough; the others are recorded."""
    found = {}
    attributes = subgroups.groups(evidence.held_out) | {SILO: subgroups.silos(evidence.held_out)}
    for attribute, masks in attributes.items():
        kept = {group: mask for group, mask in masks.items() if subgroups.shown(evidence.held_out, mask)}
        for group in sorted(masks.keys() - (kept.keys() if len(kept) > 1 else set())):
            reason = f"fewer than {subgroups.PATIENTS} held-out patients, or than {subgroups.EACH} of each of two classes, or no other group to compare with"
            evidence.not_applicable("fairness.auroc", reason, scope=f"group:{attribute}={group}")
        if len(kept) > 1:
            found[attribute] = kept
    return found


def _people(evidence: Evidence, mask: NDArray[np.bool_]) -> int:
    return len(np.unique(evidence.held_out.patient[mask]))


def _gap(areas: Mapping[str, Floats]) -> Floats:
    values = np.stack(list(areas.values()))
    gap: Floats = values.max(0) - values.min(0)
    return gap
