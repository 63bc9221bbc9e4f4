"""Feature skew: patients go to silos by what they look like. Nobody's values are changed and none are made up."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import SuiteError
from fpmg_bench.partition.draws import rng_of
from fpmg_bench.partition.features import column, features, first_component

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort, Schema


def by_feature(cohort: Cohort, spec: Mapping[str, Any], silos: int, seed: int) -> NDArray[np.int64]:
    """Silo of every patient (ascending patient numbers), sizes equal up to one.

    Patients are sorted by strength z + sqrt(1 - strength^2) e, z the normal score of their feature's rank and e normal noise, and
    cut into `silos` parts: strength 0 is iid, 1 is sorted, between them it is the correlation with z. Without the feature, e alone.
    """
    import numpy as np

    strength = float(spec["strength"])
    z = _normal_scores(score(cohort, spec.get("by")))
    noise = rng_of(seed, "feature").standard_normal(len(z))
    place = np.where(np.isfinite(z), strength * np.nan_to_num(z) + np.sqrt(1.0 - strength**2) * noise, noise)
    order = np.lexsort((noise, place))
    silo = np.empty(len(z), dtype=np.int64)
    silo[order] = np.arange(len(z)) * silos // len(z)
    return silo


def score(cohort: Cohort, by: str | None = None) -> NDArray[np.float64]:
    """The feature of every patient, NaN where unknown.

    by: a condition or a table's column, or a modality: the first principal component of its `features`. None: of the first table,
    where there is none of the first modality. SuiteError for a name that the cohort does not have.
    """
    import numpy as np

    modality = by or default_modality(cohort.schemas)
    if modality in cohort.schemas:
        found = list(features(cohort, modality).values())
        if found:
            return first_component(np.stack(found, axis=1))
        raise SuiteError(f"partition by '{modality}': it has categories only, no number", f"by: {', '.join(sortable(cohort))}")
    values = column(cohort, modality)
    if values is None:
        raise SuiteError(f"partition by '{by}': the cohort has no such column or modality", f"by: {', '.join(sortable(cohort))}")
    return values


def default_modality(schemas: Mapping[str, Schema]) -> str:
    """The first table, else the first modality."""
    tables = [name for name, schema in schemas.items() if schema.kind == "table"]
    return next(iter([*tables, *schemas]), "")


def sortable(cohort: Any) -> list[str]:
    """What `by` may name in a cohort, or in what planning knows of it."""
    tables = {name: schema.columns for name, schema in cohort.schemas.items() if schema.kind == "table"}
    columns = [column.name for found in tables.values() for column in found]
    whole = [f"{name}.{column.name}" for name, found in tables.items() for column in found]
    return list(dict.fromkeys([*cohort.schemas, *(c.name for c in cohort.conditions), *columns, *whole]))


def _normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Van der Waerden's scores: the normal quantile of rank / (n + 1), ties sharing their mean rank; NaN stays."""
    import numpy as np

    known = np.isfinite(values)
    _, inverse, count = np.unique(values[known], return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2
    quantile = np.array([NormalDist().inv_cdf(r / (known.sum() + 1)) for r in rank])
    scores = np.full(len(values), np.nan)
    scores[known] = quantile[inverse]
    return scores
