"""Conditions of n patients of a class, drawn from the counts of its `Layout`; noisy ones are made a table first.

Flags and categories come from their contingency table. A number has the class's quantiles, tilted by the odds of each flag and
category and raked (iterative proportional fitting, Deming & Stephan 1940) so that both margins stay; within a cell numbers share
a Gaussian copula, solved so that over all cells the class's normal scores correlate as they were counted (NORTA, Cario & Nelson
1997). No value is a patient's: numbers are uniform within parts of their range.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.strata import inside
from fpmg_bench.types import TARGET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.conditions.layout import Layout
    from fpmg_bench.types import Column

    Floats = NDArray[np.float64]
    Tables = dict[tuple[str, tuple[int, ...]], Floats]  # (kind, positions) of a section -> its counts

FEWEST = 5  # patients whose numbers are uniform over the parts that hold them, where counts are exact
PASSES = 20  # of raking, and of filling in what is unknown
PRIOR = 2.0  # patients' worth of independence in every table of two conditions; as many as its cells where counts are noisy
MOST = 0.99  # of a copula's correlation
DRAWS, BISECTIONS = 4000, 10


def drawn(layout: Layout, counts: Floats, n: int, rng: np.random.Generator, label: int) -> Floats:
    """Conditions [n, c] of one class, `label`, whose column is left NaN. counts [width]: noisy where the layout is private.

    A class of which nobody has a condition known gets NaN there, under privacy each value evenly.
    """
    rows = np.full((n, len(layout.columns)), np.nan)
    tables: Tables = {
        (s.kind, s.of): _cleared(counts[s.part] / s.weight, layout.private).reshape(s.shape) for s in layout.sections
    }
    shares, levels, cell = _cells(layout, tables, n, rng)
    if len(levels):
        rows[:, list(layout.joint)] = np.where(_told(tables["cells", layout.joint]), levels[cell], np.nan)
    for j in layout.alone:
        if (table := tables["alone", (j,)]).sum() > 0:
            rows[:, j] = rng.choice(len(table), n, p=table / table.sum())
    known = [j for j in layout.numbers if tables["number", (j,)].sum() > 0]
    given = {j: _given(layout, tables, j, shares, levels) for j in known}
    root = _root(_within(known, given, shares, tables, rng))
    normal = root @ rng.standard_normal((len(known), n))
    for j, z in zip(known, normal, strict=True):
        rows[:, j] = _numbers(layout, j, given[j], cell, z, rng, label)
    return rows


def _cleared(noisy: Floats, private: bool) -> Floats:
    """The nearest table without negative counts and with the same sum (norm-sub, Wang et al. 2020); even where nothing is left."""
    total = noisy.sum()
    if not private:
        return noisy
    if total <= 0:
        return np.full(len(noisy), 1 / len(noisy))
    ordered = np.sort(noisy)[::-1]
    excess = (np.cumsum(ordered) - total) / (np.arange(len(noisy)) + 1)
    found: Floats = (noisy - excess[np.flatnonzero(ordered > excess)[-1]]).clip(min=0)
    return found


def _cells(
    layout: Layout, tables: Tables, n: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64], NDArray[np.intp]]:
    """(share of every cell that occurs [k], its values of the joint conditions [k, joint], the cells of n patients)."""
    table = tables.get(("cells", layout.joint))
    full = None if table is None else _completed(table)
    if full is None or not full.sum() > 0:
        return np.ones(1), np.zeros((0, 0), np.int64), np.zeros(n, np.intp)
    levels = np.argwhere(full > 0)
    shares = full[full > 0] / full.sum()
    return shares, levels, rng.choice(len(shares), n, p=shares)


def _told(table: Floats) -> NDArray[np.bool_]:
    """Of which of a table's conditions anybody's value is known."""
    return np.array([bool(np.moveaxis(table, axis, 0)[:-1].any()) for axis in range(table.ndim)])


def _completed(table: Floats) -> Floats:
    """Without the cells of unknown values: their patients join the known cells that they may be, as often as others do (EM)."""
    axes = range(table.ndim)
    known = table[tuple(slice(-1) for _ in axes)]
    full = known + 1e-9
    for _ in range(PASSES):
        total = known.copy()
        for m in range(1, table.ndim + 1):
            for unknown in combinations(axes, m):
                part = table[tuple(slice(-1, None) if a in unknown else slice(-1) for a in axes)]
                if part.any() and m < table.ndim:
                    total = total + part * full / full.sum(axis=unknown, keepdims=True)
        full = total + 1e-9
    found: Floats = np.where(full > 1e-6, full, 0.0)
    return found


def _given(layout: Layout, tables: Tables, j: int, shares: Floats, levels: NDArray[np.int64]) -> Floats:
    """[cells, parts]: shares of a number's parts in every cell; rows sum to 1, and over cells to the number's own shares."""
    own = tables["number", (j,)]
    if not layout.private and not layout.columns[j].step:
        own = _spread(own)
    own = own / own.sum()
    joint = shares[:, None] * own
    for at, d in enumerate(layout.joint if len(levels) else ()):
        odds = _odds(tables["by", (j, d)], layout.private)
        coarse = np.arange(len(own)) * len(odds) // len(own)
        joint = joint * odds[coarse][:, levels[:, at]].T
    for _ in range(PASSES if len(levels) else 0):
        joint = joint * (own / joint.sum(axis=0).clip(min=1e-300))
        joint = joint * (shares / joint.sum(axis=1).clip(min=1e-300))[:, None]
    found: Floats = joint / joint.sum(axis=1, keepdims=True)
    return found


def _odds(table: Floats, private: bool) -> Floats:
    """How much more often than by chance the two values meet [parts, values]; 1 where nobody tells."""
    total = table.sum()
    chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(total, 1e-300)
    prior = (float(table.size) if private else PRIOR) / max(total, 1e-300)
    found: Floats = np.divide(table + prior * chance, (1 + prior) * chance, out=np.ones_like(table), where=chance > 1e-12)
    return found


def _spread(counts: Floats) -> Floats:
    """Neighbouring parts joined until they hold FEWEST patients, even within: nobody's own number is asked for."""
    out, begun, mass, last = np.zeros_like(counts), -1, 0.0, -1
    for part in np.flatnonzero(counts).tolist():
        begun = part if begun < 0 else begun
        mass += counts[part]
        if mass >= FEWEST:
            out[begun : part + 1] = mass / (part + 1 - begun)
            last, begun, mass = begun, -1, 0.0
    if begun >= 0:  # too few are left: they join the parts before them
        first, end = (last if last >= 0 else begun), int(np.flatnonzero(counts)[-1]) + 1
        out[first:end] = (out[first:end].sum() + mass) / (end - first)
    return out


