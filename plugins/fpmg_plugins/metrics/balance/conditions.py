"""Conditions beside the label, read back from records: flags, numbers, and combinations of label and category that are rare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Score
from fpmg_plugins.metrics.learners import fit, probability
from fpmg_plugins.metrics.ranking import auroc
from fpmg_plugins.metrics.utility_models import rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]

LEAST = 20  # training and held-out records that know the condition
RARE, TWICE = 0.05, 2  # share of the held-out records below which a combination is rare, and the fewest that must have it
RIDGE = 10.0  # of a standardised feature


def scores(evidence: Evidence, names: tuple[str, ...], release: Cohort) -> list[Score]:
    """`balance.flags` and `balance.numbers`, each condition by itself and their means. NotApplicable where there are none."""
    found: dict[str, list[Score]] = defaultdict(list)
    for j, column in enumerate(evidence.train.conditions[1:], 1):
        if column.type == "category":
            continue
        key = "balance.flags" if column.type == "flag" else "balance.numbers"
        try:
            made = _said(evidence, names, j, column.type, release)
            real = evidence.once(("said of H", names, j), partial(_said, evidence, names, j, column.type, evidence.held_out))
        except NotApplicable as missing:
            evidence.not_applicable(key, missing.reason, scope=f"condition:{column.name}")
            continue
        found[key].append(Score(key, made, f"condition:{column.name}", n=len(release), floor=real))
    if not found:
        raise NotApplicable("the cohort has no flag or number beside its label that enough patients know")
    return [each for key, parts in found.items() for each in (_mean(key, parts), *parts)]


def _mean(key: str, parts: Sequence[Score]) -> Score:
    value, floor = (float(np.mean([getattr(part, field) for part in parts])) for field in ("value", "floor"))
    return Score(key, value, n=parts[0].n, floor=floor)


def _said(evidence: Evidence, names: Sequence[str], j: int, kind: str, cohort: Cohort) -> float:
    """AUROC, or rank correlation, of what a reader of T says of one condition with what this cohort has for it."""
    x, requested = _known(evidence, names, j, cohort)
    if len(requested) < LEAST or len(np.unique(requested)) < 2:
        raise NotApplicable(f"{len(requested)} records know it, or all have the same; {LEAST} and two values are needed")
    model = evidence.once(("reader of condition", tuple(names), j), lambda: _reader(evidence, names, j, kind))
    if kind == "flag":
        return float(auroc(probability(model, x, 2)[:, 1], requested > 0.5)[0])
    from scipy.stats import spearmanr

    said = x @ model[0] + model[1]
    return float(spearmanr(said, requested).statistic) if np.ptp(said) > 0 else 0.0


def _known(evidence: Evidence, names: Sequence[str], j: int, cohort: Cohort) -> tuple[Floats, Floats]:
    rows, x, _ = rows_of(evidence, cohort, names)
    value = cohort.condition[rows, j]
    known = np.isfinite(value)
    return x[known], value[known]


def _reader(evidence: Evidence, names: Sequence[str], j: int, kind: str) -> Any:
    """A classifier, or (coefficients [d], intercept) of a ridge regression, of the training patients that know the condition."""
    x, value = _known(evidence, names, j, evidence.train)
    if len(value) < LEAST:
        raise NotApplicable(f"{len(value)} training records know it; {LEAST} are needed")
    if kind == "flag":
        return fit("logistic", x, (value > 0.5).astype(np.int64))
    centre, spread = x.mean(0), np.where(x.std(0) > 1e-9, x.std(0), 1.0)
    z = (x - centre) / spread
    slope = np.linalg.solve(z.T @ z + RIDGE * np.eye(z.shape[1]), z.T @ (value - value.mean())) / spread
    return slope, float(value.mean() - centre @ slope)


def combinations(cohort: Cohort) -> Iterator[tuple[str, int, str]]:
    """(table column, label, category) of every present record and every column of categories."""
    for name, schema in cohort.schemas.items():
        if schema.kind != "table":
            continue
        rows = np.flatnonzero(cohort.present[name])
        for column in schema.columns:
            if column.type == "category":
                values = cohort.data[name].frame[column.name].to_numpy()[rows]
                known = np.array([isinstance(value, str) for value in values], bool)
                yield from (
                    (f"{name}.{column.name}", int(c), v) for c, v in zip(cohort.label[rows][known], values[known], strict=True)
                )


def rare(cohort: Cohort) -> set[tuple[str, int, str]]:
    """Combinations that fewer than 5 % of the records have, but two at least."""
    counts: dict[tuple[str, int, str], int] = defaultdict(int)
    for combination in combinations(cohort):
        counts[combination] += 1
    return {found for found, n in counts.items() if TWICE <= n < RARE * len(cohort)}
