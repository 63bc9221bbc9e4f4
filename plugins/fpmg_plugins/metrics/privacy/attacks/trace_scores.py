"""Tracing where there is something to trace in: draws of the model, a release's vectors, its records encoded again, or in phi."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.privacy.attacks.tracing import LOOKS, Frame, Points, traced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, State

    Floats = NDArray[np.floating[Any]]
    Scores = dict[str, Floats]  # look -> [n]

DRAWS = 20_000  # of the model, by whoever holds it: the noise of its averages is then below that of any training set here


def model(evidence: Evidence, cohorts: Sequence[Cohort], release: Cohort, silo: int, state: State | None = None) -> Scores:
    """White box: by 20,000 draws of the released generator, or with the tensors of this state in the place of its own.

    Raises NotApplicable without generator or encoders.
    """
    made = Points(evidence.drawn(silo, DRAWS, state), np.resize(release.label, DRAWS), np.arange(DRAWS))
    return _looked(evidence, _encoded(evidence, cohorts, silo), made)


def vectors(evidence: Evidence, cohorts: Sequence[Cohort], release: Cohort, silo: int) -> Scores:
    """By the vectors that this release was decoded from, where they are given away with it."""
    made = masked(evidence, evidence.drawn(silo), release)
    return _looked(evidence, _encoded(evidence, cohorts, silo), Points(made, release.label, release.patient))


def encoded(evidence: Evidence, cohorts: Sequence[Cohort], release: Cohort, silo: int) -> Scores:
    """By the released records as the released encoders see them."""
    return _looked(evidence, _encoded(evidence, cohorts, silo), _encoded(evidence, [release], silo))


def records(evidence: Evidence, cohorts: Sequence[Cohort], release: Cohort) -> Scores:
    """Black box: by the released records alone, in phi."""
    points = _in_phi(evidence, cohorts)
    frame = evidence.once(("tracing frame",), lambda: Frame.of(points, len(evidence.train.classes)), cohorts[-1])
    return {name: traced(points, frame, _in_phi(evidence, [release]), look) for name, look in LOOKS.items()}


def _looked(evidence: Evidence, candidates: Points, released: Points) -> Scores:
    frame = Frame.of(candidates, len(evidence.train.classes))
    return {name: traced(candidates, frame, released, look) for name, look in LOOKS.items()}


def _encoded(evidence: Evidence, cohorts: Sequence[Cohort], silo: int) -> Points:
    if not evidence.widths:
        raise NotApplicable("this release has no encoders")
    return _points(cohorts, [masked(evidence, evidence.latent(cohort, silo), cohort) for cohort in cohorts])


def masked(evidence: Evidence, z: Floats, cohort: Cohort) -> Floats:
    """Vectors with NaN in the blocks of modalities that a record lacks."""
    found, start = z.astype(np.float64), 0
    for modality, width in evidence.widths.items():
        found[~cohort.present[modality], start : start + width] = np.nan
        start += width
    return found


def _in_phi(evidence: Evidence, cohorts: Sequence[Cohort]) -> Points:
    return _points(cohorts, [np.concatenate(list(_blocks(evidence, cohort)), axis=1) for cohort in cohorts])


def _blocks(evidence: Evidence, cohort: Cohort) -> Any:
    for modality in evidence.train.schemas:
        if evidence.train.present[modality].any():
            block = evidence.phi(cohort, modality).astype(np.float64)
            block[~evidence.complete(cohort, modality)] = np.nan
            yield block


def _points(cohorts: Sequence[Cohort], x: Sequence[Floats]) -> Points:
    label, patient = (np.concatenate([getattr(cohort, name) for cohort in cohorts]) for name in ("label", "patient"))
    return Points(np.concatenate(x), label, patient)
