"""Runs of one suite beside each other, in the order of their dates: what a change of the code did to the scores."""

from fpmg_bench.report.over_time.panel import sections

__all__ = ["sections"]
