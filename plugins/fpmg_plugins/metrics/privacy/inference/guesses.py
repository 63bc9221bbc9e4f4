"""How much better an attacker guesses about training patients than about patients who were never seen."""

from __future__ import annotations

import math
from typing import Any

from fpmg_bench.types import Score

Z = 1.959963984540054  # 97.5 % quantile of the normal distribution


def wilson(successes: float, n: int) -> tuple[float, float]:
    """Centre and half-width of the 95 % interval of a rate (Wilson 1927)."""
    rate = successes / n
    scale = 1 + Z**2 / n
    return (rate + Z**2 / (2 * n)) / scale, Z / scale * math.sqrt(rate * (1 - rate) / n + Z**2 / (4 * n**2))


def residual(attack: Any, control: Any) -> Any:
    """(attack - control) / (1 - control): of the guesses that fail without a leak, the share that succeeds (Giomi et al. 2023)."""
    return (attack - control) / (1 - control)


def risk(key: str, attack: tuple[float, int], control: tuple[float, int], scope: str = "all") -> Score:
    """The residual of two (successes, tries) and its 95 % interval: Wilson's of both rates, errors propagated (Giomi et al. 2023).

    n: tries of the attack. The control must have failed once.
    """
    (a, wide), (c, broad) = wilson(*attack), wilson(*control)
    value, centre = residual(attack[0] / attack[1], control[0] / control[1]), residual(a, c)
    error = math.hypot(wide / (1 - c), broad * (1 - a) / (1 - c) ** 2)
    low, high = min(value, centre - error), min(1.0, max(value, centre + error))
    return Score(key, float(value), scope, low=float(low), high=float(high), n=attack[1])
