"""Budgets that end when patients held in say that training helps no more: who they are, what they are asked, what it costs."""

from fpmg_bench.stopping.apart import Apart
from fpmg_bench.stopping.planned import begins, charges, check_of, stop_of

__all__ = ["Apart", "begins", "charges", "check_of", "stop_of"]
