"""Power of pictures by frequency, and whether coarse and fine structure lie in the same places. Frequencies: cycles a picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_plugins.metrics.round_trip.pixel_fidelity import frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from fpmg_bench.types import Pixels

    Floats = NDArray[np.floating[Any]]

BANDS: Mapping[str, tuple[float, float]] = {"low": (0.5, 6.0), "middle": (6.0, 10.0), "high": (10.0, np.inf)}
RINGS = (0.5, 1.5, 2.5, 4.0, 6.0, 8.0, 10.0, 14.0, 20.0, 32.0, 64.0)
ROUNDING = 1 / 12  # variance that rounding to whole grey levels adds
CELLS = 8  # a side: where structure is, no finer
AT_ONCE = 256  # records


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Of n records. bands: name -> mean power [n]; rings [n, k]: decibels; together [n]: correlation in place, see `together`."""

    bands: Mapping[str, Floats]
    rings: Floats
    together: Floats


def read(pixels: Pixels, side: int) -> Spectrum:
    """The records' frames at `side` pixels; what a record has several frames of is averaged over them."""
    parts = [_of_frames(shown, count) for shown, count in _at_once(pixels, side)]
    bands = {name: np.concatenate([part.bands[name] for part in parts]) for name in parts[0].bands}
    return Spectrum(bands, np.concatenate([p.rings for p in parts]), np.concatenate([p.together for p in parts]))


def _at_once(pixels: Pixels, side: int) -> Iterator[tuple[Floats, int]]:
    for start in range(0, len(pixels), AT_ONCE):
        part = pixels.take(np.arange(start, min(start + AT_ONCE, len(pixels))))
        shown = frames(part, side)
        yield shown, len(shown) // len(part)


def _of_frames(shown: Floats, count: int) -> Spectrum:
    def by_record(values: Floats) -> Floats:
        means: Floats = values.reshape(-1, count, *values.shape[1:]).mean(1)
        return means

    raw = power(shown)
    radius = _radius(shown.shape[-1])
    bands = {name: by_record(ring_mean(raw, radius, *ends)) for name, ends in there(shown.shape[-1]).items()}
    edges = [edge for edge in RINGS if edge < shown.shape[-1] / 2] + [shown.shape[-1] / 2]
    rings = np.stack([by_record(ring_mean(raw, radius, *ends)) for ends in pairwise(edges)], 1)
    return Spectrum(bands, 10 * np.log10(rings + ROUNDING), by_record(together(shown)))


def there(side: int) -> dict[str, tuple[float, float]]:
    """The bands that a picture of so many pixels has at all: below half of them."""
    return {name: (low, min(high, side / 2)) for name, (low, high) in BANDS.items() if low < side / 2}


def power(shown: Floats) -> Floats:
    """Power spectra [n, side, side] under a Hann window, without the mean; white noise of variance v has v everywhere."""
    from scipy.fft import fft2
    from scipy.signal.windows import hann

    side = shown.shape[-1]
    window = np.outer(hann(side, sym=False), hann(side, sym=False)).astype(np.float32)
    mean = (shown * window).sum((1, 2), keepdims=True) / window.sum()
    spectrum: Floats = np.abs(fft2((shown - mean) * window)) ** 2 / (window**2).sum()
    return spectrum


def ring_mean(spectra: Floats, radius: Floats, low: float, high: float) -> Floats:
    """Mean power [n] over the frequencies in [low, high)."""
    inside = (radius >= low) & (radius < high)
    mean: Floats = spectra[:, inside].mean(1, dtype=np.float64)
    return mean


def together(shown: Floats) -> Floats:
    """Do finer bands have their energy where coarser ones have it? Correlation [n] over 8 x 8 places, mean over adjacent bands.

    Edges are sharp at all frequencies at once, so real pictures correlate; grain of whatever spectrum lies anywhere: 0.
    A picture without structure has 0.
    """
    from scipy.fft import dctn

    side = shown.shape[-1]
    coefficients = dctn(shown, axes=(1, 2), norm="ortho")
    radius = np.hypot(*np.meshgrid(np.arange(side), np.arange(side))) / 2
    energy = [_energy(coefficients, (radius >= low) & (radius < high)) for low, high in there(side).values()]
    pairs = [_correlation(one, other) for one, other in pairwise(energy)]
    return np.asarray(np.mean(pairs, 0)) if pairs else np.zeros(len(shown))


def _energy(coefficients: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Logarithm of a band's energy at each place [n, places], beside that of rounding."""
    from scipy.fft import idctn

    side = coefficients.shape[-1]
    band = idctn(coefficients * inside, axes=(1, 2), norm="ortho")
    cell = np.arange(side) * CELLS // side == np.arange(CELLS)[:, None]
    pool = (cell / cell.sum(1, keepdims=True)).astype(np.float32)
    energy: Floats = np.log(pool @ band**2 @ pool.T + ROUNDING * inside.mean()).reshape(len(band), -1)
    return energy


def _correlation(one: Floats, other: Floats) -> Floats:
    a, b = (side - side.mean(1, keepdims=True) for side in (one, other))
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    found: Floats = np.where(size > 1e-6, (a * b).sum(1) / np.maximum(size, 1e-6), 0.0)
    return found


def _radius(side: int) -> Floats:
    line = np.fft.fftfreq(side, 1 / side)
    return np.asarray(np.hypot(line[:, None], line[None, :]))
