"""Cohorts of different patients and modalities as one: each becomes a silo, what it lacks is absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort, Pixels, Series, Table, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Schema


def join(parts: Mapping[str, Cohort]) -> Cohort:
    """One silo a part, in order. Raises DatasetError where conditions differ or a modality's name is used twice."""
    cohorts = list(parts.values())
    if any(cohort.conditions != cohorts[0].conditions for cohort in cohorts):
        raise DatasetError(f"{', '.join(parts)}: cohorts with different conditions cannot be joined")
    schemas = {name: schema for cohort in cohorts for name, schema in cohort.schemas.items()}
    if len(schemas) < sum(len(cohort.schemas) for cohort in cohorts):
        raise DatasetError(f"{', '.join(parts)}: two cohorts name a modality alike", "rename one in its cohort.yaml")
    first = np.cumsum([0, *(int(cohort.patient.max()) + 1 for cohort in cohorts)])
    return Cohort(
        schemas,
        {name: _filled(schema, name, cohorts) for name, schema in schemas.items()},
        {name: np.concatenate([c.present.get(name, np.zeros(len(c), bool)) for c in cohorts]) for name in schemas},
        cohorts[0].conditions,
        np.concatenate([cohort.condition for cohort in cohorts]),
        np.concatenate([cohort.patient + at for cohort, at in zip(cohorts, first, strict=False)]),
        np.concatenate([np.full(len(cohort), silo) for silo, cohort in enumerate(cohorts)]),
        tuple(parts),
        frozenset().union(*(cohort.leaks for cohort in cohorts)),
        {f"{name}: {reason}": count for name, cohort in parts.items() for reason, count in cohort.dropped.items()},
    )


def _filled(schema: Schema, name: str, cohorts: Sequence[Cohort]) -> Any:
    """The modality's records where they are, and rows without information elsewhere."""
    before = sum(len(c) for c in cohorts[: _owner(name, cohorts)])
    data = cohorts[_owner(name, cohorts)].data[name]
    after = sum(len(c) for c in cohorts) - before - len(data)
    if isinstance(data, Table):
        return Table(data.frame.set_axis(range(before, before + len(data))).reindex(range(before + len(data) + after)))
    if isinstance(data, Text):
        return Text(("",) * before + data.strings + ("",) * after)
    if isinstance(data, Series):
        around = [(before, after), (0, 0)]
        return Series(np.pad(data.time, around), np.pad(data.values, [*around, (0, 0)]), np.pad(data.seen, [*around, (0, 0)]))
    return _pixels(schema, data, before, after)


def _owner(name: str, cohorts: Sequence[Cohort]) -> int:
    return next(i for i, cohort in enumerate(cohorts) if name in cohort.schemas)


def _pixels(schema: Schema, data: Pixels, before: int, after: int) -> Pixels:
    """Read from the one cohort that has them; black elsewhere."""

    def read(rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        found = np.zeros((len(rows), *schema.shape), np.uint8)
        inside = np.flatnonzero((rows >= before) & (rows < before + len(data)))
        if len(inside):
            found[inside] = data.take(rows[inside] - before).array()
        return found

    return Pixels(read, np.arange(before + len(data) + after))
