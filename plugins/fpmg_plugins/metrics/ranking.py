"""Scores of probabilities against labels, each with bootstrap weights: ROC and precision-recall areas, recall, Brier.

Weights [draws, n] say how often a record counts in each draw; every score comes back as [draws], NaN where a draw cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Labels = NDArray[np.int64]
    Measure = Callable[[Floats, Labels, Floats | None], Floats]

DRAWS_AT_ONCE = 10


def auroc(score: Floats, positive: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
    """Area under the ROC curve [draws] under bootstrap weights [draws, n]; ties count half; NaN where a draw has one class."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) != 0])
    return np.concatenate([_auroc(positive, order, starts, w) for w in _few(_weights(weights, len(score)))])


def _auroc(positive: NDArray[np.bool_], order: NDArray[np.intp], starts: NDArray[np.intp], w: Floats) -> Floats:
    pos = np.add.reduceat(w[:, order] * positive[order], starts, axis=1)
    neg = np.add.reduceat(w[:, order] * ~positive[order], starts, axis=1)
    below = neg.cumsum(1) - neg / 2
    pairs = pos.sum(1) * neg.sum(1)
    area: Floats = np.divide((pos * below).sum(1), pairs, out=np.full(len(w), np.nan), where=pairs > 0)
    return area


def auprc(score: Floats, positive: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
    """Average precision [draws]: the sum over thresholds of the gain in recall times the precision (as scikit-learn's)."""
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) != 0])
    return np.concatenate([_auprc(positive, order, starts, w) for w in _few(_weights(weights, len(score)))])


def _auprc(positive: NDArray[np.bool_], order: NDArray[np.intp], starts: NDArray[np.intp], w: Floats) -> Floats:
    pos = np.add.reduceat(w[:, order] * positive[order], starts, axis=1)
    called = np.add.reduceat(w[:, order], starts, axis=1).cumsum(1)
    found = (pos * pos.cumsum(1) / np.maximum(called, 1e-12)).sum(1)
    total = pos.sum(1)
    area: Floats = np.divide(found, total, out=np.full(len(w), np.nan), where=total > 0)
    return area


def macro_auroc(probability: Floats, label: Labels, weights: Floats | None = None) -> Floats:
    """Mean over the classes present among the labels of one class against the rest [draws]; for two classes the usual AUROC."""
    classes = [c for c in range(probability.shape[1]) if 0 < (label == c).sum() < len(label)]
    if probability.shape[1] == 2:
        classes = classes[-1:]
    return _mean_known([auroc(probability[:, c], label == c, weights) for c in classes])


def macro_auprc(probability: Floats, label: Labels, weights: Floats | None = None) -> Floats:
    """Average precision [draws]: of class 1 where there are two, else the mean over the classes present."""
    classes = [c for c in range(probability.shape[1]) if (label == c).any()]
    if probability.shape[1] == 2:
        classes = [1] if 1 in classes else classes
    return _mean_known([auprc(probability[:, c], label == c, weights) for c in classes])


def balanced_accuracy(probability: Floats, label: Labels, weights: Floats | None = None) -> Floats:
    """Mean recall [draws] over the classes present; the most probable class is the one that is called."""
    return _mean_known([recall(probability, label, c, weights) for c in np.unique(label)])


def recall(probability: Floats, label: Labels, c: int, weights: Floats | None = None) -> Floats:
    """Share [draws] of the records of class c for which it is the most probable class."""
    of = np.flatnonzero(label == c)
    w = _weights(weights, len(label))[:, of]
    total = w.sum(1)
    share: Floats = np.divide(w @ (probability[of].argmax(1) == c), total, out=np.full(len(w), np.nan), where=total > 0)
    return share


def brier(probability: Floats, label: Labels, weights: Floats | None = None) -> Floats:
    """Half the squared distance to the one-hot label (Brier 1950) [draws]: in [0, 1], (p - y)^2 for two classes."""
    w = _weights(weights, len(label))
    hot = np.eye(probability.shape[1])[label]
    error: Floats = w @ (((probability - hot) ** 2).sum(1) / 2) / w.sum(1)
    return error


def _few(weights: Floats) -> list[Floats]:
    """Draws by the ten: what is made of them stays in the processor's cache."""
    return np.array_split(weights, max(1, len(weights) // DRAWS_AT_ONCE))


def _weights(weights: Floats | None, n: int) -> Floats:
    return np.ones((1, n), np.float64) if weights is None else weights.astype(np.float64)


def _mean_known(parts: list[Floats]) -> Floats:
    """Mean over the parts that a draw knows [draws]; NaN where it knows none."""
    values = np.stack(parts)
    known = np.isfinite(values)
    mean: Floats = np.where(known, values, 0).sum(0) / np.maximum(known.sum(0), 1)
    return np.where(known.any(0), mean, np.nan)
