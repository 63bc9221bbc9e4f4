"""Long tables: a row for every seen value, under the source's names, at the times that it has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_plugins.datasets.folder.source.cells import number_texts
from fpmg_plugins.datasets.folder.spec import SeriesSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort, Series

    Texts = list[str | None]


def long_rows(spec: SeriesSpec, data: Series, here: NDArray[np.bool_], records: Texts) -> dict[str, Texts]:
    """Column -> cells, by record, time and variable. records [n]: their names."""
    row, step, channel = np.nonzero(data.seen & here[:, None, None])
    value = data.values[row, step, channel]
    found: dict[str, Texts] = {
        spec.record: [records[at] for at in row],
        spec.time: number_texts(data.time[row, step]),
        spec.variable: [spec.columns[at].source for at in channel],
        spec.value: _values(spec, channel, value),
    }
    return found | ({spec.step: [str(at) for at in step]} if spec.step else {})


def _values(spec: SeriesSpec, channel: NDArray[np.intp], value: NDArray[np.float32]) -> Texts:
    """Each channel with the decimals of its own step."""
    cells = np.empty(len(value), dtype=object)
    for at, column in enumerate(spec.columns):
        mine = channel == at
        cells[mine] = number_texts(value[mine], column.step)
    return list(cells)


def files(cohort: Cohort, modalities: Any, records: Texts) -> Iterator[tuple[str, dict[str, Texts]]]:
    """(file, columns) of every long table; modalities that share one are in it one after the other."""
    tables: dict[str, dict[str, Texts]] = {}
    for name, spec in modalities.items():
        if isinstance(spec, SeriesSpec) and name in cohort.schemas:
            rows = long_rows(spec, cohort.data[name], cohort.present[name], records)
            table = tables.setdefault(spec.file, {})
            length = max(map(len, table.values()), default=0)
            added = len(rows[spec.record])
            for column in dict.fromkeys([*table, *rows]):
                table[column] = table.get(column, [None] * length) + rows.get(column, [None] * added)
    yield from tables.items()
