"""Scores of probabilities against labels: area under the ROC curve with bootstrap weights, and its companions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]


def auroc(score: Floats, positive: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
    """Area under the ROC curve [draws] under bootstrap weights [draws, n]; ties count half; NaN where a draw has one class."""
    w = np.ones((1, len(score)), np.float64) if weights is None else weights.astype(np.float64)
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) != 0])
    pos = np.add.reduceat(w[:, order] * positive[order], starts, axis=1)
    neg = np.add.reduceat(w[:, order] * ~positive[order], starts, axis=1)
    below = neg.cumsum(1) - neg / 2
    pairs = pos.sum(1) * neg.sum(1)
    area: Floats = np.divide((pos * below).sum(1), pairs, out=np.full(len(w), np.nan), where=pairs > 0)
    return area


def macro_auroc(probability: Floats, label: NDArray[np.int64], weights: Floats | None = None) -> Floats:
    """Mean over the classes present among the labels of one class against the rest [draws]; for two classes the usual AUROC."""
    classes = [c for c in range(probability.shape[1]) if 0 < (label == c).sum() < len(label)]
    if probability.shape[1] == 2:
        classes = classes[-1:]
    areas = np.stack([auroc(probability[:, c], label == c, weights) for c in classes])
    known = np.isfinite(areas)
    mean: Floats = np.where(known, areas, 0).sum(0) / np.maximum(known.sum(0), 1)
    return np.where(known.any(0), mean, np.nan)


def macro_auprc(probability: Floats, label: NDArray[np.int64]) -> float:
    """Average precision: of class 1 where there are two, else the mean over the classes present."""
    from sklearn.metrics import average_precision_score

    classes = [c for c in range(probability.shape[1]) if (label == c).any()]
    if probability.shape[1] == 2:
        classes = [1] if 1 in classes else classes
    return float(np.mean([average_precision_score(label == c, probability[:, c]) for c in classes]))


def balanced_accuracy(probability: Floats, label: NDArray[np.int64]) -> float:
    """Mean recall over the classes present of the most probable class."""
    right = probability.argmax(1) == label
    return float(np.mean([right[label == c].mean() for c in np.unique(label)]))


def brier(probability: Floats, label: NDArray[np.int64]) -> float:
    """Half the squared distance to the one-hot label (Brier 1950): in [0, 1], (p - y)^2 for two classes."""
    hot = np.eye(probability.shape[1])[label]
    return float(((probability - hot) ** 2).sum(1).mean() / 2)
