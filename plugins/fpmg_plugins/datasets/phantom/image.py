"""Chest images of the phantom: two lungs, a heart, and what the disease puts there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.types import Pixels, Schema
from fpmg_plugins.datasets.phantom.latent import Records

if TYPE_CHECKING:
    from fpmg_plugins.datasets.phantom.shapes import Phenotype


def schema(size: int) -> Schema:
    """Gray, size x size."""
    return Schema("image", (), (1, size, size))


def simulate(records: Records, rng: np.random.Generator, size: int) -> Pixels:
    """Anatomy with individual shift and scale, an opacity on the patient's side that grows with extent, a bystander blob, noise.

    Pneumonia is a round opacity in the lower field, effusion a band at the base; sites shift brightness and contrast.
    """
    n = len(records)
    at = np.linspace(-1, 1, size, dtype=np.float32)
    move = rng.normal(0, 0.06, (n, 2)).astype(np.float32)
    x = at[None, None, :] - move[:, 0, None, None]
    y = at[None, :, None] - move[:, 1, None, None]
    width = _column(rng.normal(0.3, 0.025, n))
    body = 0.62 - 0.34 * (_ellipse(x + 0.42, y, width, 0.66) + _ellipse(x - 0.42, y, width, 0.66))
    body += 0.25 * _ellipse(x - 0.1, y - 0.3, 0.24, 0.3)
    body += _disease(records, rng, x, y)
    body += _column(rng.uniform(0, 0.18, n)) * _blob(
        x - _column(rng.uniform(-0.6, 0.6, n)), y + _column(rng.uniform(0, 0.6, n)), 0.18
    )
    if records.phenotype is not None:
        body += _shaped(records.phenotype, x, y)
    contrast, brightness = np.exp(0.1 * records.effect(7)), 0.06 * records.effect(8)
    body = _column(contrast) * (body - 0.5) + 0.5 + _column(brightness)
    body += 0.05 * rng.standard_normal(body.shape, dtype=np.float32)
    return Pixels.of(to_bytes(body)[:, None])


def _disease(records: Records, rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    n = len(records)
    amount = np.clip(0.34 * records.extent + rng.normal(0, 0.07, n), 0, None)
    centre = 0.42 * records.side + rng.normal(0, 0.06, n)
    height = 0.25 + rng.normal(0, 0.12, n)
    round_ = _blob(x - _column(centre), y - _column(height), _column(0.16 + 0.12 * records.extent))
    band = np.exp(-((x - _column(centre)) ** 2) / 0.08) / (1 + np.exp(-(y - _column(0.62 - 0.3 * records.extent)) / 0.06))
    return _column(amount) * np.where((records.label == 2)[:, None, None], band, round_)


def _shaped(phenotype: Phenotype, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A nodule at (u, v), lines at the bases with fibrosis, darker apices with asthma, a denser heart with a high marker."""
    body = 0.5 * _blob(x - _column(0.55 * phenotype.u), y - _column(0.55 * phenotype.v), 0.15)
    base = 1 / (1 + np.exp(-(y - 0.25) / 0.08))
    body += 0.1 * _column(phenotype.fibrosis) * base * np.sin(9 * np.pi * x)
    body -= 0.14 * _column(phenotype.asthma) / (1 + np.exp((y + 0.35) / 0.08))
    body += 0.3 * _column(phenotype.marker - 0.5) * _ellipse(x - 0.1, y - 0.3, 0.24, 0.3)
    return body


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Brightness 0 to 1 as uint8."""
    found: np.ndarray = np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return found


def _column(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)[:, None, None]


def _blob(x: np.ndarray, y: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
    blob: np.ndarray = np.exp(-(x**2 + y**2) / (2 * radius**2))
    return blob


def _ellipse(x: np.ndarray, y: np.ndarray, a: np.ndarray | float, b: np.ndarray | float) -> np.ndarray:
    """1 inside, 0 outside, soft over about a tenth of the radius."""
    inside: np.ndarray = 1 / (1 + np.exp(10 * (np.sqrt((x / a) ** 2 + (y / b) ** 2) - 1)))
    return inside
