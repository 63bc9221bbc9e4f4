"""Pictures against their decoded selves at 64 px: structural similarity, sharpness, and what principal components would reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fpmg_bench.types import Pixels

    Floats = NDArray[np.floating[Any]]

SIDE = 64
RECORDS = 300  # at most: similarity costs 2 ms a frame
TRAINED = 2_000  # records that principal components are fitted on, at most


@dataclass(frozen=True, slots=True)
class Likeness:
    """Means over frames. sharpness: the mean variance of the Laplacian over that of the real frames."""

    ssim: float
    sharpness: float


def compare(real: Pixels, made: Pixels) -> Likeness:
    """The same records, real and decoded; evenly spaced ones where there are many."""
    rows = _some(len(real), RECORDS)
    return likeness(frames(real.take(rows)), frames(made.take(rows)))


def likeness(real: Floats, made: Floats) -> Likeness:
    """Of frames [n, SIDE, SIDE], 0 to 255."""
    from skimage.metrics import structural_similarity

    similarity: Callable[..., float] = structural_similarity
    similar = [similarity(a, b, data_range=255.0) for a, b in zip(real, made, strict=True)]
    sharp = [float(np.mean([_sharpness(frame) for frame in part])) for part in (made, real)]
    return Likeness(float(np.mean(similar)), sharp[0] / sharp[1] if sharp[1] > 0 else float(sharp[0] == 0))


def principal(training: Pixels, real: Pixels, components: int) -> float:
    """SSIM of `real` after principal components of the training pixels (all frames of a record together)."""
    from sklearn.decomposition import PCA

    rows = _some(len(real), RECORDS)
    held = frames(real.take(rows))
    shown = frames(training.take(_some(len(training), TRAINED)))
    count = len(held) // len(rows)  # frames of a record
    flat = shown.reshape(len(shown) // count, -1)
    model = PCA(min(components, len(flat) - 1, flat.shape[1]), svd_solver="randomized", random_state=0).fit(flat)
    made = model.inverse_transform(model.transform(held.reshape(len(rows), -1)))
    return likeness(held, made.reshape(held.shape).clip(0, 255)).ssim


def frames(pixels: Pixels, side: int = SIDE) -> Floats:
    """[records x frames, side, side] float32, 0 to 255, colours averaged, resized with antialiasing."""
    import torch
    from torch.nn import functional as F

    raw = torch.from_numpy(np.ascontiguousarray(pixels.array()))
    flat = raw.reshape(-1, *raw.shape[-3:]).float().mean(1, keepdim=True)
    if tuple(flat.shape[-2:]) != (side, side):
        flat = F.interpolate(flat, (side, side), mode="bilinear", align_corners=False, antialias=True)
    result: Floats = flat[:, 0].numpy()
    return result


def _sharpness(frame: Floats) -> float:
    from scipy.ndimage import laplace

    return float(laplace(frame.astype(np.float64)).var())


def _some(n: int, most: int) -> NDArray[np.intp]:
    return np.linspace(0, n - 1, min(n, most)).astype(np.intp)
