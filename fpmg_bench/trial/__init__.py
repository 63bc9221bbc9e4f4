"""One trial in ten steps; `run_trial` reads from top to bottom."""

from fpmg_bench.trial.parts import Parts, Sink
from fpmg_bench.trial.run import run_trial

__all__ = ["Parts", "Sink", "run_trial"]
