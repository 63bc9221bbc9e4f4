"""What patients held in decide: that a budget ends, or which class is drawn more often. Who they are, what they are asked, what it costs."""

from fpmg_bench.stopping.apart import Apart
from fpmg_bench.stopping.planned import begins, stop_of, width
from fpmg_bench.stopping.recall import EACH

__all__ = ["EACH", "Apart", "begins", "stop_of", "width"]
