"""Attacks by counting: how often does each combination of values occur in a released table, and whose values explain the counts?

Houssiau et al. 2022 (TAPAS, arXiv:2211.06550) ask a release for the number of records that agree with a target in random subsets of its
columns, and train a classifier of such answers on releases made with and without the target. Here nothing is trained: the answers
to all queries, less those of all candidates, are traced to candidates (see `tracing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.privacy.attacks.tracing import shares
from fpmg_plugins.metrics.privacy.inference.columns import Columns, columns_of, joined, ranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]

QUERIES, WIDEST = 2_000, 4  # how many; of how many columns at most
BINS = 8  # of a number, by ranks among the candidates
RIDGES = {"close": 0.3, "far": 3.0}
LEAST = 2  # columns


def queries(evidence: Evidence, cohorts: Sequence[Cohort], release: Cohort, seed: int) -> dict[str, Floats]:
    """ridge -> score [n] of all records, NaN for patients without a table. Raises NotApplicable for tables of one column."""
    pool, made = joined([columns_of(cohort) for cohort in cohorts]), columns_of(release)
    if len(pool.columns) < LEAST or not len(made):
        raise NotApplicable(f"tables of {len(pool.columns)} columns; {LEAST} are needed")
    here, there = _answers(pool, made, np.random.default_rng(seed))
    usual = here.mean(0)
    scale = np.sqrt(usual * (1 - usual) + 1 / len(pool)).astype(np.float32)
    here = (here - usual) / scale
    apart = ((there.mean(0) - usual) / scale).astype(np.float32)
    given = (here @ apart, lambda q: here @ (q.astype(np.float32) @ here), np.einsum("ij,ij->i", here, here))
    patient = np.concatenate([cohort.patient for cohort in cohorts])
    return {name: _of(patient, pool.patient, shares(pool.patient, *given, ridge)) for name, ridge in RIDGES.items()}


def _answers(pool: Columns, made: Columns, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Whether each record of either answers each query [n, queries], float32 0 or 1. A query: some columns as one candidate has them."""
    codes = [np.stack([_code(of, pool, j) for j in range(len(pool.columns))], 1) for of in (pool, made)]
    found = [np.ones((len(code), QUERIES), np.float32) for code in codes]
    for q in range(QUERIES):
        asked, k = rng.integers(len(pool)), rng.integers(1, min(WIDEST, len(pool.columns)) + 1)
        columns = rng.permutation(len(pool.columns))[:k]
        for code, answer in zip(codes, found, strict=True):
            answer[:, q] = (code[:, columns] == codes[0][asked, columns]).all(1)
    return found[0], found[1]


def _code(of: Columns, pool: Columns, j: int) -> NDArray[np.int64]:
    """Each record's value of a column as a whole number, -1 unknown."""
    x = of.values[:, j]
    if of.columns[j].type == "number":
        x = np.floor(ranks(x, pool.values[:, j]) * BINS)
    return np.where(np.isnan(x), -1, np.nan_to_num(x)).astype(np.int64)


def _of(patient: NDArray[np.int64], known: NDArray[np.int64], value: Floats) -> Floats:
    """A patient's value for each of their records, NaN for who has none."""
    people, first = np.unique(known, return_index=True)
    at = np.minimum(np.searchsorted(people, patient), len(people) - 1)
    return np.where(people[at] == patient, value[first][at], np.nan)
