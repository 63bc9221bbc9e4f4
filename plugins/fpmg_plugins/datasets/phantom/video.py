"""Ultrasound-like clips of the phantom: one second of a beating heart beside a lung that consolidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.types import Pixels, Schema
from fpmg_plugins.datasets.phantom.image import to_bytes
from fpmg_plugins.datasets.phantom.latent import Records

if TYPE_CHECKING:
    from fpmg_plugins.datasets.phantom.shapes import Phenotype


def schema(frames: int, size: int) -> Schema:
    """One second of `frames` gray frames."""
    return Schema("video", (), (frames, 1, size, size))


def simulate(records: Records, rng: np.random.Generator, frames: int, size: int) -> Pixels:
    """A bright ring beats at the patient's heart rate; extent weakens the beat, widens the ring and brightens the sick side."""
    n, extent = len(records), records.extent
    at = np.linspace(-1, 1, size, dtype=np.float32)
    seconds = np.arange(frames) / frames
    phase = 2 * np.pi * (records.rate[:, None] / 60 * seconds + rng.random((n, 1)))
    stroke = np.clip(0.3 - 0.22 * extent + 0.05 * rng.standard_normal(n), 0.02, None)
    rest = 0.42 + 0.1 * extent + 0.05 * rng.standard_normal(n)
    radius = _wide(rest[:, None] * (1 - stroke[:, None] * (0.5 + 0.5 * np.sin(phase))))
    distance = np.sqrt(at[None, None, None, :] ** 2 + at[None, None, :, None] ** 2)
    ring = np.exp(-(((distance - radius) / 0.16) ** 2))
    amount = np.clip(0.3 * extent + 0.1 * rng.standard_normal(n), 0, None)
    lung = np.exp(-((at[None, :] - 0.7 * records.side[:, None]) ** 2) / 0.1).astype(np.float32)
    clip = 0.2 + _still(0.05 * records.effect(9)) + 0.5 * ring + _still(amount) * lung[:, None, None, :]
    if records.phenotype is not None:
        clip = clip + _shaped(records.phenotype, at, frames)
    # Speckle of ultrasound is multiplicative.
    clip = clip * (1 + (0.18 + 0.03 * _still(np.tanh(records.effect(10)))) * rng.standard_normal(clip.shape, dtype=np.float32))
    return Pixels.of(to_bytes(clip)[:, :, None])


def _shaped(phenotype: Phenotype, at: np.ndarray, frames: int) -> np.ndarray:
    """A bright spot goes from the middle to (u, v); B-lines with fibrosis, a bright edge with asthma (right) and marker (left)."""
    way = 0.8 * (np.arange(1, frames + 1) / frames)
    x, y = (_wide(values[:, None] * way) for values in (phenotype.u, phenotype.v))
    spot = 0.6 * np.exp(-((at[None, None, None, :] - x) ** 2 + (at[None, None, :, None] - y) ** 2) / (2 * 0.18**2))
    lines = _still(0.15 * phenotype.fibrosis) * (np.cos(6 * np.pi * at) > 0.5)[None, None, None, :]
    right = _still(0.2 * phenotype.asthma) * (at > 0.85)[None, None, None, :]
    left = _still(0.3 * phenotype.marker) * (at < -0.85)[None, None, None, :]
    found: np.ndarray = (spot + lines + right + left).astype(np.float32)
    return found


def _wide(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, :, None, None]


def _still(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, None, None, None]
