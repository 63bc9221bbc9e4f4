"""Statistics over trials: intervals, paired tests that respect shared patients, equivalence, verdicts, AMP, Pareto front."""

from fpmg_bench.stats.agreement import kappa
from fpmg_bench.stats.amp import SCORES, References, amp, references
from fpmg_bench.stats.counts import clopper_pearson, findable, fisher, power
from fpmg_bench.stats.intervals import bootstrap, interval
from fpmg_bench.stats.judging import ALPHA, RATIO, Judgement, Pairs, judge
from fpmg_bench.stats.losses import MARGINS, loss, margin
from fpmg_bench.stats.paired import MIN_SEEDS, Equivalence, PairedTest, corrected_t, detectable, holm, tost
from fpmg_bench.stats.pareto import pareto
from fpmg_bench.stats.ranks import MIN_DATASETS, critical_difference, friedman, wilcoxon

__all__ = [
    "ALPHA",
    "MARGINS",
    "MIN_DATASETS",
    "MIN_SEEDS",
    "RATIO",
    "SCORES",
    "Equivalence",
    "Judgement",
    "PairedTest",
    "Pairs",
    "References",
    "amp",
    "bootstrap",
    "clopper_pearson",
    "corrected_t",
    "critical_difference",
    "detectable",
    "findable",
    "fisher",
    "friedman",
    "holm",
    "interval",
    "judge",
    "kappa",
    "loss",
    "margin",
    "pareto",
    "power",
    "references",
    "tost",
    "wilcoxon",
]
