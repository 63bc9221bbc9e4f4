"""Column by column: how often each cell is met, real against synthetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.report.beside.cells import LEAST, shares, unmeasured
from fpmg_bench.report.beside.charts import histogram, shared
from fpmg_bench.report.beside.pairs import Pair, Quantity
from fpmg_bench.report.blocks import Cell, Chart, Charts, Head, Row, Table
from fpmg_bench.report.wording import first, listing, percent, plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN = 24  # quantities, of all modalities in turn


def distributions(pair: Pair, id: str, title: str) -> Iterator[Charts]:
    """Nothing where no quantity has two cells of enough patients."""
    shown = pair.quantities[:SHOWN]
    if not shown:
        return
    found = [(each, *_shares(pair, each)) for each in shown]
    heads = [Head("Quantity", numeric=False), Head("Cell", numeric=False), Head("real", unit="of patients")]
    heads += [Head(made.name, unit="of records") for made in pair.made]
    rows = [
        Row(
            [
                Cell(each.title),
                Cell(label),
                Cell(percent(real[i], 1), sort=float(real[i])),
                *(_said(made.get(j), i) for j in range(len(pair.made))),
            ]
        )
        for each, real, made in found
        for i, label in enumerate(each.cells.labels)
    ]
    yield Charts(
        f"beside-columns-{id}",
        f"{title}: column by column",
        [_chart(pair, *each) for each in found],
        Table(f"beside-columns-table-{id}", f"{title}: shares of cells", heads, rows),
        pair.keys,
        _note(pair, shown),
    )


def _shares(pair: Pair, each: Quantity) -> tuple[NDArray[np.float64], dict[int, NDArray[np.float64]]]:
    n = len(each.cells)
    made = {i: shares(codes, pair.made[i].records.patient, n) for i, codes in each.made.items()}
    return shares(each.real, pair.real.patient, n), made


def _said(found: NDArray[np.float64] | None, i: int) -> Cell:
    return Cell("–", tone="muted") if found is None else Cell(percent(found[i], 1), sort=float(found[i]))


def _chart(pair: Pair, each: Quantity, real: NDArray[np.float64], made: dict[int, NDArray[np.float64]]) -> Chart:
    lines = [(pair.made[i].style, found) for i, found in made.items()]
    drawn = histogram(each.cells, real, lines, each.unit) if each.cells.edges else shared(each.cells, real, lines)
    apart = listing(f"{pair.made[i].name} {np.abs(found - real).sum() / 2:.2f}" for i, found in made.items())
    said = [f"apart: {apart}"] if apart else ["no release has it"]
    return Chart(
        each.title,
        drawn,
        f"{each.title}: shares of real patients and of synthetic records, cell by cell",
        "; ".join([*said, *_gaps(pair, each)]),
    )


def _gaps(pair: Pair, each: Quantity) -> Iterator[str]:
    """Who lacks it."""
    if not each.of_all:
        return
    real = unmeasured(each.real, pair.real.patient)
    made = {pair.made[i].name: float((codes < 0).mean()) for i, codes in each.made.items()}
    if real is not None or any(share >= 0.005 for share in made.values()):
        told = [f"real {percent(real)}" if real is not None else f"real fewer than {LEAST} patients"]
        yield f"not measured: {listing([*told, *(f'{name} {percent(share)}' for name, share in made.items())])}"


def _note(pair: Pair, shown: Sequence[Quantity]) -> str:
    merged = sum(each.cells.merged for each in shown)
    more = len(pair.quantities) - len(shown)
    said = [
        "Grey: real patients. Of a number the height is the share for each step of the grid, so that merged cells are low and wide; the first and the last cell are open."
    ]
    said += [
        f"Apart: half the sum of the differences of shares, 0 is equal, 1 has nothing in common. Merged, since fewer than {LEAST} patients were in them: {plural(merged, 'cell')}."
    ]
    said += [f"{more} more quantities are not drawn."] if more > 0 else []
    said += [f"Without two cells of {LEAST} patients, so not drawn: {first(pair.undrawn, 6)}."] if pair.undrawn else []
    return " ".join(said)
