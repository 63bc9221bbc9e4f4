"""Which cells are missing, and missing together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]
    Bools = NDArray[np.bool_]

LEAST = 10  # records
TOGETHER, ERRORS = 0.1, 3.0  # correlation, and standard errors, from which on two columns are missing together (or by turns)


@dataclass(frozen=True, slots=True)
class Gaps:
    """rates [c]: share of cells missing; both [c, c]: share of rows in which both are; n: records."""

    rates: Floats
    both: Floats
    n: int

    @property
    def correlation(self) -> Floats:
        """Of missing with missing [c, c]; 0 where a column is never, or always, missing."""
        spread = np.sqrt(self.rates * (1 - self.rates))
        scale = np.outer(spread, spread)
        found: Floats = np.where(scale > 1e-12, (self.both - np.outer(self.rates, self.rates)) / np.maximum(scale, 1e-12), 0.0)
        return np.clip(found, -1.0, 1.0)


def of(cohort: Cohort, name: str) -> Gaps:
    """Of a table's columns by records, of a series' channels by records and steps. NotApplicable below 10 records."""
    have = np.flatnonzero(cohort.present[name])
    if len(have) < LEAST:
        raise NotApplicable(f"{len(have)} records have {name!r}; {LEAST} are needed")
    missing = _missing(cohort, name, have)
    cells = missing.astype(np.float32)
    return Gaps(cells.mean(0, dtype=np.float64), (cells.T @ cells).astype(np.float64) / len(cells), len(have))


def _missing(cohort: Cohort, name: str, have: NDArray[np.intp]) -> Bools:
    """Rows by columns."""
    data = cohort.data[name].take(have)
    if cohort.schemas[name].kind == "series":
        return np.asarray(~data.seen.reshape(-1, data.seen.shape[-1]))
    return np.asarray(data.frame.isna().to_numpy())


def together(real: Gaps, made: Gaps) -> float:
    """Mean over pairs of columns of the total variation distance of (first missing, second missing); of one column its own."""
    if len(real.rates) == 1:
        return float(abs(real.rates - made.rates)[0])
    both = made.both - real.both
    rates = made.rates - real.rates
    first, second = rates[:, None] - both, rates[None, :] - both
    distance = (abs(both) + abs(first) + abs(second) + abs(both + first + second)) / 2
    return float(np.minimum(distance[np.triu_indices(len(rates), 1)], 1.0).mean())


def correlations(real: Gaps, made: Gaps) -> float:
    """Mean difference of correlations over pairs of columns that real records miss together, or by turns. NotApplicable: no such pair.

    Of pairs that are independent among real records the sampling error would be averaged in.
    """
    found = real.correlation
    pairs = np.triu(abs(found) >= max(TOGETHER, ERRORS / np.sqrt(real.n)), 1)
    if not pairs.any():
        raise NotApplicable("no two columns are missing together (or by turns) among the real records")
    return float(abs(made.correlation - found)[pairs].mean())


def presence(real: Cohort, made: Cohort) -> float:
    """Total variation distance between the two mixtures of modalities that a record has."""
    names = list(real.schemas)
    bit = 2 ** np.arange(len(names))
    shares = [
        np.bincount(np.stack([cohort.present[name] for name in names], 1) @ bit, minlength=2 ** len(names)) / len(cohort)
        for cohort in (real, made)
    ]
    return min(1.0, float(abs(shares[0] - shares[1]).sum() / 2))
