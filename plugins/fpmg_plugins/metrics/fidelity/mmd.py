"""Maximum mean discrepancy: are released and held-out patients of one distribution?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.distances import placed, some
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]

GRETTON = "Gretton et al. 2012, unbiased, Gaussian kernel at the median distance"


class Mmd:
    """Squared maximum mean discrepancy between the release and the held-out patients H in phi.

    `mmd`: the unbiased estimate with a Gaussian kernel whose width is the median distance of the real and released records
    together; about 0 for one distribution (it may fall slightly below), lower is better. `mmd.p`: share of `permutations` random
    divisions of the same records with at least this value: uniform for a perfect release, small where they differ. Floor: the
    training patients in the place of the release. At most `rows` records of each. Needs 50 each. Pitfalls: with one patient's
    several records the permutation p is too small; one width cannot see structure at all scales.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "mmd": Scale(0.0, False, low=-1.0, high=2.0, unit="squared discrepancy", source=GRETTON),
        "mmd.p": Scale(1.0, None, low=0.0, high=1.0, unit="p", source="permutation of the pooled records"),
    }

    def __init__(self, rows: Annotated[int, Ge(50)] = 800, permutations: Annotated[int, Ge(19)] = 199) -> None:
        self.rows = rows
        self.permutations = permutations

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """The estimate and its p of every release."""
        seed = fresh_seed(rng)
        real = real_side(self, evidence, lambda: self._scores(evidence, seed, evidence.train), "floor", seed)
        floor = {s.key: s.value for s in real}
        return [replace(score, floor=floor[score.key]) for score in evidence.each_release(partial(self._scores, evidence, seed))]

    def _scores(self, evidence: Evidence, seed: int, release: Cohort) -> list[Score]:
        rng = np.random.default_rng(seed)
        parts = [placed(evidence, part, least=50).x.astype(np.float64) for part in (evidence.held_out, release)]
        size = min(self.rows, *map(len, parts))
        real, made = (part[some(len(part), size, rng)] for part in parts)
        kernel = gaussian_kernel(np.concatenate([real, made]))
        value = unbiased(kernel, np.arange(2 * size) < size)
        draws = [unbiased(kernel, rng.permutation(2 * size) < size) for _ in range(self.permutations)]
        p = (1 + sum(draw >= value for draw in draws)) / (1 + self.permutations)
        return [Score("mmd", value, n=size), Score("mmd.p", float(p), n=size)]


def gaussian_kernel(x: Floats) -> Floats:
    """exp(-|x - y|^2 / (2 s^2)) [n, n] with s the median distance between different rows."""
    from scipy.spatial.distance import pdist, squareform

    squares = pdist(x, "sqeuclidean")
    width = float(np.median(squares)) or 1.0
    kernel: Floats = squareform(np.exp(-squares / (2 * width)))
    return kernel + np.eye(len(x))


def unbiased(kernel: Floats, first: NDArray[np.bool_]) -> float:
    """Unbiased MMD^2 of the rows that are `first` and the others (Gretton et al. 2012, equation 3)."""
    sign = np.where(first, 1.0, 0.0)
    n, m = int(first.sum()), int((~first).sum())
    to_first = kernel @ sign
    total_first = float(sign @ to_first)
    total_cross = float(to_first[~first].sum())
    total_other = float(kernel.sum()) - total_first - 2 * total_cross
    return (total_first - n) / (n * (n - 1)) + (total_other - m) / (m * (m - 1)) - 2 * total_cross / (n * m)
