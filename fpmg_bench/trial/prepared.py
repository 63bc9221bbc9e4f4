"""Steps 2 and 3: a cohort's patients, split and in silos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import DatasetError
from fpmg_bench.evaluation import EvaluationSpace, Measured, Split, split
from fpmg_bench.trial.audited import settle

if TYPE_CHECKING:
    from fpmg_bench.audit.finding import Finding
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial.audited import Audited
    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.trial.released import Released
    from fpmg_bench.trial.silos import Silo
    from fpmg_bench.types import Cohort

SPLITS = ("train", "r1", "r2", "held_out", "third")


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

    def evidence(self, spec: TrialSpec, parts: Parts, space: EvaluationSpace, released: Released) -> Measured:
        """The metrics' view of a release."""
        return Measured(
            train=self.train,
            r1=self.parted.r1,
            r2=self.parted.r2,
            held_out=self.parted.held_out,
            third=self.parted.third,
            space=space,
            silo_names=self.train.silo_names,
            publishable=parts.dataset.publishable,
            seed=spec.seed,
            released=released.records,
            balanced=released.balanced,
            rounds=released.rounds,
            models=released.models,
            ledgers=released.ledgers,
            frames=released.frames,
            bytes=released.bytes,
            plumbing=released.plumbing,
            encode=released.encode,
            round_trip=released.round_trip,
            widths=released.widths,
            learners=released.learners,
        )


def prepare(spec: TrialSpec, parts: Parts) -> PreparedCohort:
    """Steps 2 and 3."""
    cohort = parts.dataset.load()
    if not len(cohort):
        raise DatasetError(f"{spec.dataset_name}: no record is left", "see the reasons in `fpmg-bench list datasets`")
    chosen = cohort.only(tuple(spec.encoders)) if spec.encoders else cohort
    parted = split(chosen, spec.seed, spec.holdout, spec.tuning)
    return PreparedCohort(chosen, *settle(parted, spec))


def people(prepared: PreparedCohort) -> dict[str, Any]:
    """Counts of records and patients: all that is published of real people."""
    parts = {name: getattr(prepared.parted, name) for name in SPLITS}
    counts = {name: {"records": len(p), "patients": len(set(p.patient.tolist()))} for name, p in parts.items() if p is not None}
    return {
        "split": counts | {"unstratified": prepared.parted.unstratified},
        "silos": [silo.summary(prepared.train) for silo in prepared.silos],
        "classes": list(prepared.train.classes),
        "skew": prepared.skew,
        "dropped": dict(prepared.cohort.dropped),
        "leaks": sorted(prepared.cohort.leaks),
    }
