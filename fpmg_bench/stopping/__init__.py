"""What patients held in decide: that a budget ends, or which class is drawn more often. Who they are, what they are asked, what it costs."""

from fpmg_bench.stopping.apart import Apart
from fpmg_bench.stopping.planned import accesses, adjusted_of, begins, check_of, stop_of, width
from fpmg_bench.stopping.recall import EACH, MOST, highest

__all__ = ["EACH", "MOST", "Apart", "accesses", "adjusted_of", "begins", "check_of", "highest", "stop_of", "width"]
