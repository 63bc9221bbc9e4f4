"""What is measured of every record, whatever its modality: columns of tables, channels' means, lengths of texts, brightness of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort, Column

PICTURES = 200  # records whose pictures are read
FLAG = ("no", "yes")


@dataclass(frozen=True, slots=True)
class Values:
    """One quantity. found [n] float64: a number, or the index of one of `names`; NaN not measured. step: its rounding.

    of_all: every record was looked at, so that a gap is a gap; pictures are read of a few records alone.
    """

    modality: str
    name: str
    found: NDArray[np.float64]
    names: tuple[str, ...] = ()
    unit: str = ""
    step: float = 0.0
    of_all: bool = True

    @property
    def title(self) -> str:
        return f"{self.modality}: {self.name.replace('_', ' ')}" if self.modality else self.name.replace("_", " ")


def values(cohort: Cohort) -> list[Values]:
    """Conditions first, then a quantity of each modality in turn, so that the first few are of all of them."""
    conditions = [_column("", column, cohort.condition[:, i]) for i, column in enumerate(cohort.conditions)]
    kept = [each for each in conditions if len(each.names) != 1]
    turns = zip_longest(*(list(_modality(cohort, name)) for name in cohort.schemas))
    return kept + [each for turn in turns for each in turn if each is not None]


def _modality(cohort: Cohort, name: str) -> Iterator[Values]:
    schema, data, here = cohort.schemas[name], cohort.data[name], cohort.present[name]
    match schema.kind:
        case "table":
            for column in schema.columns:
                yield _column(name, column, _known(data.frame[column.name], here, column))
        case "series":
            for i, column in enumerate(schema.columns):
                seen = data.seen[:, :, i] & here[:, None]
                n = seen.sum(1)
                total = np.where(seen, data.values[:, :, i], 0.0).sum(1, dtype=np.float64)
                mean = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
                yield Values(name, f"{column.name}, mean of a record", mean, unit=column.unit)
        case "text":
            length = np.array([len(string) for string in data.strings], dtype=np.float64)
            yield Values(name, "length", np.where(here, length, np.nan), unit="characters", step=1.0)
        case _:
            yield from _pictures(name, data, here)


def _pictures(name: str, data: Any, here: NDArray[np.bool_]) -> Iterator[Values]:
    """Of the first PICTURES records in a fixed random order: who is read does not depend on what is in the pictures."""
    rows = np.flatnonzero(here)
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:PICTURES])
    mean, spread = np.full(len(here), np.nan), np.full(len(here), np.nan)
    if len(rows):
        pixels = data.take(rows).array().reshape(len(rows), -1)
        mean[rows], spread[rows] = pixels.mean(1), pixels.std(1)
    yield Values(name, "brightness", mean, unit="of 255", of_all=False)
    yield Values(name, "contrast", spread, unit="of 255", of_all=False)


def _column(modality: str, column: Column, found: NDArray[np.float64]) -> Values:
    names = column.categories if column.type == "category" else FLAG if column.type == "flag" else ()
    return Values(modality, column.name, found.astype(np.float64), tuple(names), column.unit, column.step or 0.0)


def _known(cells: Any, here: NDArray[np.bool_], column: Column) -> NDArray[np.float64]:
    if column.type == "category":
        index: Sequence[Any] = cells.map({name: float(i) for i, name in enumerate(column.categories)})
        found = np.asarray(index, dtype=np.float64)
    else:
        found = cells.to_numpy(dtype=np.float64)
    known: NDArray[np.float64] = np.where(here & np.isfinite(found), found, np.nan)
    return known


def observations(
    cohort: Cohort, modality: str, channel: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """(times, values, patients) of all that was seen of a channel."""
    data = cohort.data[modality]
    seen = data.seen[:, :, channel] & cohort.present[modality][:, None]
    patients = np.broadcast_to(cohort.patient[:, None], seen.shape)
    return data.time[seen].astype(np.float64), data.values[:, :, channel][seen].astype(np.float64), patients[seen]
