"""Gives each row its silo: grouped by declared groups, small silos merged, in a fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fpmg_bench.cohorts.tables import strings
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import SiloSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


def silos(
    spec: SiloSpec, manifest: Manifest, label: NDArray[np.float64], declared_at: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """(silo index [n], silo names). Raises DatasetError at a row without a silo, or in one that `names` does not list."""
    cells = strings(manifest.cells(spec.column, declared_at))
    group = {value: name for name, members in spec.groups.items() for value in members}
    if len(group) < sum(map(len, spec.groups.values())):
        raise DatasetError(f"{declared_at}.groups: a value is in two groups")
    named = cells.map(lambda cell: spec.missing if cell is None else group.get(cell, cell))
    if named.isna().any():
        at = int(np.flatnonzero(named.isna())[0])
        raise DatasetError(f"{manifest.place(at, spec.column)}: empty", f"{declared_at}: name the silo of `missing` ones")
    merged = _merge(spec, named, label)
    names = spec.names or tuple(sorted(merged.unique()))
    index = merged.map({name: at for at, name in enumerate(names)})
    if index.isna().any():
        at = int(np.flatnonzero(index.isna())[0])
        raise DatasetError(
            f"{manifest.place(at, spec.column)}: a silo that is not in `names`", f"{declared_at}: list it or group it"
        )
    return index.to_numpy().astype(np.int64), names


def _merge(spec: SiloSpec, named: pd.Series, label: NDArray[np.float64]) -> pd.Series:
    """Silos that are too small become one; that one may stay small itself."""
    counts = pd.crosstab(named.to_numpy(), label)
    small = (counts.sum(axis=1) < spec.min_records) | (counts.min(axis=1) < spec.min_class_records)
    merge = set(counts.index[small])
    return named.where(~named.isin(merge), spec.merge_into)
