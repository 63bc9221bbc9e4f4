"""Membership attacks on a release: can training patients be told from patients that nobody trained on?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.privacy import target_groups
from fpmg_plugins.metrics.privacy.attacks.catalogue import BLACK_BOX, attacks, kind, record_scores
from fpmg_plugins.metrics.privacy.targets import with_weights
from fpmg_plugins.metrics.privacy.worst_attack import Tried
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility_models import score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.privacy.attacks.catalogue import RecordScores

    Floats = NDArray[np.floating[Any]]
    Floors = dict[tuple[str, str, str | None], float]

CHOSEN = "PRIVACY.md: the worst attack, chosen on half of the patients and scored on the other half"
TRACING = "tracing, Homer et al. 2008, Dwork et al. 2015, by ridge regression on all candidates"
LOGAN = "LOGAN, Hayes et al. 2019: the loss of released weights on a record"


def _auc(source: str) -> Scale:
    return Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=source)


class Membership:
    """Training patients (members) against as many held-out patients of the same labels; unit: one patient, whose likeliest
    record counts. AUC in [0, 1], ideal .5, lower is better; 1: every member is recognised. Where nothing travels between silos,
    only a silo's own patients are members of its release (`membership.worst` is then `membership.own`).

    `membership.worst`: the worst of all attacks below, the attack chosen by its AUC on one half of the patients and scored on
    the other; both directions, averaged. Also by class (class:NAME), sex, age band and among the quarter that is least like the
    third set (group:uncommon), with the attack that was chosen on everybody. `membership.minority`: that of the rarest class
    with 20 patients a side. `membership.own`: a silo's own patients against held-out ones of that silo, where silos are natural,
    else of any. `membership.advantage`: TPR - FPR at the threshold chosen with the attack; `membership.tpr`: TPR at the
    threshold that 1 % of non-members pass, where each half has 1,000 of them. `membership.records`: the worst black-box attack.
    `membership.vulnerable`: the worst attack, chosen and scored on the tenth of the targets (100 at least, up to half) whose fifth
    nearest other patient in phi is farthest: an average hides them.
    Black box: `membership.distance`, minus the distance to the closest released record in phi, and in each modality's block;
    `membership.domias`, density of the release over that of a third set of real patients in phi_8, by nearest neighbours
    (1st released, 5th real); `membership.kernel`, the same by Gaussian kernels as published, which blur single copies away:
    .75 for a copy of 4,000 patients. Where the split set no third set aside (below 1,000 patients) R2 is that of R1's patients, R1
    that of R2's, and either, by a coin, that of a training patient.
    Tracing: class means and covariance of what was released, less those of all candidates, are written as a combination of what
    the candidates would add, by ridge regression in three resolutions; a candidate's share is the score. Candidates are all
    training and held-out patients, treated alike, so that no reference is needed. `membership.trace`: 20,000 draws of the released
    model, in its encoders' space (white box); `.vectors`: the vectors of the one release; `.encoded`: its records, encoded again;
    `.records`: its records in phi (black box). `membership.queries`: the same with counts of 2,000 random combinations of up to four
    columns' values (black box, tables). Each is the worst of its resolutions, chosen as above. Released weights: `membership.discriminator`, `membership.encoder` by modality, minus the
    loss on the record; for methods that have them.
    Floor: R2 in the place of the release, R1 as non-members; none for losses. Interval: bootstrap over patients, each draw with the attack that is the best in it.
    Needs 20 patients a side. Standard error of the AUC at n and n patients: 100 .041, 280 .024, 1,000 .013.
    Pitfalls: an attack that fails proves nothing. All know the candidates' whole records; tracing knows all candidates' at once, as
    an auditor does: an outsider who holds a few records finds less. The encoders' overfitting counts as leakage. A member
    used only for early stopping counts as a member.
    """

    family: ClassVar[str] = "PG"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "membership.worst": _auc(CHOSEN),
        "membership.records": _auc(CHOSEN + "; of those that see the released records alone"),
        "membership.minority": _auc(CHOSEN + "; patients of the rarest class"),
        "membership.vulnerable": _auc(f"{CHOSEN}; of the patients farthest from others, Meeus et al. 2023"),
        "membership.own": _auc(CHOSEN + "; the silo's own patients"),
        "membership.advantage": Scale(0.0, False, low=-1.0, high=1.0, unit="share", source="TPR - FPR, Yeom et al. 2018"),
        "membership.tpr": Scale(0.01, False, low=0.0, high=1.0, unit="share", source="TPR at 1 % FPR, Carlini et al. 2022"),
        "membership.distance": _auc("GAN-Leaks, Chen et al. 2020: distance to the closest released record"),
        "membership.domias": _auc("DOMIAS, van Breugel et al. 2023, with nearest-neighbour densities"),
        "membership.kernel": _auc("DOMIAS, van Breugel et al. 2023, with kernel densities"),
        "membership.trace": _auc(f"{TRACING}; by 20,000 draws of the released model"),
        "membership.trace.vectors": _auc(f"{TRACING}; by the vectors of the release"),
        "membership.trace.encoded": _auc(f"{TRACING}; by the released records, encoded again"),
        "membership.trace.records": _auc(f"{TRACING}; by the released records, in phi"),
        "membership.queries": _auc("counts of random subsets of a patient's values, Houssiau et al. 2022 (TAPAS), by tracing"),
        "membership.discriminator": _auc(LOGAN),
        "membership.encoder": _auc(LOGAN),
    }

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Every release attacked, then every silo's own patients."""
        seed = fresh_seed(rng)
        scored: dict[int, RecordScores] = {}  # the records' scores by release, shared by both
        floors = real_side(self, evidence, lambda: self._floors(evidence, seed), "floors", seed)
        found = evidence.each_release(partial(self._release, evidence, seed, floors, scored))
        return found + self._own(evidence, seed, scored)

    def _floors(self, evidence: Evidence, seed: int) -> Floors:
        """The same attacks where R2 was released: nobody among the members or R1 took part in it."""
        known = record_scores(evidence, attacks(evidence, evidence.r2, None, seed), evidence.r1)
        try:
            tried = self._tried(evidence, evidence.r1, known, seed)
            return {(s.key, s.scope, s.modality): s.value for s in self._scores(evidence, evidence.r1, tried)}
        except NotApplicable:  # the release itself says why
            return {}

    def _release(
        self, evidence: Evidence, seed: int, floors: Floors, scored: dict[int, RecordScores], release: Cohort
    ) -> list[Score]:
        silo = next(silo for silo, cohort in evidence.released.items() if cohort is release)
        scored[id(release)] = record_scores(evidence, attacks(evidence, release, silo, seed), evidence.held_out, tell=True)
        rows = target_groups.sides(evidence, release, evidence.held_out)
        tried = self._tried(evidence, evidence.held_out, scored[id(release)], seed, **rows)
        scores = self._scores(evidence, evidence.held_out, tried, tell=True)
        return [replace(s, floor=floors.get((s.key, s.scope, s.modality))) for s in scores]

    def _tried(self, evidence: Evidence, others: Cohort, known: RecordScores, seed: int, **rows: Any) -> Tried:
        targets, weights = with_weights(evidence, others, self.resamples, seed, **rows)
        patient = np.concatenate([evidence.train.patient, others.patient])
        scores = {name: targets.most(patient, value) for name, value in known.items()}
        return Tried(targets, scores, weights)

    def _scores(self, evidence: Evidence, others: Cohort, tried: Tried, tell: bool = False) -> list[Score]:
        """The worst attack overall and by group, then each attack. tell: record what is not applicable."""
        area, n = tried.worst()
        scores = [score("membership.worst", area, n), score("membership.advantage", tried.advantage(), n)]
        scores += self._records(evidence, tried, tell)
        rate = tried.tpr()
        scores += [] if rate is None else [score("membership.tpr", rate, n)]
        scores += self._by_group(evidence, others, tried, tell)
        scores += self._vulnerable(evidence, others, tried, tell)
        for attack, modality in dict.fromkeys((kind(name), name[1]) for name in tried.scores):
            try:
                area, n = self._one(tried, attack, modality)
                scores.append(replace(score(f"membership.{attack}", area, n), modality=modality))
            except NotApplicable as missing:
                if tell:
                    evidence.not_applicable(f"membership.{attack}", missing.reason, modality=modality)
        return scores

    def _one(self, tried: Tried, attack: str, modality: str | None) -> tuple[Floats, int]:
        """One attack's AUC; of one that looks in several ways the worst, chosen as among attacks."""
        looks = {name: value for name, value in tried.scores.items() if (kind(name), name[1]) == (attack, modality)}
        return tried.area(next(iter(looks))) if len(looks) == 1 else replace(tried, scores=looks).worst()

    def _records(self, evidence: Evidence, tried: Tried, tell: bool) -> Iterator[Score]:
        """The worst of the attacks that need no weights."""
        black_box = {name: score for name, score in tried.scores.items() if kind(name) in BLACK_BOX}
        try:
            yield score("membership.records", *replace(tried, scores=black_box).worst())
        except NotApplicable as missing:
            if tell:
                evidence.not_applicable("membership.records", missing.reason)

    def _vulnerable(self, evidence: Evidence, others: Cohort, tried: Tried, tell: bool) -> Iterator[Score]:
        """The worst attack, chosen and scored on those who are farthest from everybody else."""
        try:
            yield score("membership.vulnerable", *tried.only(target_groups.vulnerable(evidence, others, tried.targets)).worst())
        except NotApplicable as missing:
            if tell:
                evidence.not_applicable("membership.vulnerable", missing.reason)

    def _by_group(self, evidence: Evidence, others: Cohort, tried: Tried, tell: bool) -> Iterator[Score]:
        rarest = target_groups.rarest(tried.targets, evidence.train.classes)
        for scope, rows in target_groups.groups(evidence, others, tried.targets).items():
            try:
                found = score("membership.worst", *tried.worst(rows), scope=scope)
            except NotApplicable as missing:
                if tell:
                    evidence.not_applicable("membership.worst", missing.reason, scope=scope)
                continue
            yield found
            if scope == rarest:
                yield replace(found, key="membership.minority", scope="all")

    def _own(self, evidence: Evidence, seed: int, scored: Mapping[int, RecordScores]) -> list[Score]:
        """Each silo's own patients against its own release; the mean over silos that have enough of them."""
        scores = []
        for silo, release in evidence.released.items():
            scope = f"silo:{evidence.silo_names[silo]}"
            rows = target_groups.of_silo(evidence, silo, evidence.held_out)
            try:
                tried = self._tried(evidence, evidence.held_out, scored.get(id(release), {}), seed, **rows)
                scores.append(score("membership.own", *tried.worst(), scope=scope))
            except NotApplicable as missing:
                evidence.not_applicable("membership.own", missing.reason, scope=scope)
        mean = [Score("membership.own", float(np.mean([s.value for s in scores])), n=len(scores))] if scores else []
        return mean + scores
