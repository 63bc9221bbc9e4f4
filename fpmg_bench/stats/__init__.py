"""Statistics over trials: intervals, paired tests that respect shared patients, equivalence, AMP, Pareto front."""

from fpmg_bench.stats.amp import LOSSES, References, amp, references
from fpmg_bench.stats.compare import compare, summary
from fpmg_bench.stats.intervals import bootstrap, interval
from fpmg_bench.stats.paired import MIN_SEEDS, Equivalence, PairedTest, corrected_t, detectable, holm, tost
from fpmg_bench.stats.pareto import pareto
from fpmg_bench.stats.ranks import MIN_DATASETS, friedman, wilcoxon

__all__ = [
    "LOSSES",
    "MIN_DATASETS",
    "MIN_SEEDS",
    "Equivalence",
    "PairedTest",
    "References",
    "amp",
    "bootstrap",
    "compare",
    "corrected_t",
    "detectable",
    "friedman",
    "holm",
    "interval",
    "pareto",
    "references",
    "summary",
    "tost",
    "wilcoxon",
]
