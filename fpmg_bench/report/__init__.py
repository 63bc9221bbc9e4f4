"""The report: one self-contained HTML file of one or several runs."""

from fpmg_bench.report.build import build, write, write_over_time

__all__ = ["build", "write", "write_over_time"]
