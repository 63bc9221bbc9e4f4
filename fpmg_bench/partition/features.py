"""What a patient looks like in a few plain numbers, read and never imputed: for sorting patients and for telling silos apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort, Column

    Values = NDArray[np.float64]

CHUNK = 256  # records whose pixels are read at once


def features(cohort: Cohort, modality: str) -> dict[str, Values]:
    """name -> number of every patient (ascending patient numbers), the mean over the records that have it; NaN where none has.

    table: each number and flag · series: the mean of each channel's seen values · text: characters · image, video: mean
    intensity. Categories have no order and are left out.
    """
    import numpy as np

    rows = np.flatnonzero(cohort.present[modality])
    found: dict[str, Values] = {}
    for name, values in _read(cohort, modality, rows):
        whole = np.full(len(cohort), np.nan)
        whole[rows] = values
        found[f"{modality}.{name}"] = by_patient(cohort, whole)
    return found


def column(cohort: Cohort, name: str) -> Values | None:
    """A condition's or table column's number of every patient (a category: its place among the categories); None: no such column."""
    import numpy as np

    for index, condition in enumerate(cohort.conditions):
        if condition.name == name:
            return by_patient(cohort, cohort.condition[:, index])
    for modality, schema in cohort.schemas.items():
        for declared in schema.columns if schema.kind == "table" else ():
            if name in (declared.name, f"{modality}.{declared.name}"):
                rows = np.flatnonzero(cohort.present[modality])
                whole = np.full(len(cohort), np.nan)
                whole[rows] = _cells(cohort.data[modality].take(rows).frame[declared.name], declared)
                return by_patient(cohort, whole)
    return None


def by_patient(cohort: Cohort, values: Values) -> Values:
    """Mean over each patient's records that have the value; NaN where none has."""
    import numpy as np

    patients, inverse = np.unique(cohort.patient, return_inverse=True)
    known = np.isfinite(values)
    total = np.bincount(inverse[known], values[known], minlength=len(patients))
    count = np.bincount(inverse[known], minlength=len(patients))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def first_component(values: Values) -> Values:
    """First principal component of standardised columns [n, d]; NaN where one of its columns is missing.

    Only columns that vary, and that as many rows have as any other, up to a twentieth. Its largest loading is positive.
    """
    import numpy as np

    known = np.isfinite(values).sum(0)
    values = values[:, known >= 0.95 * known.max(initial=0)]
    whole = np.isfinite(values).all(1)
    spread = values[whole].std(0) if whole.any() else np.zeros(values.shape[1])
    values = values[:, spread > 0]
    score = np.full(len(values), np.nan)
    if values.shape[1]:
        standard = (values[whole] - values[whole].mean(0)) / values[whole].std(0)
        loading = np.linalg.svd(standard, full_matrices=False)[2][0]
        score[whole] = standard @ (loading * np.sign(loading[np.abs(loading).argmax()]))
    return score


def _read(cohort: Cohort, modality: str, rows: NDArray[np.intp]) -> Iterator[tuple[str, Values]]:
    import numpy as np

    schema, data = cohort.schemas[modality], cohort.data[modality]
    if schema.kind == "table":
        frame = data.take(rows).frame
        for declared in schema.columns:
            if declared.type != "category":
                yield declared.name, _cells(frame[declared.name], declared)
    elif schema.kind == "series":
        part = data.take(rows)
        seen = part.seen.sum(1)
        means = np.where(part.seen, part.values, 0.0).sum(1, dtype=np.float64) / np.maximum(seen, 1)
        for index, declared in enumerate(schema.columns):
            yield declared.name, np.where(seen[:, index] > 0, means[:, index], np.nan)
    elif schema.kind == "text":
        yield "characters", np.array([len(string) for string in data.take(rows).strings], dtype=np.float64)
    else:
        yield "intensity", np.concatenate([np.empty(0), *_intensities(data, rows)])


def _intensities(pixels: Any, rows: NDArray[np.intp]) -> Iterator[Values]:
    for start in range(0, len(rows), CHUNK):
        array = pixels.take(rows[start : start + CHUNK]).array()
        yield array.reshape(len(array), -1).mean(1, dtype="float64")


def _cells(values: Any, declared: Column) -> Values:
    """A column's numbers; a category's place among those declared, NaN where it is missing."""
    import numpy as np

    if declared.type != "category":
        return np.asarray(values, dtype=np.float64)
    place = {category: float(index) for index, category in enumerate(declared.categories)}
    return np.array([place.get(value, np.nan) for value in values], dtype=np.float64)
