"""A study over one method's parameters: Optuna's TPE proposes, trials answer. They live inside the development set, which no
evaluation trial of the same suite ever sees (`tune.holdout`); cohorts under 300 patients are never tuned.
"""

from fpmg_bench.tune.applied import tuned_suite
from fpmg_bench.tune.objectives import Objective, objectives_of
from fpmg_bench.tune.proposals import Proposal
from fpmg_bench.tune.study import Tuned, tune

__all__ = ["Objective", "Proposal", "Tuned", "objectives_of", "tune", "tuned_suite"]
