"""What phi leaves out of images and series, for learners that can use it: a frozen network's features, and the raw grid in time.

Videos stay as phi has them: a network would read every frame of every release.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.frozen_features import Network
from fpmg_plugins.metrics.learners import spaced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Series

    Floats = NDArray[np.floating[Any]]

NETWORK = Network(side=32)  # a quarter of frozen-space's pixels: it reads every release that utility is measured on
COMPONENTS = 48  # of a network's features, fitted on T
STRETCHES, CELLS = 24, 240  # of a series: equal parts of T's time, and at most so many numbers in all


def detailed(evidence: Evidence, modalities: Sequence[str]) -> tuple[str, ...]:
    """Those of the modalities that have detail beyond phi: series, and images where a network is installed (else it is said)."""
    found = [name for name in modalities if evidence.train.schemas[name].kind == "series"]
    for name in modalities:
        if evidence.train.schemas[name].kind == "image":
            try:
                _components(evidence, name)
                found.append(name)
            except NotApplicable as missing:
                evidence.not_applicable("tstr.folds", missing.reason, scope="learner:detail", modality=name)
    return tuple(found)


def columns(evidence: Evidence, cohort: Cohort, modalities: Sequence[str], rows: NDArray[np.intp]) -> Floats:
    """[len(rows), d] of these records: NaN where a value was not seen or the modality is absent, which boosted trees read as such."""
    return np.concatenate([_columns(evidence, cohort, name, rows) for name in modalities], 1)


def _columns(evidence: Evidence, cohort: Cohort, name: str, rows: NDArray[np.intp]) -> Floats:
    have = np.flatnonzero(evidence.complete(cohort, name)[rows])
    there = rows[have]
    if cohort.schemas[name].kind == "series":
        start, end = evidence.once(("series time", name), lambda: _times(evidence, name))
        said = grid(cohort.data[name].take(there), start, end)
    else:
        centre, axes = _components(evidence, name)
        said = (NETWORK.seen(evidence, cohort, name, there) - centre) @ axes
    full = np.full((len(rows), said.shape[1]), np.nan)
    full[have] = said
    return full


def grid(series: Series, start: float, end: float) -> Floats:
    """Mean of what was seen of each channel in equal stretches of time [n, stretches * channels]; NaN where nothing was."""
    channels = series.values.shape[2]
    parts = max(4, min(STRETCHES, series.values.shape[1], CELLS // max(channels, 1)))
    at = np.clip((np.nan_to_num(series.time) - start) / ((end - start) or 1.0) * parts, 0, parts - 1).astype(int)
    inside = (at[:, None, :] == np.arange(parts)[None, :, None]).astype(np.float64)
    seen = series.seen & np.isfinite(series.values)
    count = inside @ seen.astype(np.float64)
    total = inside @ np.where(seen, series.values, 0).astype(np.float64)
    found: Floats = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return np.asarray(found.reshape(len(found), -1))


def _times(evidence: Evidence, name: str) -> tuple[float, float]:
    """First and last time at which anything was seen of a training patient."""
    data = evidence.train.data[name].take(np.flatnonzero(evidence.complete(evidence.train, name)))
    when = data.time[data.seen.any(2)]
    return (float(when.min()), float(when.max())) if when.size else (0.0, 1.0)


def _components(evidence: Evidence, name: str) -> tuple[Floats, Floats]:
    """Mean [width] and leading eigenvectors [width, <= COMPONENTS] of a network's features of T."""
    found: tuple[Floats, Floats] = evidence.once(("network components", NETWORK, name), lambda: _fitted(evidence, name))
    return found


def _fitted(evidence: Evidence, name: str) -> tuple[Floats, Floats]:
    have = np.flatnonzero(evidence.complete(evidence.train, name))
    rows = have[spaced(len(have))]
    x = NETWORK.seen(evidence, evidence.train, name, rows).astype(np.float64)
    centre = x.mean(0)
    _, vectors = np.linalg.eigh((x - centre).T @ (x - centre))
    return centre, vectors[:, ::-1][:, :COMPONENTS]
