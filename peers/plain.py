"""What the recipes share: the tables of a folder cohort as one frame, and the way back. Needs pandas and ruamel.yaml, nothing of fpmg-bench.

A cell that is missing becomes a level of its own, and a number that can be missing gets a column that says whether it is there: a
generator that knows no gaps then makes them too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

NOTHING, THERE = "(nothing)", " is there"


class Patients:
    """frame: one row a record; numbers are float64, words are categories (flags too). label: the column of the class."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        document = YAML(typ="safe", pure=True).load((self.folder / "cohort.yaml").read_text(encoding="utf-8"))
        others = sorted({part["kind"] for part in document["modalities"].values()} - {"table"})
        if others:
            raise SystemExit(f"this recipe makes tables, and the cohort has {', '.join(others)}")
        parts = [document["conditions"], *(part["columns"] for part in document["modalities"].values())]
        self.columns = {column["column"]: column for columns in parts for column in columns}
        self.flags = [part["present"] for part in document["modalities"].values() if "present" in part]
        self.label = document["conditions"][0]["column"]
        read = pd.read_csv(self.folder / document["manifest"], dtype=str, keep_default_na=False, na_values=document["missing"])
        self.frame = pd.concat([part for name in [*self.columns, *self.flags] for part in self._model(name, read[name])], axis=1)

    @property
    def words(self) -> list[str]:
        """Names of the frame's columns of categories."""
        return [name for name in self.frame if isinstance(self.frame[name].dtype, pd.CategoricalDtype)]

    @property
    def whole(self) -> list[str]:
        """Names of the numbers whose step is 1."""
        return [name for name, column in self.columns.items() if column["type"] == "number" and column.get("step") == 1]

    def write(self, made: pd.DataFrame, out: str) -> None:
        """manifest.csv, with numbers in their range and on their step."""
        columns = {name: self._cells(name, made) for name in [*self.columns, *self.flags]}
        pd.DataFrame(columns).to_csv(Path(out) / "manifest.csv", index=False)

    def _model(self, name: str, cells: pd.Series) -> list[pd.Series]:
        if not self._is_number(name):
            return [cells.fillna(NOTHING).astype("category")]
        numbers = pd.to_numeric(cells)
        if not numbers.isna().any():
            return [numbers]
        there = numbers.notna().map({True: "yes", False: "no"}).astype("category").rename(name + THERE)
        return [numbers.fillna(numbers.median() if numbers.notna().any() else 0.0), there]

    def _cells(self, name: str, made: pd.DataFrame) -> pd.Series:
        if not self._is_number(name):
            return made[name].astype(object).where(made[name].astype(str) != NOTHING, None)
        column, numbers = self.columns[name], made[name].astype(float)
        if step := column.get("step"):
            numbers = (numbers / step).round() * step
        numbers = numbers.clip(column.get("low", -np.inf), column.get("high", np.inf))
        gone = made[name + THERE].astype(str) == "no" if name + THERE in made else pd.Series(False, made.index)
        return numbers.where(~gone)

    def _is_number(self, name: str) -> bool:
        return name in self.columns and self.columns[name]["type"] == "number"


def arguments() -> tuple[Patients, str, int, int]:
    """The training patients, the folder to write to, the seed, and how many records are wanted."""
    train, out, seed, n = sys.argv[1:5]
    return Patients(train), out, int(seed), int(n)
