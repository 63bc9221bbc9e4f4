"""Pairs of modalities as a few standardised principal components each, and ridge CCA between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]

KEPT = 6  # components a modality: few enough for a release of 200 records
RIDGE = 0.1  # of the unit variance of a component on T
LEAST = 50  # records that have both modalities
FAR = 4.0  # standard deviations on T beyond which a component is cut off: one outlier must not make a correlation


@dataclass(frozen=True, slots=True)
class Pair:
    """Records that have both modalities of a pair: a, b [n, k] their components, label, patient [n], rows [n] in the cohort."""

    a: Floats
    b: Floats
    label: NDArray[np.int64]
    patient: NDArray[np.int64]
    rows: NDArray[np.intp]

    def take(self, rows: NDArray[np.intp]) -> Pair:
        """Some of the records."""
        return Pair(self.a[rows], self.b[rows], self.label[rows], self.patient[rows], self.rows[rows])


def pair(evidence: Evidence, cohort: Cohort, one: str, two: str) -> Pair:
    """The records of a cohort that have both modalities. Raises NotApplicable for fewer than 50."""
    rows = np.flatnonzero(evidence.complete(cohort, one) & evidence.complete(cohort, two))
    if len(rows) < LEAST:
        raise NotApplicable(f"{len(rows)} of {len(cohort)} records have both {one!r} and {two!r}; {LEAST} are needed")
    a, b = (components(evidence, cohort, name)[rows] for name in (one, two))
    for name, block in ((one, a), (two, b)):
        if not block.shape[1]:
            raise NotApplicable(f"the training patients' {name!r} does not vary")
    return Pair(a, b, cohort.label[rows], cohort.patient[rows], rows)


def components(evidence: Evidence, cohort: Cohort, modality: str) -> Floats:
    """[n, <= KEPT] leading principal components of the modality's block of phi, unit variance on T, cut at +-FAR."""
    centre, axes = evidence.once(("association axes", modality), lambda: _axes(evidence, modality))
    scores: Floats = np.clip((evidence.phi(cohort, modality).astype(np.float64) - centre) @ axes, -FAR, FAR)
    return scores


def _axes(evidence: Evidence, modality: str) -> tuple[Floats, Floats]:
    """Mean [d] and axes [d, <= KEPT] divided by their standard deviation, of the training records that have the modality."""
    x = evidence.phi(evidence.train, modality)[evidence.complete(evidence.train, modality)].astype(np.float64)
    centre = x.mean(0)
    values, vectors = np.linalg.eigh((x - centre).T @ (x - centre) / len(x))
    values, vectors = values[::-1][:KEPT], vectors[:, ::-1][:, :KEPT]
    varied = values > 1e-6 * max(values.max(initial=0.0), 1e-12)
    return centre, vectors[:, varied] / np.sqrt(values[varied])


def centred(x: Floats, label: NDArray[np.int64]) -> Floats:
    """Minus the mean of the records of the same label."""
    out = x.copy()
    for c in np.unique(label):
        out[label == c] -= x[label == c].mean(0)
    return out


def correlations(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Cross-block correlation matrices [draws, ka * kb] under bootstrap weights [draws, n]; 0 for a constant component."""
    w = weights / weights.sum(1, keepdims=True)
    mean_a, mean_b = w @ a, w @ b
    spread_a, spread_b = (np.sqrt(np.maximum(w @ x**2 - m**2, 0)) for x, m in ((a, mean_a), (b, mean_b)))
    both = w @ (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)
    joint = both - (mean_a[:, :, None] * mean_b[:, None, :]).reshape(len(w), -1)
    scale = (spread_a[:, :, None] * spread_b[:, None, :]).reshape(len(w), -1)
    found: Floats = np.divide(joint, scale, out=np.zeros_like(joint), where=scale > 1e-9)
    return found


@dataclass(frozen=True, slots=True)
class Canonical:
    """Ridge CCA learnt on one cohort: means, directions [k, r] and the correlations [r] of its pairs of variates."""

    centre_a: Floats
    centre_b: Floats
    a: Floats
    b: Floats
    correlation: Floats

    @classmethod
    def fit(cls, x: Pair) -> Canonical:
        """Unit-variance directions, largest correlation first."""
        ma, mb = x.a.mean(0), x.b.mean(0)
        a, b = x.a - ma, x.b - mb
        wa, wb = (_inverse_root(z.T @ z / len(z)) for z in (a, b))
        u, s, v = np.linalg.svd(wa @ (a.T @ b / len(a)) @ wb)
        r = min(len(s), a.shape[1], b.shape[1])
        return cls(ma, mb, wa @ u[:, :r], wb @ v[:r].T, np.clip(s[:r], 0.0, 0.99))

    def variates(self, x: Pair) -> tuple[Floats, Floats]:
        """Canonical variates [n, r] of both modalities."""
        return (x.a - self.centre_a) @ self.a, (x.b - self.centre_b) @ self.b


def _inverse_root(second: Floats) -> Floats:
    values, vectors = np.linalg.eigh(second + RIDGE * np.eye(len(second)))
    root: Floats = (vectors / np.sqrt(values)) @ vectors.T
    return root
