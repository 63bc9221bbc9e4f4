"""Two runs, or two methods, side by side: means with intervals over seeds, and the paired difference where seeds are shared."""

from fpmg_bench.comparison.alike import alike
from fpmg_bench.comparison.rows import Row, compare
from fpmg_bench.comparison.sides import Cell, Lost, Side, held_out_ratio

__all__ = ["Cell", "Lost", "Row", "Side", "alike", "compare", "held_out_ratio"]
