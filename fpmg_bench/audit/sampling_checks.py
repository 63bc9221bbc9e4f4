"""Do the batches that a shard counted look like the Poisson samples that its ledger was charged for?

All tails are Chernoff bounds from the exact distribution of one batch's size, so the false alarm rate is a promise, not an
approximation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FALSE_ALARM = 1e-6  # of all tests on one silo's ledger together
TAILS = 4  # too large, too small; too uneven, too even


def violations(silo: Mapping[str, Any]) -> Iterator[str]:
    """A line for every way in which `observed` and the entries of a silo's ledger disagree."""
    observed: Mapping[str, Any] = silo.get("observed", {})
    for stage, seen in observed.items():
        if not seen["patients"]:
            continue  # planned, and never opened: nothing of this stage is learnt from patients
        entries = [entry for entry in silo["entries"] if entry["stage"] == stage]
        yield from _uncharged(stage, seen, entries)
        yield from _rates(stage, seen, entries)
        if seen.get("draws"):
            yield from _sizes(stage, seen, FALSE_ALARM / (TAILS * len(observed)))


def _uncharged(stage: str, seen: Mapping[str, Any], entries: list[Mapping[str, Any]]) -> Iterator[str]:
    for kind, mechanism in (("draws", "step"), ("moments", "moments"), ("counts", "counts")):
        charged = sum(int(entry["count"]) for entry in entries if entry["mechanism"] == mechanism)
        if seen[kind] > charged:
            yield f"{stage}: {seen[kind]} {kind} were taken, {charged} charged"


def _rates(stage: str, seen: Mapping[str, Any], entries: list[Mapping[str, Any]]) -> Iterator[str]:
    planned = seen.get("planned", ())
    if sum(size for size, _ in planned) != seen["patients"]:
        yield f"{stage}: planned for {sum(size for size, _ in planned)} patients, opened on {seen['patients']}"
    highest = max((rate for _, rate in planned), default=0.0)
    for entry in entries:
        if entry["mechanism"] == "step" and float(entry["sampling_rate"]) < highest - 1e-12:
            yield f"{stage}: charged at rate {entry['sampling_rate']:g}, planned at {highest:g}"


def _sizes(stage: str, seen: Mapping[str, Any], alpha: float) -> Iterator[str]:
    """Mean and dispersion of the drawn sizes against independent draws of every patient at their planned rate."""
    import numpy as np

    n, total = int(seen["draws"]), int(seen["drawn"])
    chance = _size(seen["planned"])
    sizes = np.arange(len(chance), dtype=np.float64)
    mean = float(chance @ sizes)
    variance = max(float(chance @ (sizes - mean) ** 2), 1e-12)
    text = f"{stage}: {n} batches"
    if tail(chance, sizes, n, total) < alpha:
        yield f"{text} of {total / n:.4g} patients on average, Poisson samples at the planned rate have {mean:.4g}"
        return
    spread = seen["squares"] - 2 * mean * total + n * mean**2
    if tail(chance, (sizes - mean) ** 2, n, spread) < alpha:
        yield f"{text} whose size varies by {spread / n:.4g}, Poisson samples at the planned rate by {variance:.4g}"


def _size(planned: list[tuple[int, float]]) -> Floats:
    """Distribution of one batch's size: independent patients, a binomial for each group."""
    import numpy as np
    from scipy.stats import binom

    chance = np.ones(1)
    for size, rate in planned:
        chance = np.convolve(chance, binom.pmf(np.arange(size + 1), size, rate))
    return chance


def tail(chance: Floats, value: Floats, n: int, total: float) -> float:
    """Probability, from above, that n independent values sum to `total` or lie further out on the same side.

    chance [k], value [k]: the distribution of one value. The least of e^(n log E e^(t value) - t total) over a grid of t.
    """
    import numpy as np
    from scipy.special import logsumexp

    mean = float(chance @ value)
    spread = float(np.sqrt(chance @ (value - mean) ** 2)) or 1.0
    side = 1.0 if total >= n * mean else -1.0
    slopes = side * np.geomspace(1e-4, 1e3, 400) / spread
    with np.errstate(divide="ignore"):
        log = np.log(chance)
    bounds = n * logsumexp(log[None] + slopes[:, None] * value[None], axis=1) - slopes * total
    return float(min(1.0, np.exp(min(bounds.min(), 0.0))))
