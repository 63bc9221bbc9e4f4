"""Plan a suite, skip what is done, execute the rest as subprocesses, tell what happens. Heavy imports happen when called."""

from fpmg_bench.runner.estimate import expected, remaining, seconds_by_method
from fpmg_bench.runner.outcome import (
    Elsewhere,
    Outcome,
    Work,
    carry_out,
    compute,
    execution,
    joined,
    run,
    write_results,
)
from fpmg_bench.runner.planning import RunPlan, keyed, plan, recomputed
from fpmg_bench.runner.wire import Wire

__all__ = [
    "Elsewhere",
    "Outcome",
    "RunPlan",
    "Wire",
    "Work",
    "carry_out",
    "compute",
    "execution",
    "expected",
    "joined",
    "keyed",
    "plan",
    "recomputed",
    "remaining",
    "run",
    "seconds_by_method",
    "write_results",
]
