"""Encoders alone: in the place of a release, the training patients themselves, encoded and decoded.

What separates this from real patients is lost by encoders, what separates a release from this by its generator. These records are as
private as real ones: they are measured, and never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fpmg_bench.keys import seed_for
from fpmg_bench.trial.requested import BALANCED
from fpmg_bench.trial.vectors import round_trips

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.evaluation.evidence import Made
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.trial.prepared import PreparedCohort
    from fpmg_bench.types import Cohort, State


def decoded(
    spec: TrialSpec, parts: Parts, prepared: PreparedCohort, models: Mapping[int, Mapping[str, State]]
) -> tuple[Made, Made]:
    """What stands for the release and for its uniformly labelled sample, decoded when a metric first asks; nothing under privacy,

    where no epsilon covers patients who are decoded.
    """
    if spec.privacy is not None:
        return {}, {}
    return (
        lambda: round_trips(parts, prepared.train, prepared.known, models),
        lambda: round_trips(parts, prepared.train, balanced(prepared.known, spec.seed), models),
    )


def balanced(train: Cohort, seed: int) -> Cohort:
    """Training records with every label equally often, rare ones repeated."""
    import numpy as np

    rng = np.random.default_rng(seed_for(seed, "decoded"))
    labels = np.unique(train.label)
    n = min(len(train), BALANCED)
    requested = np.bincount(np.arange(n) % len(labels), minlength=len(labels))
    return train.take(
        np.concatenate([_some(np.flatnonzero(train.label == c), k, rng) for c, k in zip(labels, requested, strict=True)])
    )


def _some(rows: NDArray[np.intp], k: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """k of these rows, each as often as the others but once."""
    import numpy as np

    return np.concatenate([rng.permutation(rows) for _ in range(-(-k // len(rows)))])[:k]
