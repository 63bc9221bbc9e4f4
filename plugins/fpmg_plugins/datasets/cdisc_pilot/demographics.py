"""Demographic columns at baseline."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fpmg_bench.types import Column, Schema, Table

RACES = {"WHITE": "white", "BLACK OR AFRICAN AMERICAN": "black", "AMERICAN INDIAN OR ALASKA NATIVE": "native american"}
ETHNIC = {"HISPANIC OR LATINO": 1.0, "NOT HISPANIC OR LATINO": 0.0}
NUMBERS = {  # name -> variable of ADSL, declared range, step
    "age": ("AGE", 50, 90, 1),
    "bmi": ("BMIBL", 10, 60, 0.1),
    "height": ("HEIGHTBL", 120, 210, 0.1),
    "weight": ("WEIGHTBL", 30, 150, 0.1),
    "education_years": ("EDUCLVL", 0, 30, 1),
    "months_of_disease": ("DURDIS", 0, 240, 0.1),
}


def schema() -> Schema:
    """Nine columns."""
    numbers = (Column(name, "number", low=low, high=high, step=step) for name, (_, low, high, step) in NUMBERS.items())
    return Schema(
        "table",
        (
            *numbers,
            Column("sex", "category", ("F", "M")),
            Column("race", "category", (*RACES.values(),)),
            Column("hispanic", "flag"),
        ),
    )


def table(subjects: pd.DataFrame) -> Table:
    """One row a subject, NaN where the trial has no value."""
    cells: dict[str, object] = {name: subjects[variable].astype(float) for name, (variable, *_) in NUMBERS.items()}
    race = subjects["RACE"].map(RACES).astype(object)
    cells |= {"sex": subjects["SEX"].astype(object), "race": race.where(race.notna(), np.nan)}
    cells["hispanic"] = subjects["ETHNIC"].map(ETHNIC).astype(float)
    return Table(pd.DataFrame(cells))