def _scores(shares: Floats) -> Floats:
    """Normal scores of parts: of the middle of each in the cumulated shares."""
    from scipy.special import ndtri

    found: Floats = ndtri(((np.cumsum(shares) - shares / 2) / shares.sum()).clip(1e-4, 1 - 1e-4))
    return found


def _within(known: list[int], given: dict[int, Floats], shares: Floats, tables: Tables, rng: np.random.Generator) -> Floats:
    """[m, m]: the copula's correlation within cells with which the class's normal scores correlate as counted (NORTA)."""
    cell, z = rng.choice(len(shares), DRAWS, p=shares), rng.standard_normal((2, DRAWS))
    found = np.eye(len(known))
    for a, b in combinations(range(len(known)), 2):
        table = tables.get(("pair", (known[a], known[b])))
        if table is not None and table.sum() > 0:
            found[a, b] = found[b, a] = _solved(table, given[known[a]], given[known[b]], cell, z)
    return found


def _solved(table: Floats, a: Floats, b: Floats, cell: NDArray[np.intp], z: Floats) -> float:
    """By bisection, on the same draws for every guess."""
    target, first = _correlation(table), _parts(a, cell, z[0]) * len(table) // a.shape[1]
    x, y = _scores(table.sum(axis=1)), _scores(table.sum(axis=0))
    low, high = -MOST, MOST
    for _ in range(BISECTIONS):
        guess = (low + high) / 2
        second = _parts(b, cell, guess * z[0] + np.sqrt(1 - guess**2) * z[1]) * len(table) // b.shape[1]
        left, right = x[first], y[second]
        spread = left.std() * right.std()
        reached = np.mean((left - left.mean()) * (right - right.mean())) / spread if spread > 0 else target
        low, high = (guess, high) if reached < target else (low, guess)
    return (low + high) / 2


def _correlation(table: Floats) -> float:
    """Of the normal scores of both sides of a table; 0 where one has no spread."""
    x, y, p = _scores(table.sum(axis=1)), _scores(table.sum(axis=0)), table / table.sum()
    x, y = x - p.sum(axis=1) @ x, y - p.sum(axis=0) @ y
    spread = (p.sum(axis=1) @ x**2) * (p.sum(axis=0) @ y**2)
    return float(x @ p @ y / np.sqrt(spread)) if spread > 1e-12 else 0.0


def _root(correlation: Floats) -> Floats:
    """R with R R^T the nearest that is a correlation: eigenvalues below 0 are none, the diagonal is 1 again."""
    if not len(correlation):
        return correlation
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(values.clip(min=0))
    found: Floats = root / np.linalg.norm(root, axis=1, keepdims=True)
    return found


def _parts(shares: Floats, cell: NDArray[np.intp], z: Floats) -> NDArray[np.intp]:
    """Which part [n] the normal scores z [n] lie in, by the shares of parts [cells, parts] in each one's cell [n]."""
    from scipy.special import ndtr

    ends = np.cumsum(shares, axis=1)[:, :-1].clip(max=1.0) + np.arange(len(shares))[:, None]
    found: NDArray[np.intp] = np.searchsorted(ends.ravel(), ndtr(z) + cell) - cell * ends.shape[1]
    return found.clip(0, ends.shape[1])


def _numbers(
    layout: Layout, j: int, shares: Floats, cell: NDArray[np.intp], z: Floats, rng: np.random.Generator, label: int
) -> Floats:
    """Quantiles at the normal scores z [n] in each patient's cell, uniform within a part."""
    low, high = layout.range(j, label)
    values = low + (_parts(shares, cell, z) + rng.random(len(z))) / shares.shape[1] * (high - low)
    if j == TARGET and layout.columns[0].stands_for == "number":
        low, high = inside(layout.columns[0], layout.columns[j], *layout.ranges[j], label)
    return _stepped(layout.columns[j], values).clip(low, high)


def _stepped(column: Column, values: Floats) -> Floats:
    return np.round(values / column.step) * column.step if column.step else values
