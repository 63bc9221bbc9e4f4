"""Which membership attacks there are on a release, and what each says of every record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.privacy.attacks.loss_scores import loss
from fpmg_plugins.metrics.privacy.attacks.member_scores import distance, domias, kernel_domias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Name = tuple[str, str | None]  # attack, modality
    Attack = Callable[[Cohort], NDArray[np.floating[Any]]]  # a cohort's records -> score of each
    RecordScores = dict[Name, NDArray[np.floating[Any]]]


BLACK_BOX = frozenset({"distance", "domias", "kernel"})  # these see the released records, not the weights


def attacks(evidence: Evidence, release: Cohort, silo: int | None) -> dict[Name, Attack]:
    """Every attack on a release; silo: who released it, None where no model belongs to it (a floor)."""

    def black_box(score: Callable[..., Any], **given: Any) -> Attack:
        return lambda cohort: score(evidence, cohort, release, **given)

    found: dict[Name, Attack] = {
        ("distance", None): black_box(distance),
        ("domias", None): black_box(domias),
        ("kernel", None): black_box(kernel_domias),
    }
    modalities = tuple(evidence.train.schemas)
    if len(modalities) > 1:
        found |= {("distance", name): black_box(distance, modality=name) for name in modalities}
    if silo is not None:
        found[("discriminator", None)] = partial(loss, evidence, silo, None)
        found |= {("encoder", name): partial(loss, evidence, silo, name) for name in modalities}
    return found


def record_scores(evidence: Evidence, attacks: Mapping[Name, Attack], others: Cohort, tell: bool = False) -> RecordScores:
    """(attack, modality) -> score of every record of T, then of `others`. tell: record which attacks do not apply, and why."""
    found = {}
    for (attack, modality), score in attacks.items():
        try:
            found[attack, modality] = np.concatenate([score(part) for part in (evidence.train, others)])
        except NotApplicable as missing:
            if tell:
                evidence.not_applicable(f"membership.{attack}", missing.reason, modality=modality)
    return found
