"""YAML 1.2 -> a validated suite -> trials; errors carry file, line and column, all of them in one pass."""

from fpmg_bench.suite.cohorts import CohortInfo, SiloInfo, describe
from fpmg_bench.suite.expansion import check_request, expand
from fpmg_bench.suite.final import finals
from fpmg_bench.suite.loading import find_suite, load_suite, name_elsewhere, packaged_suites, parse_suite, validate, with_values
from fpmg_bench.suite.model import DatasetEntry, Limits, Method, Plan, Refusal, Suite, Tune
from fpmg_bench.suite.selection import compile_selection

__all__ = [
    "CohortInfo",
    "DatasetEntry",
    "Limits",
    "Method",
    "Plan",
    "Refusal",
    "SiloInfo",
    "Suite",
    "Tune",
    "check_request",
    "compile_selection",
    "describe",
    "expand",
    "finals",
    "find_suite",
    "load_suite",
    "name_elsewhere",
    "packaged_suites",
    "parse_suite",
    "validate",
    "with_values",
]
