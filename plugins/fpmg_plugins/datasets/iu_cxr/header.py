"""The DICOM header of a study's first radiograph as a table with declared, public ranges."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from fpmg_bench.types import Column, Schema, Table
from fpmg_plugins.datasets.iu_cxr.studies import Studies

# DICOM attribute, its range and step. Ranges are those a radiograph can have, wider than what the collection holds.
NUMBERS = {
    "rows": ("Rows", 1000, 4500, 1),
    "columns": ("Columns", 1000, 4500, 1),
    "kvp": ("KVP", 0, 150, 0.1),
    "exposure": ("Exposure", 0, 200, 1),
    "sensitivity": ("Sensitivity", 0, 1000, 0.01),
    "exposure_time": ("Exposure Time", 0, 500, 1),
    "exposure_uas": ("Exposure in uAs", 0, 120_000, 1),
    "tube_current": ("X-Ray Tube Current", 0, 700, 1),
    "relative_exposure": ("Relative X-Ray Exposure", 0, 3000, 1),
    "window_center": ("Window Center", 0, 17_000, 0.5),
    "window_width": ("Window Width", 0, 33_000, 0.5),
    "dose_product": ("Image and Fluoroscopy Area Dose Product", 0, 50, 0.001),
    "source_distance": ("Distance Source to Detector", 0, 2000, 1),
}
VIEWS = {"PA": "PA", "AP": "AP", "LL": "lateral", "RL": "lateral", "LATERAL": "lateral", "LARGE LATERAL": "lateral"}
HEADER = (
    Column("age", "number", low=17, high=100, step=0.1, unit="years"),
    Column("radiographs", "number", low=1, high=5, step=1),
    *(Column(name, "number", low=low, high=high, step=step) for name, (_, low, high, step) in NUMBERS.items()),
    Column("bits_stored", "category", ("10", "12", "14", "15")),
    Column("photometric", "category", ("MONOCHROME1", "MONOCHROME2")),
    Column("view", "category", ("PA", "AP", "lateral")),
    Column("orientation", "category", ("PORTRAIT", "LANDSCAPE")),
)


def schema() -> Schema:
    """The declared columns."""
    return Schema("table", HEADER)


def header(studies: Studies, dropped: Counter[str]) -> Table:
    """One row a study. NaN where the header has no value, several (13 windows), or one that no radiograph can have (a distance

    of -1); the latter two are counted in `dropped`.
    """
    first = studies.first()
    columns: dict[str, object] = {
        "age": _age(first).to_numpy(),
        "radiographs": studies.images.groupby("study").size().to_numpy(dtype=float),
    }
    for name, (attribute, low, high, _) in NUMBERS.items():
        values = pd.to_numeric(first[attribute], errors="coerce").to_numpy(dtype=float)
        good = (values >= low) & (values <= high)
        lost = int((first[attribute].notna().to_numpy() & ~good).sum())
        if lost:
            dropped[f"cells of {name} with several values or outside {low:g} to {high:g}, read as missing"] += lost
        columns[name] = np.where(good, values, np.nan)
    columns["bits_stored"] = _category(first["Bits Stored"].astype("Int64").astype(str))
    columns["photometric"] = _category(first["Photometric Interpretation"])
    columns["view"] = _category(first["View Position"].map(VIEWS))
    columns["orientation"] = _category(first["Cassette Orientation"])
    return Table(pd.DataFrame(columns))


def _age(first: pd.DataFrame) -> pd.Series:
    """Years between birth and study, to a tenth."""
    day, birth = (
        pd.to_datetime(first[name].astype(str), format="%Y%m%d", errors="coerce")
        for name in ("Study Date", "Patient's Birth Date")
    )
    return ((day - birth).dt.days / 365.25).round(1)


def _category(values: pd.Series) -> np.ndarray:
    return values.astype(object).where(values.notna(), np.nan).to_numpy()
