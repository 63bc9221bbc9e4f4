"""Column shapes and pair trends of table modalities, computed by sdmetrics."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Column, Scale, Score
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.table_fidelity import shape, varies

if TYPE_CHECKING:
    import pandas as pd

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

LIBRARY = "sdmetrics: KSComplement, TVComplement, CorrelationSimilarity, ContingencySimilarity"


class SdmetricsQuality:
    """Fidelity of table modalities against the held-out patients, as sdmetrics' quality report defines it, with minima.

    `sdmetrics-quality.shapes`: mean over columns of 1 - sup|F - G| (numbers) or 1 - total variation (categories, flags);
    `.shapes_min` the worst column; `.trends`: mean over pairs of 1 - |rho_r - rho_s| / 2 or contingency similarity (mixed
    pairs: the number in 10 bins); `.trends_min` the worst pair; `sdmetrics-quality` = mean of shapes and trends. Range [0, 1],
    higher is better; floor: the training patients in the place of the release.
    At most `columns` columns take part: those with the fewest missing values. Needs 10 records each. Pitfalls: means hide bad
    columns; unrelated pairs inflate trends; missing values are left out, not compared.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        f"sdmetrics-quality{key}": Scale(1.0, True, low=0.0, high=1.0, unit="similarity", source=LIBRARY)
        for key in ("", ".shapes", ".shapes_min", ".trends", ".trends_min")
    }

    def __init__(self, columns: Annotated[int, Ge(2)] = 15, rows: Annotated[int, Ge(50)] = 4000) -> None:
        self.columns = columns
        self.rows = rows

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Shapes and trends of every table modality."""
        tables = [name for name, schema in evidence.train.schemas.items() if schema.kind == "table"]
        if not tables:
            raise NotApplicable("the cohort has no table modality")
        seed = fresh_seed(rng)
        scores: list[Score] = []
        for name in tables:
            try:
                floor = self._floor(evidence, name, seed)
                found = evidence.each_release(partial(self._quality, evidence, name, seed), modality=name)
            except NotApplicable as error:
                evidence.not_applicable("sdmetrics-quality", error.reason, modality=name)
                continue
            scores += [replace(score, floor=floor.get(score.key)) for score in found]
        if not scores:
            raise NotApplicable("no table of this cohort can be compared")
        return scores

    def _floor(self, evidence: Evidence, name: str, seed: int) -> dict[str, float]:
        return real_side(self, evidence, lambda: self._quality(evidence, name, seed, evidence.train), name, seed)

    def _quality(self, evidence: Evidence, name: str, seed: int, release: Cohort) -> dict[str, float]:
        real = _frame(evidence.held_out, name, self.rows, seed)
        made = _frame(release, name, self.rows, seed)
        columns = evidence.train.schemas[name].columns
        usable = [column for column in columns if varies(real[column.name]) and made[column.name].count()]
        if not usable:
            raise NotApplicable("no column of the table varies among the held-out patients")
        chosen = sorted(usable, key=lambda column: float(real[column.name].isna().mean()))[: self.columns]
        shapes = [shape(column, real, made) for column in chosen]
        trends = [t for a, b in combinations(chosen, 2) if (t := _trend(a, b, real, made)) is not None]
        scores = {".shapes": float(np.mean(shapes)), ".shapes_min": min(shapes)}
        if trends:
            scores |= {".trends": float(np.mean(trends)), ".trends_min": min(trends)}
            scores[""] = (scores[".shapes"] + scores[".trends"]) / 2
        return {f"sdmetrics-quality{key}": value for key, value in scores.items()}


def _frame(cohort: Cohort, name: str, rows: int, seed: int) -> pd.DataFrame:
    """At most `rows` records that have the table, infinite numbers taken as missing."""
    have = np.flatnonzero(cohort.present[name]) if name in cohort.present else np.zeros(0, int)
    if len(have) < 10:
        raise NotApplicable(f"{len(have)} records have the table {name!r}; 10 are needed")
    drawn = np.sort(np.random.default_rng(seed).permutation(have)[:rows])
    frame: pd.DataFrame = cohort.data[name].take(drawn).frame
    return frame.replace([np.inf, -np.inf], np.nan)


def _trend(a: Column, b: Column, real: pd.DataFrame, made: pd.DataFrame) -> float | None:
    """Similarity of one pair's trend; None where the pair cannot be compared (too few known together, or constant there)."""
    from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity

    names = [a.name, b.name]
    parts = [frame[names].dropna() for frame in (real, made)]
    if any(len(part) < 10 or not all(varies(part[name]) for name in names) for part in parts):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a library's notes on rare categories are no faults of the trial
        if a.type == b.type == "number":
            value = float(CorrelationSimilarity.compute(*parts))
        else:
            value = float(ContingencySimilarity.compute(*(_binned(part, (a, b), parts[0]) for part in parts)))
    return value if np.isfinite(value) else None


def _binned(part: pd.DataFrame, columns: Sequence[Column], real: pd.DataFrame) -> pd.DataFrame:
    """Numbers by tenths of the real values, everything as strings."""
    edges = {c.name: np.unique(np.quantile(real[c.name], np.linspace(0, 1, 11)[1:-1])) for c in columns if c.type == "number"}
    return part.assign(**{name: np.searchsorted(cuts, part[name]) for name, cuts in edges.items()}).astype(str)
