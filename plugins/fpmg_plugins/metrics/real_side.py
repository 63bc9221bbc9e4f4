"""What a metric computes on real patients alone: once a cohort, whatever is released afterwards."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fpmg_plugins.metrics.resampling import patient_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]

T = TypeVar("T")
KEPT_BYTES = 32 * 2**20  # of bootstrap weights; larger ones are drawn anew each time


def real_side(metric: Any, evidence: Evidence, make: Callable[[], T], *what: Hashable, of: Cohort | None = None) -> T:
    """What `make` gives for real patients, or for those of one cohort.

    The key: the metric with its parameters, and `what`, with the seed where `make` draws.
    """
    found: T = evidence.once((type(metric), *sorted(vars(metric).items()), *what), make, of)
    return found


def known(evidence: Evidence, cohort: Cohort) -> bool:
    """Whether the cohort lives as long as the evidence: real patients or a release, not a part of one."""
    real = (evidence.train, evidence.r1, evidence.r2, evidence.held_out, evidence.third)
    return any(cohort is part for part in (*real, *evidence.released.values()))


def drawn(evidence: Evidence, people: tuple[NDArray[np.int64], ...], draws: int, seed: int) -> tuple[Floats, ...]:
    """Bootstrap weights [draws, n] of several sets of patients, one after the other from the seed's stream.

    They follow from the patients' numbers and the seed, so releases of one size meet the same ones, drawn once.
    """

    def make() -> tuple[Floats, ...]:
        rng = np.random.default_rng(seed)
        return tuple(patient_weights(patient, draws, rng) for patient in people)

    key = ("bootstrap", draws, seed, *(patient.tobytes() for patient in people))
    return small(evidence, key, 4 * draws * sum(map(len, people)), make)


def small(evidence: Evidence, key: Hashable, size: int, make: Callable[[], T]) -> T:
    """What `make` gives for real patients, kept where it is no larger than `KEPT_BYTES`. size: in bytes."""
    found: T = make() if size > KEPT_BYTES else evidence.once(key, make)
    return found


def value_and_draws(evidence: Evidence, patient: NDArray[np.int64], draws: int, seed: int) -> Floats:
    """Bootstrap weights [1 + draws, n]; the first row counts everybody once."""
    return np.concatenate([np.ones((1, len(patient)), np.float32), *drawn(evidence, (patient,), draws, seed)])
