"""Series: the mean course of a channel and its spread, real against synthetic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.report.beside.cells import LEAST, Cells, cut
from fpmg_bench.report.beside.charts import band
from fpmg_bench.report.beside.pairs import Pair
from fpmg_bench.report.beside.values import observations
from fpmg_bench.report.blocks import Cell, Chart, Charts, Head, Row, Table
from fpmg_bench.report.wording import number, plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Course = tuple[Floats, Floats]

CHANNELS = 8


def courses(pair: Pair, id: str, title: str) -> Iterator[Charts]:
    """One chart a channel; nothing for cohorts without series."""
    for modality, schema in pair.real.schemas.items():
        if schema.kind == "series" and any(modality in made.records.schemas for made in pair.made):
            found = [
                (channel.name, channel.unit, drawn)
                for i, channel in enumerate(schema.columns[:CHANNELS])
                if (drawn := _channel(pair, modality, i)) is not None
            ]
            if found:
                yield _charts(pair, found, f"{id}-{modality}", f"{title}: {modality}", len(schema.columns))


Drawn = tuple["Floats", "Course", dict[int, "Course"], int]


def _channel(pair: Pair, modality: str, channel: int) -> Drawn | None:
    """(times, real course, course of each release, times without enough patients); None: not two times of enough patients."""
    time, value, patient = observations(pair.real, modality, channel)
    others = {
        i: observations(made.records, modality, channel) for i, made in enumerate(pair.made) if modality in made.records.schemas
    }
    cells, times = cut(value, patient, [v for _, v, _ in others.values()]), cut(time, patient, [t for t, _, _ in others.values()])
    if cells is None or times is None:
        return None
    real = _course(cells, times, (time, value, patient), LEAST)
    theirs = {i: _course(cells, times, seen, 1) for i, seen in others.items()}
    blank = int(np.isnan(real[0]).sum())
    return (times.middles, real, theirs, blank) if len(times) - blank > 1 else None


def _course(cells: Cells, times: Cells, seen: tuple[Floats, Floats, NDArray[np.int64]], least: int) -> Course:
    """Mean and standard deviation over patients of the middles of their cells [t]; NaN for times of fewer than `least` patients."""
    time, value, patient = seen
    at, middle = times.codes(time), cells.middles[cells.codes(value)] if len(value) else value
    mean, spread = np.full(len(times), np.nan), np.full(len(times), np.nan)
    for t in range(len(times)):
        _, who = np.unique(patient[at == t], return_inverse=True)
        if len(who) and who.max() + 1 >= least:
            each = np.bincount(who, weights=middle[at == t]) / np.bincount(who)
            mean[t], spread[t] = each.mean(), each.std()
    return mean, spread


def _charts(pair: Pair, found: list[tuple[str, str, Drawn]], id: str, title: str, channels: int) -> Charts:
    items = [
        Chart(
            name,
            band(time, real, [(pair.made[i].style, *course) for i, course in theirs.items()], unit, "time"),
            f"Mean course of {name} with a standard deviation around it",
        )
        for name, unit, (time, real, theirs, _) in found
    ]
    blank = sum(drawn[3] for _, _, drawn in found)
    more = f" {channels - len(found)} more channels are not drawn." if channels > len(found) else ""
    note = (
        "Mean over patients and, shaded or in thin lines, one standard deviation over patients on either side, of the middles of the cells in which values lie. Time in the cohort's unit. "
        f"Left out, since fewer than {LEAST} real patients were seen then: {plural(blank, 'time')}.{more}"
    )
    return Charts(f"beside-course-{id}", f"{title}, over time", items, _table(pair, found, id, title), pair.keys, note)


def _table(pair: Pair, found: list[tuple[str, str, Drawn]], id: str, title: str) -> Table:
    names = [pair.made[i].name for i in found[0][2][2]]
    heads = [
        Head("Channel", numeric=False),
        Head("time"),
        *(Head(f"{name}, {what}") for name in ("real", *names) for what in ("mean", "SD")),
    ]
    rows = [
        Row(
            [
                Cell(f"{name} ({unit})" if unit else name),
                Cell(number(time[t])),
                *(_value(each[t]) for course in (real, *theirs.values()) for each in course),
            ]
        )
        for name, unit, (time, real, theirs, _) in found
        for t in range(len(time))
    ]
    return Table(f"beside-course-table-{id}", f"{title}: means over time", heads, rows)


def _value(value: float) -> Cell:
    return Cell("–", tone="muted") if np.isnan(value) else Cell(number(value), sort=round(float(value), 4))
