"""What "worse" means for a score, 0 at best, and how small a difference in it is none in practice."""

from __future__ import annotations

import math
from collections.abc import Mapping

# The best value of scores that have neither "higher" nor "lower is better" throughout: guessing, for an attack.
GUESSING: Mapping[str, float] = {"pg.attack_auc": 0.5, "pg.attack_own": 0.5, "pg.worst_attack": 0.5, "c2st": 0.5}

# Equivalence margins in units of the loss, longest prefix first: 2 points of AUROC; 5 % of a ratio; 5 points of a share or error.
MARGINS: Mapping[str, float] = {
    "tstr": 0.02,
    "augmentation": 0.02,
    "fairness": 0.05,
    "pg.attack": 0.02,
    "pg.worst_attack": 0.02,
    "c2st": 0.02,
    "rg": 0.05,
    "dg": 0.05,
    "prdc": 0.05,
    "support": 0.05,
    "association": 0.05,
    "balance": 0.05,
    "sdmetrics-quality": 0.02,
    "amp.gap.tstr": 0.02,
    "amp.gap.rg": 0.05,
    "amp.gap.dg": 0.05,
}


def loss(metric: str, value: float, higher_is_better: bool | None, unit: str = "") -> float | None:
    """The score as a loss, less is better; None where it has no direction at all.

    A ratio whose direction is none has its ideal at 1, and twice is as bad as half: |ln value|. An attack that guesses has lost
    nothing, and neither has one that does worse than guessing.
    """
    if metric in GUESSING:
        return max(value - GUESSING[metric], 0.0)
    if higher_is_better is not None:
        return -value if higher_is_better else value
    if unit != "ratio":
        return None
    return abs(math.log(value)) if value > 0 else math.inf


def margin(metric: str, given: Mapping[str, float] | None = None) -> float | None:
    """The equivalence margin of a score: the one given, else that of the longest prefix in `MARGINS`; None where none is stated."""
    if given and metric in given:
        return given[metric]
    prefixes = [prefix for prefix in MARGINS if metric.startswith(prefix)]
    return MARGINS[max(prefixes, key=len)] if prefixes else None
