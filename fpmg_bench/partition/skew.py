"""Realised skew: how different silos are in labels, sizes, features and modalities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.partition.features import by_patient, features
from fpmg_bench.partition.options import spreading
from fpmg_bench.partition.ordered import score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort


def skew(label: NDArray[np.int64], silo: NDArray[np.int64]) -> dict[str, float]:
    """Realised heterogeneity of records: `js`, `gini`.

    js: mean over pairs of silos of the Jensen-Shannon distance of their label shares (base 2, so in 0..1; Endres and Schindelin,
    2003). gini: Gini coefficient of the silos' sizes (0 equal). Both 0 for one silo.
    """
    import numpy as np

    _, dense = np.unique(silo, return_inverse=True)
    counts = np.zeros((dense.max() + 1, label.max() + 1))
    np.add.at(counts, (dense, label), 1.0)
    shares = counts / counts.sum(1, keepdims=True)
    one, other = np.triu_indices(len(shares), 1)
    pairs = _js_distances(shares[one], shares[other])
    sizes = np.sort(counts.sum(1))
    rank = np.arange(1, len(sizes) + 1)
    gini = 2 * float(rank @ sizes) / (len(sizes) * float(sizes.sum())) - (len(sizes) + 1) / len(sizes)
    return {"js": float(np.mean(pairs)) if len(pairs) else 0.0, "gini": max(gini, 0.0)}


def _js_distances(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """[pairs], of rows of shares [pairs, classes]."""
    import numpy as np

    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(share > 0, share * np.log2(share / middle), 0.0).sum(1) for share in (p, q)]
    found: NDArray[np.float64] = np.sqrt(np.maximum((terms[0] + terms[1]) / 2, 0.0))
    return found


def feature_skew(cohort: Cohort) -> dict[str, float]:
    """`features`: how far apart silos are in what patients look like; `features_by_chance`: what iid silos of their sizes give.

    The mean, over features and pairs of silos, of the standardised difference (`difference`) of every condition but the label and
    of every modality's `features`. Both 0 where there is nothing to compare.
    """
    import numpy as np

    found = [by_patient(cohort, cohort.condition[:, i]) for i, c in enumerate(cohort.conditions) if i and c.type != "category"]
    for modality in cohort.schemas if len(np.unique(cohort.silo)) > 1 else ():
        found += features(cohort, modality).values()
    _, first = np.unique(cohort.patient, return_index=True)
    pairs = [pair for pair in (difference(values, cohort.silo[first]) for values in found) if pair is not None]
    real, chance = np.mean(pairs, axis=0) if pairs else (0.0, 0.0)
    return {"features": float(real), "features_by_chance": float(chance)}


def sorted_skew(cohort: Cohort, spec: Mapping[str, Any]) -> dict[str, float]:
    """Of a partition by a feature: `by`, how far apart silos are in it (`difference`); `without_feature`, patients dealt at random."""
    import numpy as np

    if spreading(spec)["kind"] != "feature":
        return {}
    values = score(cohort, spreading(spec).get("by"))
    _, first = np.unique(cohort.patient, return_index=True)
    apart = difference(values, cohort.silo[first])
    return {"by": apart[0] if apart else 0.0, "without_feature": int(np.isnan(values).sum())}


def difference(values: NDArray[np.float64], silo: NDArray[np.int64]) -> tuple[float, float] | None:
    """(mean over pairs of silos of |difference of means| / standard deviation of all, the same expected of iid silos).

    The standardised difference of Austin (2009), who calls .1 negligible. Of random disjoint groups of a and b, it has the variance
    1/a + 1/b exactly, and about the mean sqrt(2/pi (1/a + 1/b)). NaN values are left out; None: constant, or in one silo only.
    """
    import numpy as np

    known = np.isfinite(values)
    values, silo = values[known], silo[known]
    groups = [values[silo == index] for index in np.unique(silo)]
    if len(groups) < 2 or values.min() == values.max():
        return None
    one, other = np.triu_indices(len(groups), 1)
    means, sizes = np.array([group.mean() for group in groups]), np.array([len(group) for group in groups])
    real = np.mean(np.abs(means[one] - means[other])) / values.std(ddof=1)
    chance = np.mean(np.sqrt(2 / math.pi * (1 / sizes[one] + 1 / sizes[other])))
    return float(real), float(chance)


def absent(cohort: Cohort) -> float:
    """Share of the pairs of a silo and a modality in which the silo has no record of it, over modalities that any silo has."""
    import numpy as np

    silos = len(np.unique(cohort.silo))
    held = [len(np.unique(cohort.silo[mask])) for mask in cohort.present.values() if mask.any()]
    pairs = silos * len(held)
    return (pairs - sum(held)) / pairs if held else 0.0
