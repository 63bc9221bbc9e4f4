"""Steps 2 and 3: a cohort's patients, split and in silos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.audit.canaries import plant
from fpmg_bench.errors import DatasetError
from fpmg_bench.evaluation import EvaluationSpace, Measured, Split, draws_patients, everyone, fresh, fresh_parts, split
from fpmg_bench.trial.audited import settle
from fpmg_bench.trial.requested import said

if TYPE_CHECKING:
    from fpmg_bench.audit.canaries import Canaries
    from fpmg_bench.audit.finding import Finding
    from fpmg_bench.contracts import Dataset
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial.audited import Audited
    from fpmg_bench.trial.released import Released
    from fpmg_bench.trial.silos import Silo
    from fpmg_bench.types import Cohort

SPLITS = ("train", "r1", "r2", "held_out", "third")


@dataclass(frozen=True, slots=True)
class Training:
    """All that a trial trains on: training patients in silos, nobody else."""

    train: Cohort
    silos: list[Silo]
    audited: Audited | None


@dataclass(frozen=True, slots=True)
class TrainingPatients:
    """The training patients of a dataset and seed, and the canaries among which an audit's coins choose: see `Loaded`."""

    train: Cohort
    canaries: Canaries | None

    def placed(self, spec: TrialSpec) -> Training:
        """Step 3, with the modalities that the trial encodes."""
        train, silos, _, audited = settle(_chosen(self.train, spec), self.canaries, spec)
        return Training(train, silos, audited)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Step 2: a cohort, split by patient: the same for all trials with the same `TrialSpec.scene`."""

    cohort: Cohort
    parted: Split
    canaries: Canaries | None

    @classmethod
    def of(cls, spec: TrialSpec, dataset: Dataset) -> Loaded:
        """Read the cohort and split it, or take the patients of this seed where it draws them anew. Raises DatasetError."""
        if draws_patients(dataset) and not spec.final:
            return cls.fresh(spec, dataset)
        cohort = dataset.load()
        if not len(cohort):
            raise DatasetError(f"{spec.dataset_name}: no record is left", "see the reasons in `fpmg-bench list datasets`")
        return cls.split(spec, cohort)

    @classmethod
    def split(cls, spec: TrialSpec, cohort: Cohort) -> Loaded:
        """A cohort that was read already. In an audit its canaries are made here, of modalities that the trial encodes."""
        cohort = _chosen(cohort, spec) if spec.audit else cohort
        parted = everyone(cohort) if spec.final else split(cohort, spec.seed, spec.holdout, spec.tuning)
        return cls(cohort, *plant(parted, spec.audit, spec.seed)) if spec.audit else cls(cohort, parted, None)

    @classmethod
    def fresh(cls, spec: TrialSpec, dataset: Dataset) -> Loaded:
        """The patients of this seed. What is read of a cohort (silos, what was dropped) is of those who train."""
        parted = fresh_parts(dataset, spec.seed, spec.tuning)
        train = parted.train
        if not spec.audit:
            return cls(train, parted, None)
        parted = parted.only(tuple(spec.encoders) or tuple(train.schemas))
        return cls(parted.train, *plant(parted, spec.audit, spec.seed))

    @classmethod
    def planned(cls, spec: TrialSpec, dataset: Dataset, cohort: Cohort) -> Loaded:
        """To plan with: `cohort` is what `load` gave; of fresh patients only those who train are drawn, but in an audit."""
        if not draws_patients(dataset) or spec.final:
            return cls.split(spec, cohort)
        train = None if spec.audit else fresh(dataset, spec.seed, spec.tuning, "train")
        if train is None:
            return cls.fresh(spec, dataset)
        nobody = train.take(np.arange(0))
        return cls(train, Split(train, nobody, nobody, nobody, None, 0, {}, fresh=True), None)

    @property
    def training(self) -> TrainingPatients:
        """What learners may see."""
        return TrainingPatients(self.parted.train, self.canaries)

    def placed(self, spec: TrialSpec) -> PreparedCohort:
        """Step 3, with the modalities that the trial encodes."""
        there = self.only(spec)
        train, silos, skew, audited = settle(there.parted.train, self.canaries, spec)
        parted = replace(there.parted, train=train) if audited else there.parted
        return PreparedCohort(there.cohort, parted, train, silos, skew, audited)

    def only(self, spec: TrialSpec) -> Loaded:
        """With the modalities that the trial encodes; itself where it has no others."""
        cohort = _chosen(self.cohort, spec)
        return self if cohort is self.cohort else replace(self, cohort=cohort, parted=self.parted.only(tuple(spec.encoders)))


def _chosen(cohort: Cohort, spec: TrialSpec) -> Cohort:
    """With the modalities that the trial encodes; itself where it has no others."""
    modalities = tuple(spec.encoders) or tuple(cohort.schemas)
    return cohort if modalities == tuple(cohort.schemas) else cohort.only(modalities)


@dataclass(slots=True)
class PreparedCohort:
    """What steps 2 and 3 leave behind: real patients, split and in silos. Nothing of it reaches the sink but counts."""

    cohort: Cohort
    parted: Split
    train: Cohort
    silos: list[Silo]
    skew: dict[str, Any]
    audited: Audited | None

    @property
    def training(self) -> Training:
        """What learners may see."""
        return Training(self.train, self.silos, self.audited)

    @property
    def known(self) -> Cohort:
        """The training patients without canaries."""
        return self.train.take(~self.audited.canaries.of(self.train.patient)) if self.audited else self.train

    @property
    def whole(self) -> Cohort:
        """The training patients with all that they have, also what a modality skew withholds: phi is the same for every partition."""
        return self.known if self.audited else self.parted.train

    def audit(self, spec: TrialSpec, space: EvaluationSpace, released: Mapping[int, Cohort], privacy: Any) -> Finding | None:
        """What the canaries tell, where any were planted. privacy: that entry of trial.json, None where nothing is claimed."""
        return self.audited.finding(spec, released, self.known, space, privacy) if self.audited else None

    def real(self, spec: TrialSpec, publishable: bool, space: EvaluationSpace) -> Measured:
        """The metrics' view of the real patients, without a release."""
        return Measured(
            **{name: getattr(self.parted, name) for name in SPLITS if name != "train"},
            train=self.train,
            space=space,
            silo_names=self.train.silo_names,
            publishable=publishable,
            seed=spec.seed,
            released={},
        )


