"""Subgroups of patients by public names alone: sex, age band and, of real patients, the silo they came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort

    Masks = dict[str, NDArray[np.bool_]]

PATIENTS, EACH = 30, 5  # held-out patients of a group that is shown, and of each of two classes in it
SEX_NAMES, AGE_NAMES = frozenset({"sex", "gender"}), frozenset({"age", "anchor_age", "patient_age"})
SEX_WORDS = {"f": "F", "female": "F", "woman": "F", "m": "M", "male": "M", "man": "M"}
BANDS: Mapping[str, tuple[float, float]] = {"0-17": (0, 18), "18-39": (18, 40), "40-64": (40, 65), "65+": (65, np.inf)}


def groups(cohort: Cohort) -> dict[str, Masks]:
    """attribute -> group -> records [n]. A record of unknown sex or age is in no group of it."""
    found = {"sex": _sex(cohort), "age": _age(cohort)}
    return {attribute: masks for attribute, masks in found.items() if masks}


def silos(cohort: Cohort) -> Masks:
    """natural silo -> records [n]; {} where the dataset has no silos of its own. Released records have none either."""
    return {name: cohort.silo == k for k, name in enumerate(cohort.silo_names)}


def shown(cohort: Cohort, mask: NDArray[np.bool_]) -> bool:
    """Enough patients, and two classes that enough of them have."""
    people = [len(np.unique(cohort.patient[mask & (cohort.label == c)])) for c in range(len(cohort.classes))]
    return len(np.unique(cohort.patient[mask])) >= PATIENTS and sum(n >= EACH for n in people) >= 2


def _column(cohort: Cohort, names: frozenset[str], kind: str) -> NDArray[Any] | None:
    """The first table column of this name and type, else a condition (not the label)."""
    for modality, schema in cohort.schemas.items():
        for column in schema.columns if schema.kind == "table" else ():
            if column.name.lower() in names and column.type == kind:
                values: NDArray[Any] = cohort.data[modality].frame[column.name].to_numpy().copy()
                values[~cohort.present[modality]] = np.nan if kind == "number" else None
                return values
    for j, column in enumerate(cohort.conditions[1:], 1):
        if column.name.lower() in names and column.type == kind == "number":
            return cohort.condition[:, j]
    return None


def _sex(cohort: Cohort) -> Masks:
    values = _column(cohort, SEX_NAMES, "category")
    if values is None:
        return {}
    sex = np.array([SEX_WORDS.get(str(v).strip().lower(), "") for v in values])
    return {name: sex == name for name in ("F", "M")}


def _age(cohort: Cohort) -> Masks:
    values = _column(cohort, AGE_NAMES, "number")
    return {} if values is None else {band: (values >= low) & (values < high) for band, (low, high) in BANDS.items()}
