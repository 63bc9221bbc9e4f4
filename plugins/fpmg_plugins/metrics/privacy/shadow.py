"""Shadow models: the method is trained again and again with and without each patient, and the release compared with what came of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.privacy.attacks import shadow_models
from fpmg_plugins.metrics.privacy.target_groups import sides
from fpmg_plugins.metrics.privacy.targets import with_weights
from fpmg_plugins.metrics.privacy.worst_attack import Tried
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility_models import score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]

BY = {
    "lira": "LiRA, Carlini et al. 2022, arXiv:2112.03570, online, one variance for all",
    "rmia": "RMIA, Zarifzadeh et al. 2024, arXiv:2312.03262, with trained shadow models",
    "groundhog": "Stadler et al. 2022, arXiv:2011.07018, a linear classifier of a release's moments",
}


class Shadow:
    """Attacks with trained shadow models. Expensive: the method is trained `models` times, half of them without any one patient.

    Each shadow is trained on a random half of all real patients at hand (training, held-out, third), in the silos of the trial; halves come in
    pairs, so that everybody is in half of the shadows. Of a record and a model two statistics are taken: the log likelihood of its
    vector under the class Gaussians of 5,000 draws, all by the model's own encoders, and minus the losses of its discriminators
    and encoders. `shadow.lira`: the log ratio of the normal density of the real model's statistic among the shadows with the
    patient to that among those without. `shadow.rmia`: the statistic less the log mean likelihood over shadows without.
    `shadow.groundhog`: means and variances of the released records in phi_8 and their class means, by a linear discriminant of shadows with against
    without the patient. `shadow`: the worst of all, chosen on half of the patients and scored on the other, both directions.
    AUC of members against as many held-out patients of the same labels, range [0, 1], ideal .5, lower is better; 1: every member
    is recognised. Interval: bootstrap over patients, given the shadows. Floor: none. Needs 20 patients a side and a method that
    trains a generator. Pitfalls: an auditor's attack, who holds patients of all silos; few shadows leave noise in each patient's
    ratio, so that 16 are a start and 64 better; shadows train on fewer patients than the trial; of releases that differ by silo
    the shadow's silo of the same name is taken, or its first.
    """

    family: ClassVar[str] = "PG"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "shadow": Scale(
            0.5, False, low=0.0, high=1.0, unit="AUROC", source="the worst of the attacks below, chosen on the other half"
        ),
        **{f"shadow.{name}": Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=source) for name, source in BY.items()},
    }

    def __init__(self, models: Annotated[int, Ge(4)] = 16, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.models = models
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Every release against the same shadows."""
        if not evidence.released:
            raise NotApplicable("nothing was released")
        seed = fresh_seed(rng)
        shadows = shadow_models.trained(evidence, self.models, seed)
        silo_of = {id(release): silo for silo, release in reversed(list(evidence.released.items()))}
        return evidence.each_release(lambda release: self._scores(evidence, shadows, silo_of[id(release)], release, seed))

    def _scores(self, evidence: Evidence, shadows: shadow_models.Shadows, silo: int, release: Cohort, seed: int) -> list[Score]:
        known = shadow_models.scores(evidence, shadows, silo)
        rows = sides(evidence, release, evidence.held_out)
        targets, weights = with_weights(evidence, evidence.held_out, self.resamples, seed, **rows)
        tried = Tried(targets, {name: targets.most(shadows.patient, value) for name, value in known.items()}, weights)
        found = [score("shadow", *tried.worst())]
        for name in BY:
            mine = {key: value for key, value in tried.scores.items() if key[0].partition("/")[0] == name}
            if mine:
                found.append(score(f"shadow.{name}", *replace(tried, scores=mine).worst()))
        return found
