"""A dataset: where patients come from. This one makes them up; put your reading in the place of `_table`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fpmg_bench.keys import digest
from fpmg_bench.types import Cohort, Column, Schema, Table

HOSPITALS = ("north", "south", "west")


class Mine:
    """Age, pressure and sex of patients of three hospitals, and whether they are ill. patients: how many."""

    licence = "made up"
    citation = ""
    publishable = True  # False: no report shows a record of it

    def __init__(self, patients: int = 300) -> None:
        self.patients = patients

    def fingerprint(self) -> str:
        """Changes whenever the content does: a hash of the files that are read."""
        return digest(["mine", self.patients])

    def load(self) -> Cohort:
        """All records. Ranges and categories are declared, not learnt from patients: they are public."""
        rng = np.random.default_rng(0)
        ill = rng.random(self.patients) < 0.4
        columns = (
            Column("age", "number", low=18, high=100, step=1),
            Column("pressure", "number", low=60, high=260, step=1, unit="mmHg"),
            Column("sex", "category", ("f", "m")),
        )
        return Cohort(
            schemas={"table": Schema("table", columns)},
            data={"table": Table(self._table(ill, rng))},
            present={"table": np.ones(self.patients, bool)},  # which records have the modality
            conditions=(Column("ill", "flag"),),  # the first is the label
            condition=ill[:, None].astype(np.float64),
            patient=np.arange(self.patients),  # records of one patient are never split between training and test
            silo=rng.integers(0, len(HOSPITALS), self.patients),
            silo_names=HOSPITALS,
        )

    def _table(self, ill: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        age = rng.normal(50 + 10 * ill, 12).clip(18, 100).round()
        pressure = rng.normal(110 + 0.4 * age + 15 * ill, 12).clip(60, 260).round()
        pressure[rng.random(len(ill)) < 0.1] = np.nan  # what is missing stays missing
        return pd.DataFrame(
            {"age": age, "pressure": pressure, "sex": np.where(rng.random(len(ill)) < 0.5, "f", "m").astype(object)}
        )
