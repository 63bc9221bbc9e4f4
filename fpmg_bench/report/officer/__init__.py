"""One page a method for a hospital's data officer: may this be handed out, and what is known of the risk."""

from fpmg_bench.report.officer.sheet import write

__all__ = ["write"]
