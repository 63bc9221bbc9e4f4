"""Exact statements about counts: a proportion's interval, two proportions' difference, and what a study of such a size can find."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a binomial proportion (Clopper & Pearson 1934); (0, 1) of no trial."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, successes, n - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, n - successes)) if successes < n else 1.0
    return low, high


def fisher(a: int, n_a: int, b: int, n_b: int) -> float:
    """Two-sided p of a of n_a and b of n_b having one probability, whatever it is (Fisher 1935): all tables that are no likelier."""
    return float(_fisher_table(n_a, n_b)[a, b])


@lru_cache(maxsize=8)
def _fisher_table(n_a: int, n_b: int) -> NDArray[np.float64]:
    """p [n_a + 1, n_b + 1] of every pair of counts."""
    import numpy as np
    from scipy.stats import hypergeom

    found = np.ones((n_a + 1, n_b + 1))
    for total in range(n_a + n_b + 1):
        a = np.arange(max(0, total - n_b), min(n_a, total) + 1)
        chance = hypergeom.pmf(a, n_a + n_b, n_a, total)
        no_likelier = chance[None, :] <= chance[:, None] * (1 + 1e-7)  # equal ones may differ in their last bits
        found[a, total - a] = np.minimum((chance * no_likelier).sum(axis=1), 1.0)
    return found


def power(share: float, n_a: int, n_b: int, alpha: float = 0.05) -> float:
    """Probability that Fisher's test finds who is right in this share of both kinds of cases."""
    from scipy.stats import binom

    a = binom.pmf(range(n_a + 1), n_a, share)
    b = binom.pmf(range(n_b + 1), n_b, 1 - share)
    return float(a @ (_fisher_table(n_a, n_b) < alpha) @ b)


def findable(n_a: int, n_b: int, wanted: float = 0.8, alpha: float = 0.05) -> float | None:
    """The least share of right answers, the same in both kinds, that Fisher's test finds with power `wanted`; None: not even all."""
    if power(1.0, n_a, n_b, alpha) < wanted:
        return None
    low, high = 0.5, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle, n_a, n_b, alpha) >= wanted else (middle, high)
    return high
