"""Plan a suite, skip what is done, execute the rest as subprocesses, tell what happens. Heavy imports happen when called."""

from fpmg_bench.runner.estimate import expected, remaining, seconds_by_method
from fpmg_bench.runner.outcome import Outcome, compute, joined, run, write_results
from fpmg_bench.runner.planning import RunPlan, keyed, plan
from fpmg_bench.runner.wire import Wire

__all__ = [
    "Outcome",
    "RunPlan",
    "Wire",
    "compute",
    "expected",
    "joined",
    "keyed",
    "plan",
    "remaining",
    "run",
    "seconds_by_method",
    "write_results",
]
