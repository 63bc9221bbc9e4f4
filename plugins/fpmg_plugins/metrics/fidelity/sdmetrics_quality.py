"""Column shapes and pair trends of table modalities, as sdmetrics defines them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.column_similarity import both, shape, trend, varies
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Column, Rng

LEAST = 10  # records that have the table
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
        real = real_side(self, evidence, lambda: _drawn(evidence.held_out, name, self.rows, seed), "H", name, seed)
        made = _drawn(release, name, self.rows, seed)
        columns = evidence.train.schemas[name].columns
        sides = [(column, *both(column, *values)) for column, *values in zip(columns, real, made, strict=True)]
        usable = [side for side in sides if varies(side[1]) and not np.isnan(side[2]).all()]
        if not usable:
            raise NotApplicable("no column of the table varies among the held-out patients")
        chosen = sorted(usable, key=lambda side: float(np.isnan(side[1]).mean()))[: self.columns]
        shapes = [shape(*side) for side in chosen]
        trends = [
            found
            for (a, real_a, made_a), (b, real_b, made_b) in combinations(chosen, 2)
            if (found := trend((a, b), (real_a, real_b), (made_a, made_b))) is not None
        ]
        scores = {".shapes": float(np.mean(shapes)), ".shapes_min": min(shapes)}
        if trends:
            scores |= {".trends": float(np.mean(trends)), ".trends_min": min(trends)}
            scores[""] = (scores[".shapes"] + scores[".trends"]) / 2
        return {f"sdmetrics-quality{key}": value for key, value in scores.items()}


def _drawn(cohort: Cohort, name: str, rows: int, seed: int) -> list[NDArray[Any]]:
    """The columns of at most `rows` records that have the table, infinite numbers taken as missing."""
    have = np.flatnonzero(cohort.present[name]) if name in cohort.present else np.zeros(0, int)
    if len(have) < LEAST:
        raise NotApplicable(f"{len(have)} records have the table {name!r}; {LEAST} are needed")
    drawn = np.sort(np.random.default_rng(seed).permutation(have)[:rows])
    frame = cohort.data[name].frame
    return [_finite(column, frame[column.name].to_numpy()[drawn]) for column in cohort.schemas[name].columns]


def _finite(column: Column, values: NDArray[Any]) -> NDArray[Any]:
    if column.type == "category":
        return values
    numbers = values.astype(np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers
