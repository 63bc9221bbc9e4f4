"""A runner of its own process: computes the plan that is already written. Usage: python -P fake_parent.py RUN FAKE_TRIAL."""

from __future__ import annotations

import sys
from pathlib import Path

from fpmg_bench.runner import RunPlan, compute
from fpmg_bench.store import RunDir
from fpmg_bench.suite import Suite

if __name__ == "__main__":
    run = RunDir(Path(sys.argv[1]))
    trials = tuple(run.trials())
    suite = Suite(1, "fakes", (0,), (), {}, (), {})
    plan = RunPlan(suite, trials, {}, frozenset(t.id for t in trials), (), (), {}, [], "")
    done = compute(plan, run, 2, lambda event: None, lambda t: [sys.executable, "-P", sys.argv[2], str(run.root), t.key])
    sys.exit(done.code)
