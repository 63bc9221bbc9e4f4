"""Label choice: a release whose label stands for something else (cost for illness) teaches to pass over the ill of one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics import subgroups
from fpmg_plugins.metrics.learners import fit
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility_models import LEARNERS, Tested, joint, models_of, of_classes, rows_of, score, tested

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.utility_models import Names

    Floats = NDArray[np.floating[Any]]

SOURCE = "Obermeyer et al. 2019, Science 366:447"


class LabelChoice:
    """Who is chosen, if a programme for the ill is given to those for whom a classifier foresees the label, the dearest patients?

    A logistic and a boosted-tree learner of the release S (no leaking modality) read the held-out patients H; chosen: the `share` of H
    to whom they give most of the last class; ill: as large a share of H, by the condition `truth` (a number, the higher the worse). c(g): share
    of group g's ill that are chosen; groups: of `attribute`, as in `fairness`.
    `label-choice.gap` = largest c - smallest c; 0 at best, floor: T in the place of S. `label-choice.excess` = gap(S) - gap(T): above 0 S makes it worse,
    below 0 it repairs. `label-choice.sicker` = the largest difference between groups of the mean truth of those chosen: 0 at best, floor: T. `label-choice.found`: c of
    all patients. `label-choice.group` = c(g), scope group:sex=F. Mean over learners; interval: bootstrap over patients.
    Control: scope control:truth, learners of T with the label that `truth` gives (its highest share): what the gap is without the proxy.
    Needs a label of classes, the condition, and two groups of 30 held-out patients with 10 ill each.
    Pitfalls: a release that teaches nothing chooses at random and has no gap: read `label-choice.found` beside it, as one reads the worst group
    beside a gap; a group of whom nobody is chosen counts as 0 in `label-choice.sicker`; the truth is a condition, which generators are told, as hospitals hardly ever are.
    """

    family: ClassVar[str] = "fairness"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "label-choice.gap": Scale(0.0, False, low=0.0, high=1.0, unit="share", source=SOURCE),
        "label-choice.excess": Scale(0.0, None, low=-1.0, high=1.0, unit="share", source=SOURCE),
        "label-choice.sicker": Scale(0.0, False, low=0.0, unit="of the condition", source=SOURCE),
        "label-choice.found": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=SOURCE),
        "label-choice.group": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=SOURCE),
    }

    def __init__(
        self,
        truth: str = "severity",
        attribute: Literal["sex", "age"] = "sex",
        share: Annotated[float, Gt(0), Lt(1)] = 0.25,
        resamples: Annotated[int, Ge(20)] = 200,
    ) -> None:
        self.truth = truth
        self.attribute = attribute
        self.share = share
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """The release's gap beside T's, and what learners of the truth would do."""
        of_classes(evidence)
        seed, names = fresh_seed(rng), joint(evidence)
        masks = real_side(self, evidence, lambda: self._masks(evidence), "groups")
        real = real_side(self, evidence, lambda: self._chosen(evidence, names, masks, seed, evidence.train), names, seed)
        best = real_side(self, evidence, lambda: self._by_truth(evidence, names, masks, seed), names, seed, "truth")
        n = len(evidence.held_out)
        found = evidence.each_release(partial(self._scores, evidence, names, masks, seed, real))
        return [
            *found,
            *(
                score(key, best[key], n, scope="control:truth")
                for key in ("label-choice.gap", "label-choice.sicker", "label-choice.found")
            ),
        ]

    def _scores(
        self, evidence: Evidence, names: Names, masks: subgroups.Masks, seed: int, real: dict[str, Floats], release: Cohort
    ) -> list[Score]:
        made, n = self._chosen(evidence, names, masks, seed, release), len(evidence.held_out)
        return [
            *(
                score(key, made[key], n, float(real[key][0]))
                for key in ("label-choice.gap", "label-choice.sicker", "label-choice.found")
            ),
            score("label-choice.excess", made["label-choice.gap"] - real["label-choice.gap"], n, 0.0),
            *(
                score("label-choice.group", made[g], int(mask.sum()), float(real[g][0]), f"group:{self.attribute}={g}")
                for g, mask in masks.items()
            ),
        ]

    def _chosen(self, evidence: Evidence, names: Names, masks: subgroups.Masks, seed: int, cohort: Cohort) -> dict[str, Floats]:
        """Value and draws [1 + draws] by key, and c of each group by its name."""
        return self._by(evidence, masks, self._tested(evidence, names, seed, models_of(evidence, cohort, names, LEARNERS)))

    def _by_truth(self, evidence: Evidence, names: Names, masks: subgroups.Masks, seed: int) -> dict[str, Floats]:
        rows, x, _ = rows_of(evidence, evidence.train, names)
        truth = self._truth(evidence.train)[rows]
        known = np.isfinite(truth)
        label = (truth >= np.quantile(truth[known], 1 - self.share)).astype(np.int64)[known]
        last = len(evidence.train.classes) - 1
        models = [fit(kind, x[known], label * last) for kind in LEARNERS]
        return self._by(evidence, masks, self._tested(evidence, names, seed, models))

    def _tested(self, evidence: Evidence, names: Names, seed: int, models: Sequence[Any]) -> Tested:
        return tested(evidence, models, names, self.resamples, seed, LEARNERS[0])

    def _by(self, evidence: Evidence, masks: subgroups.Masks, seen: Tested) -> dict[str, Floats]:
        truth = self._truth(evidence.held_out)[seen.rows]
        ill = _upper(truth, self.share)
        each = []
        for said in seen.probabilities:
            chosen = _upper(said[:, -1], self.share)
            caught = {g: _share(seen.weights, ill & chosen & m[seen.rows], ill & m[seen.rows]) for g, m in masks.items()}
            sick = [_average(seen.weights, truth, chosen & m[seen.rows]) for m in masks.values()]
            each.append(
                caught
                | {
                    "label-choice.gap": _range(list(caught.values())),
                    "label-choice.sicker": _range(sick),
                    "label-choice.found": _share(seen.weights, ill & chosen, ill),
                }
            )
        return {key: np.asarray(np.mean([one[key] for one in each], 0)) for key in each[0]}

    def _truth(self, cohort: Cohort) -> Floats:
        for j, column in enumerate(cohort.conditions):
            if column.name == self.truth and column.type == "number":
                return cohort.condition[:, j]
        raise NotApplicable(f"no number among the conditions is called {self.truth}")

    def _masks(self, evidence: Evidence) -> subgroups.Masks:
        held = evidence.held_out
        ill = _upper(self._truth(held), self.share)
        found = subgroups.groups(held).get(self.attribute, {})
        kept = {g: m for g, m in found.items() if subgroups.shown(held, m) and (m & ill).sum() >= 2 * subgroups.EACH}
        if len(kept) < 2:
            raise NotApplicable(
                f"{self.attribute} has no two groups of {subgroups.PATIENTS} held-out patients, {2 * subgroups.EACH} of them ill"
            )
        return kept


def _upper(values: Floats, share: float) -> NDArray[np.bool_]:
    """The highest share of the values [n]; unknown ones are none of it."""
    known = np.isfinite(values)
    found: NDArray[np.bool_] = known & (np.nan_to_num(values, nan=-np.inf) >= np.quantile(values[known], 1 - share))
    return found


def _share(weights: Floats, of: NDArray[np.bool_], among: NDArray[np.bool_]) -> Floats:
    """[draws]: the weight of some records, as a share of others'."""
    found: Floats = weights[:, of].sum(1) / np.maximum(weights[:, among].sum(1), 1e-9)
    return found


def _average(weights: Floats, values: Floats, of: NDArray[np.bool_]) -> Floats:
    """[draws]: mean value of some records, 0 where a draw has none."""
    found: Floats = (weights[:, of] @ np.nan_to_num(values[of])) / np.maximum(weights[:, of].sum(1), 1e-9)
    return found


def _range(values: Sequence[Floats]) -> Floats:
    found: Floats = np.max(values, 0) - np.min(values, 0)
    return found