def evidence(real: Measured, train: Cohort, released: Released) -> Measured:
    """The metrics' view of a release beside real patients; what is known of them already is not computed again.

    train: the training patients of `real`, in the silos of the trial.
    """
    given = {part.name: getattr(released, part.name) for part in fields(released)}
    return real.next_release(given.pop("records"), train, **given)


def prepare(spec: TrialSpec, dataset: Dataset) -> PreparedCohort:
    """Steps 2 and 3."""
    return Loaded.of(spec, dataset).placed(spec)


def people(prepared: PreparedCohort) -> dict[str, Any]:
    """Counts of records and patients: all that is published of real people."""
    parts = {name: getattr(prepared.parted, name) for name in SPLITS}
    counts = {name: {"records": len(p), "patients": len(set(p.patient.tolist()))} for name, p in parts.items() if p is not None}
    fresh = {"fresh": True} if prepared.parted.fresh else {}
    return {
        "split": counts | {"unstratified": prepared.parted.unstratified} | fresh,
        "silos": [silo.summary(prepared.train) for silo in prepared.silos],
        "classes": list(prepared.train.classes),
        "conditions": said(prepared.train),
        "skew": prepared.skew,
        "dropped": dict(prepared.cohort.dropped),
        "leaks": sorted(prepared.cohort.leaks),
    }
