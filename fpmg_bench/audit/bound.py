"""A lower bound on epsilon from one run (Steinke, Nasr and Jagielski, "Privacy Auditing with One (1) Training Run", 2023).

m canaries, each in or out by its own fair coin; r guesses (the rest abstains), v of them right. Under (epsilon, delta)-DP the
number of right guesses is stochastically dominated by Binomial(r, e^eps / (1 + e^eps)), up to a term in delta (theorem 5.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

CONFIDENCE = 0.95
JOINED = 0.5  # of what may go wrong: the part of the audits joined; the other half is shared by each of them alone
MOST = 2**20  # canaries: no audit has more
HALVINGS = 40


def p_value(canaries: int, guesses: int, right: int, epsilon: float, delta: float) -> float:
    """The probability of so many right guesses or more under (epsilon, delta)-DP, from above."""
    import numpy as np
    from scipy.stats import binom

    accuracy = 1 / (1 + math.exp(-epsilon))
    tail = float(binom.sf(right - 1, guesses, accuracy))
    if not right or not delta:
        return min(tail, 1.0)
    below = np.cumsum(binom.pmf(np.arange(right - 1, -1, -1), guesses, accuracy))  # P[right > W >= right - i], i = 1..right
    worst = float((below / np.arange(1, right + 1)).max())
    return min(tail + 2 * canaries * delta * worst, 1.0)


def lower_bound(canaries: int, guesses: int, right: int, delta: float, confidence: float = CONFIDENCE) -> float:
    """The largest epsilon that so many right guesses refute at this confidence; 0 where they refute none.

    >>> round(lower_bound(200, 200, 200, 1e-5), 1), round(lower_bound(1000, 1000, 1000, 1e-5), 1)
    (4.2, 5.8)
    """
    if not 0 <= right <= guesses <= canaries:
        raise ValueError(f"{right} right of {guesses} guesses on {canaries} canaries")
    refuted = 1 - confidence

    def rejects(epsilon: float) -> bool:
        return p_value(canaries, guesses, right, epsilon, delta) < refuted

    if not guesses or not rejects(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while rejects(high):
        low, high = high, high * 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if rejects(middle) else (low, middle)
    return low


def ceiling(canaries: int, guesses: int, delta: float, confidence: float = CONFIDENCE) -> float:
    """The bound that this audit could give at most: every guess right."""
    return lower_bound(canaries, guesses, guesses, delta, confidence)


def needed(epsilon: float, delta: float, share: float = 1.0, confidence: float = CONFIDENCE) -> int | None:
    """The fewest canaries, of which this share is guessed, that refute epsilon if every guess is right.

    Without delta ln(1 / .05) / ln(1 + e^-epsilon), about 3 e^epsilon. With it the term 2 m delta grows with the canaries: None
    where it is too large before there are enough.

    >>> needed(1.0, 1e-5), needed(3.0, 1e-5), needed(8.0, 1e-6)
    (10, 62, 9153)
    """

    def refutes(canaries: int) -> bool:
        guesses = round(share * canaries)
        return guesses > 0 and p_value(canaries, guesses, guesses, epsilon, delta) < 1 - confidence

    low, high = 0, 1
    while not refutes(high):
        if high >= MOST or 2 * high * delta > 1:
            return None
        low, high = high, -(-high * 5 // 4)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if refutes(middle) else (middle, high)
    return high


def together(audit: Mapping[str, Any], among: int) -> tuple[float, float]:
    """Lower bound and ceiling of one of `among` audits, at 95 % confidence for all of them and the joined one together (Bonferroni).

    audit: that entry of trial.json, whose scorers share its part of the confidence. Each alone at 95 %, every twentieth sound claim
    could be accused.
    """
    canaries, guesses, delta = audit["canaries"], audit["guesses"], audit["delta"]
    alone = 1.0 if among == 1 else 1 - JOINED
    confidence = 1 - (1 - CONFIDENCE) * alone / (among * audit.get("tried", 1))
    return lower_bound(canaries, guesses, audit["correct"], delta, confidence), ceiling(canaries, guesses, delta, confidence)


def refuted(audit: Mapping[str, Any], among: int) -> tuple[bool, str]:
    """Does this one of `among` audits refute its claim, by `together`? And the words for it."""
    bad = together(audit, among)[0] > float(audit["formal"])
    return bad, audit["words"] if bad or not audit["violated"] else "refuted by this seed alone, not by all together"
