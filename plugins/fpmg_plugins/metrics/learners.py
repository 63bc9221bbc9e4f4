"""The downstream learners and their features: the evaluation space, wide blocks reduced to principal components on T."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fpmg_bench.errors import NotApplicable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]

Learner = Literal["logistic", "trees", "detail", "network"]
WIDE, KEPT = 40, 24  # a block wider than WIDE is reduced to its KEPT principal components
ROWS = 4_000  # training rows a learner sees at most
TREE_LEAF = 20


def design(evidence: Evidence, cohort: Cohort, modalities: Sequence[str]) -> Floats:
    """Features [n, d] of the modalities: their blocks of phi, 0 where absent, and which of them a record has."""
    parts = []
    for name in modalities:
        block = evidence.phi(cohort, name)
        if block.shape[1] > WIDE:
            block = block @ evidence.once(("principal axes", name), lambda name=name: _axes(evidence, name))  # type: ignore[misc]
        parts += [block, evidence.complete(cohort, name)[:, None]]
    return np.concatenate(parts, 1).astype(np.float64)


def usable(evidence: Evidence, modalities: Sequence[str]) -> tuple[str, ...]:
    """Those modalities that some training record has."""
    return tuple(name for name in modalities if evidence.complete(evidence.train, name).any())


def fit(kind: Learner, x: Floats, label: NDArray[np.int64]) -> Any:
    """A fitted classifier of at most `ROWS` rows (evenly spaced). Raises NotApplicable for fewer than two classes.

    detail: the trees that read what `detail` adds to phi; network: a small one, for two-sample tests.
    """
    rows = spaced(len(x))
    x, label = x[rows], label[rows]
    x = np.where(np.isnan(x).all(0), 0.0, x)  # trees read what is missing, but not a column of nothing else
    if len(np.unique(label)) < 2:
        raise NotApplicable("a classifier needs training records of two classes; these have one")
    makes = {"logistic": _logistic, "network": _network}
    model = makes[kind]() if kind in makes else boosted(len(x), len(np.unique(label)))
    with warnings.catch_warnings():  # stopping at the iteration limit is a setting of this learner, not a fault
        warnings.filterwarnings("ignore", message="lbfgs failed to converge")
        warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iterations")
        return model.fit(x, label)


def spaced(n: int) -> NDArray[np.intp]:
    """Positions of the rows that a learner sees of n."""
    return np.linspace(0, n - 1, min(n, ROWS)).astype(int)


def probability(model: Any, x: Floats, classes: int) -> Floats:
    """P(class | x) [n, classes], 0 for classes that the model never saw."""
    full = np.zeros((len(x), classes))
    full[:, model.classes_] = model.predict_proba(x)
    return full


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=100, tol=1e-3))


def _network() -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), MLPClassifier((64,), alpha=1.0, max_iter=60, random_state=0))


def boosted(n: int, classes: int) -> Any:
    """Boosted trees for n rows of so many classes; of a number where there are none."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    make = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return make(
        max_iter=20 if classes > 2 else 40,
        learning_rate=0.15,
        max_leaf_nodes=8,
        max_bins=63,
        min_samples_leaf=min(TREE_LEAF, max(1, n // 20)),
        early_stopping=False,
        random_state=0,
    )


def _axes(evidence: Evidence, modality: str) -> Floats:
    """Leading eigenvectors [d, KEPT] of the block's second moment among the training records that have the modality."""
    x = evidence.phi(evidence.train, modality)[evidence.complete(evidence.train, modality)].astype(np.float64)
    _, vectors = np.linalg.eigh(x.T @ x)
    leading: Floats = vectors[:, ::-1][:, :KEPT]
    return leading
