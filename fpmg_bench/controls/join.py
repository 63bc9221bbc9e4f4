"""Cohorts one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import Pixels, Series, Table, Text

if TYPE_CHECKING:
    from fpmg_bench.types import Cohort


def concatenate(cohorts: Sequence[Cohort]) -> Cohort:
    """All records of cohorts with the same schemas, in order. Pixels are read into memory."""
    first = cohorts[0]
    return replace(
        first,
        data={name: _joined([cohort.data[name] for cohort in cohorts]) for name in first.schemas},
        present={name: np.concatenate([cohort.present[name] for cohort in cohorts]) for name in first.schemas},
        condition=np.concatenate([cohort.condition for cohort in cohorts]),
        patient=np.concatenate([cohort.patient for cohort in cohorts]),
        silo=np.concatenate([cohort.silo for cohort in cohorts]),
    )


def _joined(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], Table):
        import pandas as pd

        frames = [part.frame for part in parts]
        # column by column: pandas' own concat guesses a new type for columns that are missing everywhere
        return Table(pd.DataFrame({name: np.concatenate([f[name].to_numpy() for f in frames]) for name in frames[0]}))
    if isinstance(parts[0], Series):
        return Series(*(np.concatenate([getattr(part, field) for part in parts]) for field in ("time", "values", "seen")))
    if isinstance(parts[0], Text):
        return Text(tuple(string for part in parts for string in part.strings))
    return Pixels.of(np.concatenate([part.array() for part in parts]))
