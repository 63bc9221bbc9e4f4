"""The random streams of a partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpmg_bench.keys import seed_for

if TYPE_CHECKING:
    import numpy as np


def rng_of(seed: int, *path: str | int) -> np.random.Generator:
    """A fresh generator for one draw of a partition."""
    import numpy as np

    return np.random.Generator(np.random.PCG64(seed_for(seed, "partition", *path)))
