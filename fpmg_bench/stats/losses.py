"""What "worse" means for a score, and how small a difference in it is none in practice. The one definition: tests, AMP and report use it."""

from __future__ import annotations

import math
from collections.abc import Mapping

# Equivalence margins in units of the loss, longest prefix first: 2 points of AUROC, R2 or concordance; 5 % of a ratio; 5 points of a share or error;
# half a decibel of a spectrum; 3 points of an attack, which is about its standard error at a few hundred patients; a quarter of an audit's epsilon.
MARGINS: Mapping[str, float] = {
    "tstr": 0.02,
    "survival": 0.02,
    "augmentation": 0.02,
    "fairness": 0.05,
    "pg.attack": 0.02,
    "pg.worst_attack": 0.02,
    "membership": 0.03,
    "membership.tpr": 0.01,
    "density-ratio": 0.03,
    "density-ratio.tpr": 0.01,
    "neighbour": 0.03,
    "neighbour.rebuilt": 0.05,
    "inference": 0.03,
    "proxies.share": 0.03,
    "proxies.dcr": 0.05,
    "proxies.nndr": 0.05,
    "audit.epsilon_lower": 0.25,
    "c2st": 0.02,
    "latent.c2st": 0.02,
    "latent.coverage": 0.05,
    "rg": 0.05,
    "dg": 0.05,
    "frozen-space": 0.05,
    "prdc": 0.05,
    "support": 0.05,
    "association": 0.05,
    "balance": 0.05,
    "asked-read": 0.05,
    "sdmetrics-quality": 0.02,
    "spectra": 0.05,
    "spectra.distance": 0.5,
    "legibility": 0.05,
    "possible": 0.05,
    "missingness": 0.05,
    "step-change": 0.05,
    "amp.gap.tstr": 0.02,
    "amp.gap.survival": 0.02,
    "amp.gap.rg": 0.05,
    "amp.gap.dg": 0.05,
}


def loss(value: float, higher_is_better: bool | None, best: float | None = None, unit: str = "") -> float | None:
    """A score as a loss, less is better; None where it has no direction at all.

    best: its ideal, None or NaN where it has none. Beyond its ideal a score gains nothing: an attack that does worse than guessing
    (.5) has leaked as little as one that guesses, and a risk below 0 is noise. A ratio without direction has its ideal at 1, and
    twice is as bad as half: |ln value|.
    """
    if higher_is_better is not None:
        if best is None or not math.isfinite(best):
            return -value if higher_is_better else value
        return max(best - value if higher_is_better else value - best, 0.0)
    if unit != "ratio":
        return None
    return abs(math.log(value)) if value > 0 else math.inf


def margin(metric: str, given: Mapping[str, float] | None = None) -> float | None:
    """The equivalence margin of a score: the one given, else that of the longest prefix in `MARGINS`; None where none is stated."""
    if given and metric in given:
        return given[metric]
    prefixes = [prefix for prefix in MARGINS if metric.startswith(prefix)]
    return MARGINS[max(prefixes, key=len)] if prefixes else None
