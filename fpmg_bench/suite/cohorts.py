"""What planning knows about a cohort: counts and declared schemas, no rows. JSON in, JSON out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from fpmg_bench.types import Column, Schema

if TYPE_CHECKING:
    from fpmg_bench.types import Cohort


@dataclass(frozen=True)
class SiloInfo:
    """One natural silo. label_counts: records a class; present: records a modality."""

    name: str
    records: int
    patients: int
    label_counts: tuple[int, ...]
    present: Mapping[str, int]


@dataclass(frozen=True)
class CohortInfo:
    """One cohort. label_counts: records a class; present: records a modality; leaks: modalities that contain the label.

    fresh: every seed trains on as many patients of its own, and holds others out. source: how its files are written, as
    `Dataset.source` says.
    """

    name: str
    fingerprint: str
    schemas: Mapping[str, Schema]
    conditions: tuple[Column, ...]
    classes: tuple[str, ...]
    label_counts: tuple[int, ...]
    n: int
    patients: int
    present: Mapping[str, int]
    silos: tuple[SiloInfo, ...] = ()
    leaks: tuple[str, ...] = ()
    licence: str = ""
    publishable: bool = False
    dropped: Mapping[str, int] = field(default_factory=dict)
    fresh: bool = False
    source: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain mappings, lists and scalars."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CohortInfo:
        """The inverse of `as_json`, also after a trip through JSON text."""
        schemas = {name: Schema.from_json(schema) for name, schema in data["schemas"].items()}
        silos = tuple(SiloInfo(**{**silo, "label_counts": tuple(silo["label_counts"])}) for silo in data["silos"])
        tuples = {name: tuple(data[name]) for name in ("classes", "label_counts", "leaks")}
        conditions = tuple(Column.from_json(column) for column in data["conditions"])
        return cls(**{**data, **tuples, "schemas": schemas, "conditions": conditions, "silos": silos})


def describe(dataset_name: str, dataset: Any, cohort: Cohort) -> CohortInfo:
    """Counts of a loaded cohort. dataset: the component it came from (licence, publishable, fingerprint)."""
    import numpy as np

    from fpmg_bench.evaluation import draws_patients

    everyone = np.ones(len(cohort), dtype=bool)
    sites = tuple(_silo(cohort, name, cohort.silo == index) for index, name in enumerate(cohort.silo_names))
    whole = _silo(cohort, dataset_name, everyone)
    return CohortInfo(
        dataset_name,
        dataset.fingerprint(),
        dict(cohort.schemas),
        cohort.conditions,
        cohort.classes,
        whole.label_counts,
        whole.records,
        whole.patients,
        whole.present,
        sites,
        tuple(sorted(cohort.leaks)),
        dataset.licence,
        dataset.publishable,
        dict(cohort.dropped),
        draws_patients(dataset),
        dataset.source() if hasattr(dataset, "source") else {},
    )


def _silo(cohort: Cohort, name: str, rows: Any) -> SiloInfo:
    import numpy as np

    labels = np.bincount(cohort.label[rows], minlength=len(cohort.classes))
    present = {modality: int(mask[rows].sum()) for modality, mask in cohort.present.items()}
    return SiloInfo(name, int(rows.sum()), len(np.unique(cohort.patient[rows])), tuple(map(int, labels)), present)
