"""Do readers agree beyond chance? Cohen's kappa of two, Fleiss' of more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def kappa(ratings: NDArray[np.int64]) -> float:
    """Agreement beyond chance of ratings [readers, cases], categories as whole numbers from 0: Cohen (1960) of two readers, Fleiss (1971) of more.

    NaN where it is undefined: fewer than two readers, no case, or one category alone.
    """
    readers, cases = ratings.shape
    if readers < 2 or not cases:
        return math.nan
    observed, chance = _cohen(ratings) if readers == 2 else _fleiss(ratings)
    return (observed - chance) / (1 - chance) if chance < 1 else math.nan


def _cohen(ratings: NDArray[np.int64]) -> tuple[float, float]:
    """(agreement, agreement by chance), each reader with habits of its own."""
    import numpy as np

    k = int(ratings.max()) + 1
    one, two = (np.bincount(reader, minlength=k) / ratings.shape[1] for reader in ratings)
    return float((ratings[0] == ratings[1]).mean()), float(one @ two)


def _fleiss(ratings: NDArray[np.int64]) -> tuple[float, float]:
    """(agreement, agreement by chance), all readers with the same habits."""
    import numpy as np

    readers = len(ratings)
    votes = np.stack([(ratings == category).sum(axis=0) for category in range(int(ratings.max()) + 1)])
    pairs = (votes * (votes - 1)).sum(axis=0) / (readers * (readers - 1))
    return float(pairs.mean()), float(((votes.sum(axis=1) / votes.sum()) ** 2).sum())
