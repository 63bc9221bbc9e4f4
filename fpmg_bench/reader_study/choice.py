"""Which records become cases: as many of each label in every kind, by lot, one of each patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fpmg_bench.errors import StoreError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

LEAST = 2  # cases of a kind


def wanted(cases: int, share: float, decoded: bool) -> tuple[int, int, int]:
    """How many cases are real, synthetic, decoded. Raises StoreError where that leaves a kind with next to none."""
    synthetic = round(share * cases)
    other = (cases - synthetic) // 2 if decoded else 0
    found = cases - synthetic - other, synthetic, other
    if min(found[:2]) < LEAST or (decoded and other < LEAST):
        raise StoreError(
            f"--cases {cases} --share {share:g}: {found[0]} real, {synthetic} synthetic, {other} decoded",
            f"at least {LEAST} of each: more --cases, or another --share",
        )
    return found


def candidates(patient: Counts, there: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows in random order, of these that may be shown, one of each patient: cases of one patient would not be independent."""
    import numpy as np

    rows = rng.permutation(np.flatnonzero(there))
    _, first = np.unique(patient[rows], return_index=True)
    return rows[np.sort(first)]


def shares(stocks: Sequence[tuple[Counts, int]]) -> Floats:
    """The labels' shares [K], the same in every kind and as even as the stocks allow, from (candidates a label [K], cases wanted).

    A label's share tells the kind where one kind has more of it, so the scarcest decides. Raises StoreError where that is too little.
    """
    import numpy as np

    most = np.min([stock / cases for stock, cases in stocks], axis=0)
    if (total := float(most.sum())) < 1:
        raise StoreError(
            f"too few records for so many cases: balanced by label there are enough for {int(total * sum(n for _, n in stocks))}",
            "fewer --cases, another --share, or without --modality",
        )
    found = np.zeros(len(most))
    while (left := 1 - found.sum()) > 1e-12:
        open_ = found < most - 1e-12
        found = np.where(open_, np.minimum(most, found + left / open_.sum()), found)
    return found


def taken(rows: NDArray[np.intp], label: Counts, share: Floats, cases: int) -> list[int]:
    """The first `cases` of the rows with these shares of labels [K]; largest remainders get what is left (Hamilton)."""
    import numpy as np

    stock = np.bincount(label[rows], minlength=len(share))
    parts = np.minimum(np.floor(share * cases + 1e-9).astype(np.int64), stock)
    while parts.sum() < cases:
        parts[np.argmax(np.where(parts < stock, share * cases - parts, -np.inf))] += 1
    return [int(row) for value, n in enumerate(parts) for row in rows[label[rows] == value][:n]]


def told(names: Sequence[str], share: Floats, counts: Mapping[str, Counts]) -> list[str]:
    """A line for each label of which no case is shown although one kind has it."""
    return [
        f"no case of {name}: " + ", ".join(f"{kind} {int(stock[at])}" for kind, stock in counts.items())
        for at, name in enumerate(names)
        if share[at] <= 0 and any(stock[at] for stock in counts.values())
    ]
