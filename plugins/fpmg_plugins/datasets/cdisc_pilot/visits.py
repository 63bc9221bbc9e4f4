"""Planned visits as one series: vital signs, ADAS-Cog items, laboratory; unseen where not attended or not measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from fpmg_bench.types import Column, Schema, Series
from fpmg_plugins.datasets.cdisc_pilot.domains import ADAS, CHEMISTRY, HAEMATOLOGY, VITALS, domain

if TYPE_CHECKING:
    from numpy.typing import NDArray

Group = Literal["vitals", "adas", "laboratory"]
DAYS = {  # planned visits of the protocol: VISITNUM -> study day
    1: -7, 2: -1, 3: 1, 3.5: 13, 4: 14, 5: 28, 6: 30, 7: 42, 8: 56, 9: 84, 10: 112, 11: 140, 12: 168, 13: 182,
}  # fmt: skip
Channels = dict[str, tuple[float, float]]  # declared range of each
VITAL: Channels = {"SYSBP": (60, 240), "DIABP": (30, 140), "PULSE": (30, 160), "TEMP": (33, 40), "WEIGHT": (30, 150)}
ITEMS: Channels = {
    f"ACITM{item:02d}": (0, most) for item, most in enumerate((10, 5, 10, 5, 5, 5, 8, 12, 40, 240, 5, 5, 5, 5), start=1)
}
LABORATORY: Channels = {
    "ALB": (10, 70), "ALP": (0, 1000), "ALT": (0, 500), "AST": (0, 500), "BILI": (0, 300), "CA": (1, 4), "CHOL": (1, 15),
    "CK": (0, 5000), "CL": (70, 140), "CREAT": (20, 500), "GGT": (0, 1000), "GLUC": (1, 40), "K": (2, 8), "PHOS": (0.2, 4),
    "PROT": (30, 120), "SODIUM": (110, 170), "URATE": (50, 1000), "UREAN": (0.5, 40), "BASO": (0, 1), "EOS": (0, 5),
    "HCT": (0.1, 0.7), "HGB": (3, 14), "LYM": (0, 20), "MCH": (0.5, 3), "MCHC": (10, 30), "MCV": (50, 140), "MONO": (0, 5),
    "PLAT": (10, 1500), "RBC": (1, 8), "WBC": (0.5, 50),
}  # fmt: skip
GROUPS: dict[Group, tuple[Channels, tuple[str, ...], str]] = {  # channels, domains, prefix of variables
    "vitals": (VITAL, (VITALS,), "VS"),
    "adas": (ITEMS, (ADAS,), "QS"),
    "laboratory": (LABORATORY, (CHEMISTRY, HAEMATOLOGY), "LB"),
}


def visits(subjects: Sequence[str], groups: Sequence[Group], dropped: Counter[str]) -> tuple[Schema, Series]:
    """(schema, [n, 14, channels]). Several measurements of a visit (lying, standing) are averaged; time is the planned day.

    Rows of unplanned and retrieval visits, of other tests, and without a number are counted in `dropped`.
    """
    channels = {name: limits for group in groups for name, limits in GROUPS[group][0].items()}
    rows = pd.concat([_rows(group, dropped) for group in groups], ignore_index=True)
    rows = rows[rows["subject"].isin(subjects)]
    shape = (len(subjects), len(DAYS), len(channels))
    at = (
        pd.Index(subjects).get_indexer(pd.Index(rows["subject"])),
        pd.Index(DAYS).get_indexer(pd.Index(rows["visit"])),
        pd.Index(channels).get_indexer(pd.Index(rows["test"])),
    )
    count, total = np.zeros(shape), np.zeros(shape)
    np.add.at(count, at, 1)
    np.add.at(total, at, rows["value"])
    columns = tuple(Column(name.lower(), "number", low=low, high=high) for name, (low, high) in channels.items())
    time = np.tile(np.array([*DAYS.values()], np.float32), (len(subjects), 1))
    return Schema("series", columns, (len(DAYS),)), Series(time, _mean(total, count), count > 0)


def _mean(total: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float32]:
    return (total / np.maximum(count, 1)).astype(np.float32)


def _rows(group: Group, dropped: Counter[str]) -> pd.DataFrame:
    """subject, visit, test, value of one group at planned visits."""
    channels, names, prefix = GROUPS[group]
    variables = {"USUBJID": "subject", "VISITNUM": "visit", f"{prefix}TESTCD": "test", f"{prefix}STRESN": "value"}
    rows = pd.concat([domain(name, [*variables]) for name in names], ignore_index=True).rename(columns=variables)
    for reason, keep in (
        (f"rows of {group} of other tests", rows["test"].isin([*channels])),
        (f"rows of {group} at unplanned visits", rows["visit"].isin([*DAYS])),
        (f"rows of {group} without a number", rows["value"].notna()),
    ):
        dropped[reason] += int((~keep[rows.index]).sum())
        rows = rows[keep[rows.index]]
    return rows
