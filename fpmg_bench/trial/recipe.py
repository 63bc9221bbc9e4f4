"""What it takes to draw a release where nobody holds a patient: the form of records, and how conditions are asked for. JSON in, JSON out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.trial.requested import Law
from fpmg_bench.types import Cohort, Column, Schema

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Recipe:
    """A trained trial's. form: a cohort whose form releases have; what else it holds is not looked at.

    labels: silo -> training records a class [K], noisy ones where sizes are private. silos: those that release, silo -> name.
    """

    form: Cohort
    law: Law
    labels: Mapping[int, NDArray[np.float64]]
    silos: Mapping[int, str]

    def to_json(self) -> dict[str, Any]:
        """Nothing of patients but these counts."""
        return {
            "form": form_note(self.form),
            "drafted": self.form.drafted,
            "law": self.law.to_json(),
            "labels": {str(silo): counts.tolist() for silo, counts in self.labels.items()},
            "silos": {str(silo): name for silo, name in self.silos.items()},
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Recipe:
        """The reverse of `to_json`; its form has no patients."""
        form = form_of(said["form"])
        form = replace(form, drafted=bool(said["drafted"]))
        law = Law.from_json(form.conditions, len(form.classes), said["law"])
        labels = {int(silo): np.asarray(counts, dtype=np.float64) for silo, counts in said["labels"].items()}
        return cls(form, law, labels, {int(silo): name for silo, name in said["silos"].items()})


def form_note(cohort: Cohort) -> dict[str, Any]:
    """Schemas, conditions and leaks of a cohort as JSON: nothing of its patients."""
    schemas = {name: asdict(schema) for name, schema in cohort.schemas.items()}
    return {"schemas": schemas, "conditions": [asdict(c) for c in cohort.conditions], "leaks": sorted(cohort.leaks)}


def form_of(note: Mapping[str, Any]) -> Cohort:
    """A cohort of this form that has no patients."""
    conditions = tuple(Column.from_json(column) for column in note["conditions"])
    nobody = np.zeros(0, np.int64)
    schemas = {name: Schema.from_json(schema) for name, schema in note["schemas"].items()}
    return Cohort(schemas, {}, {}, conditions, np.zeros((0, len(conditions))), nobody, nobody, (), frozenset(note["leaks"]))
