"""PG, privacy gap: formal epsilon and a membership attack; two numbers that are never averaged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.distances import placed
from fpmg_plugins.metrics.privacy.target_groups import sides
from fpmg_plugins.metrics.ranking import auroc
from fpmg_plugins.metrics.real_side import real_side, small
from fpmg_plugins.metrics.resampling import fresh_seed, interval, patient_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]

LEAST_PATIENTS = 20
TPR_FROM = 1_000  # non-members from which a true positive rate at 1 % false positives means something
ATTACK = "distance to the closest released record (GAN-Leaks, Chen et al. 2020), black box"


class Pg:
    """Privacy gap. Unit: one patient.

    `pg.epsilon`: formal epsilon at the suite's delta, max over silos, from the ledger; infinite without accounting; its
    source says `secure`, or `simulated`: noise that the seed tells, not for release; lower is better. `pg.attack_auc`: membership by distance to the closest released record in phi, training patients against as many
    held-out patients, a patient's nearest record counts; range [0, 1], ideal .5; 1: every member is recognised. Where nothing
    travels between silos, only a silo's own patients are members of its release. Floor: R2
    released, R1 as non-members. Interval: bootstrap over patients. Where few records have all modalities, each modality is
    attacked instead. `pg.attack_own`: members of the releasing silo alone. `pg.advantage`: largest TPR - FPR.
    `pg.attack_tpr`: TPR at 1 % FPR, from 1,000 non-members.
    Needs 20 patients a side. Standard error of the AUC at n and n patients: 100 .041, 280 .024, 1,000 .013.
    Pitfalls: a weak attack, so .5 is no proof of privacy; it sees copies, not attributes. Epsilon covers the release, not
    this report.
    """

    family: ClassVar[str] = "PG"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "pg.epsilon": Scale(0.0, False, low=0.0, unit="epsilon", source="ledger, max over silos"),
        "pg.attack_auc": Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=ATTACK),
        "pg.attack_own": Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=ATTACK + "; the silo's own patients"),
        "pg.advantage": Scale(0.0, False, low=0.0, high=1.0, unit="share", source="largest TPR - FPR, Yeom et al. 2018"),
        "pg.attack_tpr": Scale(0.01, False, low=0.0, high=1.0, unit="share", source="TPR at 1 % FPR, Carlini et al. 2022"),
    }

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Formal epsilon, then the attacks."""
        seed = fresh_seed(rng)
        scores = self._formal(evidence)
        try:
            return scores + self._attacks(evidence, seed, None) + self._own(evidence, seed)
        except NotApplicable as error:
            evidence.not_applicable("pg.attack_auc", error.reason)
        for modality in evidence.train.schemas:
            try:
                scores += self._attacks(evidence, seed, modality)
            except NotApplicable as error:
                evidence.not_applicable("pg.attack_auc", error.reason, modality=modality)
        return scores

    def _formal(self, evidence: Evidence) -> list[Score]:
        silos = {silo: float(evidence.ledger(silo).get("epsilon", math.inf)) for silo in evidence.released}
        noise = {silo: str(evidence.ledger(silo).get("noise", "")) for silo in silos}
        each = [
            Score("pg.epsilon", value, scope=f"silo:{evidence.silo_names[silo]}", source=noise[silo])
            for silo, value in silos.items()
        ]
        said = ", ".join(sorted(set(noise.values()) - {""}))
        return [Score("pg.epsilon", max(silos.values(), default=math.inf), source=said), *each]

    def _attacks(self, evidence: Evidence, seed: int, modality: str | None) -> list[Score]:
        """Every release attacked with all training patients as members, in phi or in one modality's block of it."""
        floor = real_side(self, evidence, lambda: self._floor(evidence, seed, modality), modality, seed)
        return evidence.each_release(partial(self._attack, evidence, seed, floor, modality), modality=modality)

    def _floor(self, evidence: Evidence, seed: int, modality: str | None) -> Attack:
        """The same attack against patients that nobody trained on."""
        members, others = (closeness(evidence, part, evidence.r2, modality) for part in (evidence.train, evidence.r1))
        return attack(evidence, members, others, self.resamples, seed)

    def _attack(self, evidence: Evidence, seed: int, floor: Attack, modality: str | None, release: Cohort) -> list[Score]:
        rows = sides(evidence, release, evidence.held_out)
        members = closeness(evidence, evidence.train, release, modality, rows.get("own"))
        others = closeness(evidence, evidence.held_out, release, modality, rows.get("same"))
        drawn = attack(evidence, members, others, self.resamples, seed)
        low, high = interval(drawn.areas[1:])
        scores = [
            Score("pg.attack_auc", drawn.area, low=low, high=high, n=drawn.n, floor=floor.area),
            Score("pg.advantage", drawn.advantage(), n=drawn.n, floor=floor.advantage()),
        ]
        return scores + ([Score("pg.attack_tpr", drawn.tpr(), n=drawn.n)] if drawn.n >= TPR_FROM else [])

    def _own(self, evidence: Evidence, seed: int) -> list[Score]:
        """Each silo's own patients against its own release; the mean over silos that have enough of them."""
        scores = []
        for silo, release in evidence.released.items():
            scope = f"silo:{evidence.silo_names[silo]}"
            try:
                members = closeness(evidence, evidence.train, release, rows=evidence.train.silo == silo)
                drawn = attack(evidence, members, closeness(evidence, evidence.held_out, release), self.resamples, seed)
            except NotApplicable as error:
                evidence.not_applicable("pg.attack_own", error.reason, scope=scope)
                continue
            low, high = interval(drawn.areas[1:])
            scores.append(Score("pg.attack_own", drawn.area, scope=scope, low=low, high=high, n=drawn.n))
        mean = [Score("pg.attack_own", float(np.mean([s.value for s in scores])), n=len(scores))] if scores else []
        return mean + scores


