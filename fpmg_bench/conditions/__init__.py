"""The law of a release's conditions given its labels, from counts: a contingency table, quantiles, and a Gaussian copula."""

from fpmg_bench.conditions.law import drawn
from fpmg_bench.conditions.layout import CELLS, PAIRS, Layout

__all__ = ["CELLS", "PAIRS", "Layout", "drawn"]
