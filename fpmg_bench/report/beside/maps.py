"""How quantities go together: correlation maps, and one plane on which real and synthetic records lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.report.beside.cells import LEAST, correlated, correlations, counted, cut
from fpmg_bench.report.beside.charts import grid, plane
from fpmg_bench.report.beside.pairs import Made, Pair, Quantity
from fpmg_bench.report.blocks import Cell, Chart, Charts, Head, Row, Table
from fpmg_bench.report.wording import listing, number, percent, plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MOST = 24  # quantities of a map
DOTS = 300  # records of a release
SIDES = (16, 12, 10, 8, 6, 5, 4, 3, 2)  # cells a side of the plane, the finest that shows enough patients
SEEN = 0.8  # share of the patients that must lie in cells that are shown


def correlation_maps(pair: Pair, id: str, title: str) -> Iterator[Charts]:
    """Real, then each release that has all quantities and its difference from real."""
    shown, made = _common(pair)
    if len(shown) < 3:
        return
    real = correlated([each.real for each in shown], pair.real.patient)
    names = [each.title for each in shown]
    blank = int(np.isnan(real[np.triu_indices(len(shown), 1)]).sum())
    items = [Chart("real patients", grid(real), f"Correlations of {len(shown)} quantities of real patients")]
    theirs: dict[int, Floats] = {}
    for i in made:
        found = correlations([each.made[i] for each in shown], pair.made[i].records.patient)
        theirs[i] = np.where(np.isnan(real), np.nan, found)
        name, apart = pair.made[i].name, theirs[i] - real
        off = apart[np.triu_indices(len(shown), 1)]
        small = f"mean difference {np.nanmean(np.abs(off)):.2f}" if np.isfinite(off).any() else "nothing to compare"
        items.append(Chart(name, grid(theirs[i]), f"The same of {name}"))
        items.append(Chart(f"{name} − real", grid(apart), f"Differences of {name} from real", small))
    note = (
        f"Blue: rise together, or the difference is above 0; orange: the opposite. Numbers of cells are correlated, the same cells as above, so that no outlier leads. {listing(f'{i} {name}' for i, name in enumerate(names, 1))}. "
        f"Crossed: constant, or told by fewer than {LEAST} patients ({plural(blank, 'pair')} of real patients)."
    )
    yield Charts(
        f"beside-correlations-{id}", f"{title}: correlations", items, _pairs(pair, names, real, theirs, id, title), (), note
    )


def _common(pair: Pair) -> tuple[list[Quantity], list[int]]:
    """Ordered quantities that are in the same releases as most are, and these releases."""
    ordered = [each for each in pair.quantities if each.ordered]
    made = [i for i in range(len(pair.made)) if sum(i in each.made for each in ordered) > len(ordered) / 2]
    return [each for each in ordered if all(i in each.made for i in made)][:MOST], made


def _pairs(pair: Pair, names: Sequence[str], real: Floats, theirs: dict[int, Floats], id: str, title: str) -> Table:
    heads = [
        Head("Quantity", numeric=False),
        Head("and", numeric=False),
        Head("real"),
        *(Head(pair.made[i].name) for i in theirs),
    ]
    rows = [
        Row([Cell(names[i]), Cell(names[j]), *(_coefficient(each[i, j]) for each in (real, *theirs.values()))])
        for i in range(len(names))
        for j in range(i)
        if np.isfinite(real[i, j])
    ]
    return Table(f"beside-correlations-table-{id}", f"{title}: correlations of cells' numbers", heads, rows)


def _coefficient(value: float) -> Cell:
    return Cell("–", tone="muted") if np.isnan(value) else Cell(f"{value:.2f}", sort=float(value))


def planes(pair: Pair, id: str, title: str) -> Iterator[Charts]:
    """The first two principal components of the cells' numbers: real patients by the cell, synthetic records as dots."""
    shown, made = _common(pair)
    if len(shown) < 3 or not made:
        return
    codes = np.stack([each.real for each in shown], 1)
    known = codes >= 0
    centre = np.array([codes[known[:, i], i].mean() for i in range(len(shown))])
    spread = np.array([max(float(codes[known[:, i], i].std()), 1e-6) for i in range(len(shown))])
    scaled = _scaled(codes, centre, spread)
    power, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    two = axes[:, ::-1][:, :2]
    two = two * np.sign(two[np.abs(two).argmax(0), [0, 1]])
    points = [(pair.made[i], _scaled(np.stack([each.made[i] for each in shown], 1), centre, spread) @ two) for i in made]
    drawn = _shaded(scaled @ two, pair.real.patient, [found for _, found in points])
    if drawn is None:
        return
    edges, share, blank = drawn
    labels = _label(shown, two, power[::-1], 0), _label(shown, two, power[::-1], 1)
    items = [
        Chart(
            one.name,
            plane(edges, share, [(one.style, found[_some(len(found))])], labels),
            f"{title}: real patients as shades, {one.name} as dots",
        )
        for one, found in points
    ]
    said = (
        f"{percent(blank)} of the real patients lie in cells of fewer than {LEAST}, which are blank."
        if blank >= LEAST / len(pair.real)
        else f"Cells of fewer than {LEAST} real patients are blank."
    )
    note = f"Principal components of the real patients' cells; shades: real patients, {share.shape[0]} × {share.shape[0]} cells; dots: at most {DOTS} synthetic records; + and −: what weighs most. {said}"
    yield Charts(
        f"beside-plane-{id}",
        f"{title}: one plane",
        items,
        _cells(edges, share, points, id, title),
        pair.keys,
        note,
        wide=True,
    )