class Attack:
    """Scored patients: score [2n] (higher: rather a member), member [2n], areas [1 + draws] (the value, then the bootstrap)."""

    def __init__(self, score: Floats, member: NDArray[np.bool_], areas: Floats) -> None:
        self.score, self.member, self.areas = score, member, areas
        self.n = int(member.sum())
        self.area = float(areas[0])

    def advantage(self) -> float:
        """Largest difference of true and false positive rate over all thresholds."""
        thresholds = np.unique(self.score)
        below = [np.searchsorted(np.sort(self.score[who]), thresholds) / self.n for who in (~self.member, self.member)]
        return float(max(0.0, (below[0] - below[1]).max()))

    def tpr(self, fpr: float = 0.01) -> float:
        """True positive rate at the threshold that this share of non-members passes."""
        return float((self.score[self.member] > np.quantile(self.score[~self.member], 1 - fpr)).mean())


def closeness(
    evidence: Evidence, cohort: Cohort, release: Cohort, modality: str | None = None, rows: NDArray[np.bool_] | None = None
) -> Floats:
    """Minus the distance of each patient's nearest record (of `rows`) to the closest released record [patients]."""
    at = placed(evidence, cohort, modality, least=1)
    distance = evidence.nn(at.x, placed(evidence, release, modality).x)
    keep = np.ones(len(at), bool) if rows is None else rows[at.rows]
    people, inverse = np.unique(at.patient[keep], return_inverse=True)
    nearest = np.full(len(people), np.inf)
    np.minimum.at(nearest, inverse, distance[keep])
    return -nearest


def attack(evidence: Evidence, members: Floats, others: Floats, draws: int, seed: int) -> Attack:
    """As many members as non-members, drawn at random. Raises NotApplicable below `LEAST_PATIENTS` a side."""
    n = min(len(members), len(others))
    if n < LEAST_PATIENTS:
        raise NotApplicable(f"{len(members)} members against {len(others)} non-members; {LEAST_PATIENTS} of each are needed")
    sizes = (len(members), len(others))
    rows, weights = small(evidence, ("sides", *sizes, draws, seed), 4 * draws * n, lambda: _sides(*sizes, n, draws, seed))
    score = np.concatenate([side[at] for side, at in zip((members, others), rows, strict=True)])
    member = np.arange(2 * n) < n
    return Attack(score, member, auroc(score, member, weights))


def _sides(members: int, others: int, n: int, draws: int, seed: int) -> tuple[list[NDArray[np.intp]], Floats]:
    """Who is drawn of each side [n], and bootstrap weights [1 + draws, 2n]; the first row counts everybody once."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(size)[:n] for size in (members, others)]
    weights = np.concatenate([patient_weights(np.arange(n), draws, rng) for _ in range(2)], 1)
    return rows, np.concatenate([np.ones((1, 2 * n), np.float32), weights])
