"""Vital signs of the phantom over two days: irregular times, five channels, values missing by design."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.types import Column, Schema, Series
from fpmg_plugins.datasets.phantom.latent import Records

if TYPE_CHECKING:
    from fpmg_plugins.datasets.phantom.shapes import Phenotype

STEPS, HOURS = 24, 48.0
UNITS = ("/min", "/min", "°C", "%", "mmHg")
# level at rest, change with extent, standard deviation of the patient and of the hour, correlation from step to step
CHANNELS = {
    "heart_rate": (0.0, 8.0, 5.0, 5.0, 0.7),
    "respiratory_rate": (15.0, 3.5, 2.4, 1.8, 0.6),
    "temperature": (36.8, 0.5, 0.35, 0.25, 0.8),
    "spo2": (97.0, -2.2, 1.3, 0.9, 0.6),
    "systolic_pressure": (124.0, -8.0, 11.0, 7.0, 0.7),
}


def schema() -> Schema:
    """24 steps (hours since admission) of five vital signs."""
    ranges = ((20, 220), (4, 60), (33, 42), (50, 100), (50, 230))
    columns = tuple(
        Column(name, "number", low=low, high=high, step=0.1, unit=unit)
        for name, (low, high), unit in zip(CHANNELS, ranges, UNITS, strict=True)
    )
    return Schema("series", columns, (STEPS,))


def simulate(records: Records, rng: np.random.Generator, missing: float) -> Series:
    """Level (with the patient's own offset), a trend that follows extent, an hourly AR(1); the heart rate is about `rate`."""
    n = len(records)
    pace = HOURS / STEPS
    time = pace * (np.arange(STEPS) + 0.5) + rng.uniform(-0.4 * pace, 0.4 * pace, (n, STEPS))
    values = np.stack([_channel(name, records, rng, time) for name in CHANNELS], axis=2)
    if records.phenotype is not None:
        values = values + _shaped(records.phenotype, time)
    low, high = np.array([(c.low, c.high) for c in schema().columns], dtype=float).T
    # Sicker patients are measured more often; sites differ in how often they measure at all.
    unseen = np.clip(missing + 0.35 * (1 - records.extent) * np.exp(0.5 * records.effect(4)), 0, 0.9)
    if records.phenotype is not None:  # and those of v below -.3 half as often as others
        unseen = np.where(records.phenotype.v < -0.3, 0.5 + 0.5 * unseen, unseen)
    seen = rng.random(values.shape) >= unseen[:, None, None]
    seen[:, 0, :] |= ~seen.any(axis=1)
    values = np.round(np.clip(values, low, high), 1)
    return Series(time.astype(np.float32), np.where(seen, values, 0.0).astype(np.float32), seen)


def _shaped(phenotype: Phenotype, time: np.ndarray) -> np.ndarray:
    """[n, t, channels]: u is a level and v a trend, together the phase of the temperature's day, and their product a pressure."""
    u, v, marker = (getattr(phenotype, name)[:, None] for name in ("u", "v", "marker"))
    asthma, fibrosis = phenotype.asthma[:, None], phenotype.fibrosis[:, None]
    day, late = 2 * np.pi * time / 24, time / HOURS - 0.5
    added = {
        "heart_rate": 16 * u + 8 * asthma + 0 * time,
        "respiratory_rate": 14 * v * late + 4 * asthma,
        "temperature": 1.1 * (u * np.cos(day) + v * np.sin(day)),
        "spo2": -3.0 * fibrosis - 2.0 * v * late,
        "systolic_pressure": 26 * u * v + 30 * (marker - 0.5) + 0 * time,
    }
    return np.stack([np.broadcast_to(added[name], time.shape) for name in CHANNELS], axis=2)


def _channel(name: str, records: Records, rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    rest, change, between, within, memory = CHANNELS[name]
    n = len(records)
    level = rest + change * records.extent + between * rng.standard_normal(n)
    if name == "heart_rate":
        level = level + records.rate
    if name == "systolic_pressure":
        level = level + 0.3 * (records.age - 54)
    if name == "temperature":
        level = level + 0.2 * (records.label == 1) + 0.15 * records.effect(5)
    trend = 0.4 * change * records.extent[:, None] * (time / HOURS - 0.5)
    return level[:, None] + trend + within * _autoregressive(rng.standard_normal((n, STEPS)), memory)


def _autoregressive(noise: np.ndarray, memory: float) -> np.ndarray:
    """Stationary AR(1) of unit variance along the second axis."""
    out = noise.copy()
    for step in range(1, out.shape[1]):
        out[:, step] = memory * out[:, step - 1] + np.sqrt(1 - memory**2) * noise[:, step]
    return out