def _scaled(codes: Ints, centre: Floats, spread: Floats) -> Floats:
    """What is not measured lies at the mean."""
    return np.where(codes >= 0, (codes - centre) / spread, 0.0)


def _some(n: int) -> Ints:
    return np.sort(np.random.default_rng(0).permutation(n)[:DOTS])


def _shaded(real: Floats, patient: Ints, others: Sequence[Floats]) -> tuple[tuple[Floats, Floats], Floats, float] | None:
    """(edges of both axes, share of the shown patients in each cell, share of patients in blank cells); None: too few patients."""
    ends = []
    for axis in (0, 1):
        cells = cut(real[:, axis], patient, [each[:, axis] for each in others])
        if cells is None:
            return None
        ends.append((cells.ends[0], cells.ends[-1]))
    for side in SIDES:
        edges = np.linspace(*ends[0], side + 1), np.linspace(*ends[1], side + 1)
        at = [_place(real[:, axis], edges[axis]) for axis in (0, 1)]
        found = counted(at[0] * side + at[1], patient, side * side)
        blank = 1 - found.sum() / max(len(np.unique(np.stack([at[0] * side + at[1], patient], 1), axis=0)), 1)
        if blank <= 1 - SEEN:
            share = (found / found.sum()).reshape(side, side)
            return edges, share, float(blank)
    return None


def _place(values: Floats, edges: Floats) -> Ints:
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def _label(shown: Sequence[Quantity], two: Floats, power: Floats, axis: int) -> str:
    """The component with its share of the variance and what weighs most in it."""
    order = np.argsort(-np.abs(two[:, axis]))[:3]
    most = ", ".join(f"{'+' if two[i, axis] > 0 else '−'}{shown[i].title.partition(': ')[2] or shown[i].title}" for i in order)
    return f"component {axis + 1} ({percent(power[axis] / power.sum())}): {most}"


def _cells(edges: tuple[Floats, Floats], share: Floats, points: Sequence[tuple[Made, Floats]], id: str, title: str) -> Table:
    """Shares by cell, real beside synthetic, of cells that are shown."""
    side = len(share)
    theirs = [
        np.bincount(_place(f[:, 0], edges[0]) * side + _place(f[:, 1], edges[1]), minlength=side * side) / max(len(f), 1)
        for _, f in points
    ]
    heads = [
        Head("component 1 from"),
        Head("component 2 from"),
        Head("real", unit="of shown"),
        *(Head(one.name) for one, _ in points),
    ]
    rows = [
        Row(
            [
                Cell(number(edges[0][i], 2)),
                Cell(number(edges[1][j], 2)),
                Cell(percent(share[i, j], 1), sort=float(share[i, j])),
                *(Cell(percent(each[i * side + j], 1), sort=float(each[i * side + j])) for each in theirs),
            ]
        )
        for i in range(side)
        for j in range(side)
        if share[i, j] > 0
    ]
    return Table(f"beside-plane-table-{id}", f"{title}: shares by cell of the plane", heads, rows)
