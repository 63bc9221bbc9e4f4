"""Laboratory and demographic columns of the phantom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fpmg_bench.types import Column, Schema, Table
from fpmg_plugins.datasets.phantom.latent import Records

if TYPE_CHECKING:
    from fpmg_plugins.datasets.phantom.shapes import Phenotype

SMOKING = ("never", "former", "current")
WARDS = ("outpatient", "ward", "icu")


PANEL = (
    Column("cortisol", "number", low=0, high=40, step=0.1, unit="µg/dL"),
    Column("melatonin", "number", low=0, high=120, step=0.1, unit="pg/mL"),
    Column("glucose", "number", low=2, high=20, step=0.1, unit="mmol/L"),
    Column("tsh", "number", low=0, high=10, step=0.01, unit="mIU/L"),
    Column("ferritin", "number", low=0, high=1000, step=1, unit="µg/L"),
    Column("eosinophils", "number", low=0, high=5, step=0.01, unit="10⁹/L"),
    Column("dlco", "number", low=10, high=150, step=1, unit="% predicted"),
)  # of a shape


def schema(shaped: bool = False) -> Schema:
    """Ten columns of all three types, of a shape seven more."""
    return Schema(
        "table",
        (
            Column("age", "number", low=18, high=95, step=1, unit="years"),
            Column("sex", "category", ("female", "male")),
            Column("bmi", "number", low=14, high=55, step=0.1, unit="kg/m²"),
            Column("crp", "number", low=0, high=400, step=0.1, unit="mg/L"),
            Column("wbc", "number", low=0.5, high=40, step=0.1, unit="10⁹/L"),
            Column("spo2", "number", low=60, high=100, step=1, unit="%"),
            Column("creatinine", "number", low=0.2, high=8, step=0.01, unit="mg/dL"),
            Column("smoking", "category", SMOKING),
            Column("ward", "category", WARDS),
            Column("diabetes", "flag"),
            *(PANEL if shaped else ()),
        ),
    )


def simulate(records: Records, rng: np.random.Generator, missing: float) -> Table:
    """crp (log), wbc and ward rise with extent, spo2 falls; creatinine follows age and diabetes; sites calibrate crp and spo2."""
    n, extent = len(records), records.extent
    normal = rng.standard_normal((6, n))
    bed = extent + 0.28 * normal[4] + 0.15 * records.effect(2)
    columns: dict[str, object] = {
        "age": records.age,
        "sex": np.where(records.female, "female", "male").astype(object),
        "bmi": np.round(26 + 2.5 * records.diabetes + 4 * normal[0], 1),
        "crp": np.round(np.exp(1.6 + 1.8 * extent + 1.0 * normal[1] + 0.4 * records.effect(0)), 1),
        "wbc": np.round(7 + 3.0 * extent + 2.6 * normal[2], 1),
        "spo2": np.round(97.5 - 3.5 * extent + 1.8 * normal[3] + 0.8 * records.effect(1)),
        "creatinine": np.round(np.exp(-0.25 + 0.006 * (records.age - 54) + 0.25 * records.diabetes + 0.25 * normal[5]), 2),
        "smoking": _choose(rng, np.array([0.5, 0.3, 0.2]) + extent[:, None] * np.array([-0.15, 0.05, 0.1]), SMOKING),
        "ward": np.asarray(WARDS, dtype=object)[np.digitize(bed, [0.25, 0.7])],
        "diabetes": records.diabetes.astype(np.float64),
    }
    if records.phenotype is None:
        return Table(_holes(_within(pd.DataFrame(columns)), records, rng, missing))
    frame = pd.DataFrame(columns | _panel(records.phenotype, rng))
    frame = _within(frame.assign(bmi=frame["bmi"] + 7 * records.phenotype.v, wbc=frame["wbc"] + 5 * records.phenotype.u))
    return Table(_unordered(_holes(frame, records, rng, missing), records.phenotype, rng, missing))


def _panel(phenotype: Phenotype, rng: np.random.Generator) -> dict[str, object]:
    """Cortisol and glucose are u, melatonin and tsh v, ferritin the marker, eosinophils asthma, dlco fibrosis; each with noise."""
    u, v, marker, asthma, fibrosis = (getattr(phenotype, name) for name in ("u", "v", "marker", "asthma", "fibrosis"))
    normal = rng.standard_normal((7, len(u)))
    return {
        "cortisol": np.round(16 + 7 * u + 0.9 * normal[0], 1),
        "melatonin": np.round(60 + 28 * v + 3.5 * normal[1], 1),
        "glucose": np.round(8 + 2.4 * u + 0.5 * normal[5], 1),
        "tsh": np.round(3 + 1.4 * v + 0.3 * normal[6], 2),
        "ferritin": np.round(80 + 600 * marker + 30 * normal[2]),
        "eosinophils": np.round(np.exp(-1.8 + 1.5 * asthma + 0.35 * normal[3]), 2),
        "dlco": np.round(95 - 30 * fibrosis + 8 * normal[4]),
    }


def _unordered(frame: pd.DataFrame, phenotype: Phenotype, rng: np.random.Generator, missing: float) -> pd.DataFrame:
    """The panel is not ordered as a whole, eight times as often for u above .3 as for others; bmi is not where it is not."""
    rate = np.clip(missing * np.where(phenotype.u > 0.3, 8.0, 1.0), 0, 0.95)
    frame.loc[rng.random(len(frame)) < rate, [*(column.name for column in PANEL), "bmi"]] = np.nan
    return frame


def _choose(rng: np.random.Generator, share: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    at = (rng.random(len(share))[:, None] > np.cumsum(share, axis=1)).sum(axis=1)
    chosen: np.ndarray = np.asarray(names, dtype=object)[np.minimum(at, len(names) - 1)]
    return chosen


def _within(frame: pd.DataFrame) -> pd.DataFrame:
    for column in schema(shaped=True).columns:
        if column.type == "number" and column.name in frame:
            frame[column.name] = frame[column.name].clip(column.low, column.high)
    return frame


def _holes(frame: pd.DataFrame, records: Records, rng: np.random.Generator, missing: float) -> pd.DataFrame:
    """Cells are emptied at the rate `missing`, tilted by the site; age, sex and diabetes are always known."""
    rate = np.clip(missing * np.exp(0.8 * records.effect(3)), 0, 0.95)
    for name in ("bmi", "crp", "wbc", "spo2", "creatinine", "smoking", "ward"):
        frame.loc[rng.random(len(frame)) < rate, name] = np.nan
    return frame
