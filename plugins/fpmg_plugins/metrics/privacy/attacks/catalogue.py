"""Which membership attacks there are on a release, and what each says of every record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.privacy.attacks import trace_scores
from fpmg_plugins.metrics.privacy.attacks.loss_scores import loss
from fpmg_plugins.metrics.privacy.attacks.member_scores import distance, domias, kernel_domias
from fpmg_plugins.metrics.privacy.attacks.query_scores import queries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Name = tuple[str, str | None]  # attack, modality; of an attack that looks in several ways "attack/look"
    Scores = NDArray[np.floating[Any]]
    Attack = Callable[
        [Sequence[Cohort]], Mapping[str, Scores]
    ]  # all records of some cohorts -> look ("": the only one) -> score of each
    RecordScores = dict[Name, Scores]


BLACK_BOX = frozenset(
    {"distance", "domias", "kernel", "trace.records", "queries"}
)  # these see the released records, not the weights


def kind(name: Name) -> str:
    """The attack, however it looks."""
    return name[0].partition("/")[0]


def attacks(evidence: Evidence, release: Cohort, silo: int | None, seed: int) -> dict[Name, Attack]:
    """Every attack on a release; silo: who released it, None where no model belongs to it (a floor); seed: of what is drawn."""

    def black_box(score: Callable[..., Any], **given: Any) -> Attack:
        return _each(lambda cohort: score(evidence, cohort, release, **given))

    found: dict[Name, Attack] = {
        ("distance", None): black_box(distance),
        ("domias", None): black_box(domias),
        ("kernel", None): black_box(kernel_domias),
        ("trace.records", None): lambda cohorts: trace_scores.records(evidence, cohorts, release),
        ("queries", None): lambda cohorts: queries(evidence, cohorts, release, seed),
    }
    modalities = tuple(evidence.train.schemas)
    if len(modalities) > 1:
        found |= {("distance", name): black_box(distance, modality=name) for name in modalities}
    if silo is None:
        return found
    views = {"trace": trace_scores.model, "trace.vectors": trace_scores.vectors, "trace.encoded": trace_scores.encoded}
    found |= {(name, None): partial(_traced, view, evidence, release, silo) for name, view in views.items()}
    found[("discriminator", None)] = _each(partial(loss, evidence, silo, None))
    return found | {("encoder", name): _each(partial(loss, evidence, silo, name)) for name in modalities}


def record_scores(evidence: Evidence, attacks: Mapping[Name, Attack], others: Cohort, tell: bool = False) -> RecordScores:
    """(attack, modality) -> score of every record of T, then of `others`. tell: record which attacks do not apply, and why."""
    found = {}
    for (attack, modality), score in attacks.items():
        try:
            looks = score((evidence.train, others))
        except NotApplicable as missing:
            if tell:
                evidence.not_applicable(f"membership.{attack}", missing.reason, modality=modality)
            continue
        found.update({(f"{attack}/{look}" if look else attack, modality): value for look, value in looks.items()})
    return found


def _each(score: Callable[[Cohort], Scores]) -> Attack:
    """An attack that asks about every record by itself."""
    return lambda cohorts: {"": np.concatenate([score(cohort) for cohort in cohorts])}


def _traced(view: Any, evidence: Evidence, release: Cohort, silo: int, cohorts: Sequence[Cohort]) -> Mapping[str, Scores]:
    found: Mapping[str, Scores] = view(evidence, cohorts, release, silo)
    return found
