"""MIMIC-IV demo 2.2: 140 ICU stays of 100 patients, from the tables that PhysioNet serves openly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from fpmg_bench.contracts import Remote
from fpmg_plugins.datasets.cohorts import Packaged
from fpmg_plugins.datasets.fetched import tables

CHARTED = {  # itemid of chartevents -> variable
    220045: "heart_rate", 220050: "sbp", 220179: "sbp", 220051: "dbp", 220180: "dbp", 220052: "map", 220181: "map",
    220210: "resp_rate", 220277: "spo2", 223762: "temp_c", 223761: "temp_f", 223835: "fio2", 225664: "glucose_bedside",
    220739: "gcs_eye", 223900: "gcs_verbal", 223901: "gcs_motor",
}  # fmt: skip
LABORATORY = {  # itemid of labevents -> variable
    50813: "lactate", 50912: "creatinine", 51006: "bun", 51265: "platelets", 51301: "wbc", 50983: "sodium",
    50971: "potassium", 50882: "bicarbonate", 51222: "hemoglobin", 50885: "bilirubin", 50931: "glucose",
}  # fmt: skip
LAST = 168.0  # hours of a stay that are kept
HOSP, ICU = "hosp", "icu"
PATIENTS, ADMISSIONS, LABS, CODES, TITLES = (
    f"{HOSP}/{name}.csv.gz" for name in ("patients", "admissions", "labevents", "diagnoses_icd", "d_icd_diagnoses")
)
STAYS, CHART, OUTPUT = (f"{ICU}/{name}.csv.gz" for name in ("icustays", "chartevents", "outputevents"))


class Mimic4Demo(Packaged):
    """ICU stays (death in hospital, age): vitals and laboratory, a table, coded diagnoses as text (leak); groups of care units.

    `fpmg-bench data fetch mimic4-demo` gets it from PhysioNet.
    """

    name = "mimic4_demo"
    remote: ClassVar[Remote] = Remote(
        base="https://physionet.org/files/mimic-iv-demo/2.2/",
        files=dict.fromkeys((PATIENTS, ADMISSIONS, LABS, CODES, TITLES, STAYS, CHART, OUTPUT), ""),
        sums="SHA256SUMS.txt",
        terms="https://physionet.org/content/mimic-iv-demo/view-license/2.2/",
        size="eight tables, some ten MB",
    )

    def access(self) -> str:
        """By data fetch, or as any of them."""
        return f"fpmg-bench data fetch mimic4-demo, or {super().access()}"

    def convert(self, downloads: Path, folder: Path) -> Mapping[str, int]:
        """manifest.csv and timeseries.parquet in the form of mimic4_demo.yaml, and a copy of that file."""
        dropped: Counter[str] = Counter()
        stays = _stays(downloads)
        series = pd.concat([_charted(downloads, stays, dropped), _laboratory(downloads, stays, dropped)], ignore_index=True)
        stays["text"] = stays["hadm_id"].map(_diagnoses(downloads))
        tables.write(folder, stays.drop(columns=["subject_id", "hadm_id", "intime", "los"]), series)
        (folder / "cohort.yaml").write_bytes(self._file().read_bytes())
        return {reason: count for reason, count in dropped.items() if count}


def _stays(downloads: Path) -> pd.DataFrame:
    """A row a stay, with its admission and patient; age at admission from the anchor year."""
    columns = ("subject_id", "hadm_id", "stay_id", "first_careunit", "intime", "los")
    admission = ("hadm_id", "admittime", "admission_type", "admission_location", "insurance", "marital_status", "race", "hospital_expire_flag")  # fmt: skip
    stays = tables.table(downloads / STAYS, columns).merge(tables.table(downloads / ADMISSIONS, admission), on="hadm_id")
    stays = stays.merge(
        tables.table(downloads / PATIENTS, ("subject_id", "gender", "anchor_age", "anchor_year")), on="subject_id"
    )
    stays["age"] = stays["anchor_age"] + pd.to_datetime(stays["admittime"]).dt.year - stays["anchor_year"]
    stays["patient_id"] = stays["subject_id"]
    stays["site"], stays["label"] = stays["first_careunit"], stays["hospital_expire_flag"]
    dates = ["admittime", "anchor_age", "anchor_year", "first_careunit", "hospital_expire_flag"]
    return stays.drop(columns=dates).sort_values("stay_id").reset_index(drop=True)


def _charted(downloads: Path, stays: pd.DataFrame, dropped: Counter[str]) -> pd.DataFrame:
    """Charted vital signs and urine."""
    chart = []
    for piece in tables.pieces(downloads / CHART, ("stay_id", "charttime", "itemid", "valuenum")):
        known = piece[piece["itemid"].isin([*CHARTED])]
        chart.append(known.assign(variable=known["itemid"].map(CHARTED)).rename(columns={"valuenum": "value"}))
    urine = tables.table(downloads / OUTPUT, ("stay_id", "charttime", "itemid", "value"))
    rows = pd.concat([*chart, urine[urine["itemid"] == 226559].assign(variable="urine_ml")], ignore_index=True)  # Foley
    rows = rows.merge(stays[["stay_id", "intime"]], on="stay_id")
    rows["time"] = tables.hours(rows["charttime"], rows["intime"])
    return _units(tables.within_stay(rows, LAST, dropped, "rows of chartevents"))[["stay_id", "time", "variable", "value"]]


def _units(rows: pd.DataFrame) -> pd.DataFrame:
    """Fahrenheit to Celsius, percent of oxygen to a fraction."""
    value, variable = rows["value"].astype(float), rows["variable"]
    share = np.where((variable == "fio2") & (value > 1), value / 100, value)
    return rows.assign(
        value=np.where(variable == "temp_f", (value - 32) / 1.8, share), variable=variable.replace("temp_f", "temp_c")
    )


def _laboratory(downloads: Path, stays: pd.DataFrame, dropped: Counter[str]) -> pd.DataFrame:
    """Laboratory values by admission: a value belongs to the stay in whose time it was taken."""
    rows = tables.table(downloads / LABS, ("hadm_id", "charttime", "itemid", "valuenum"))
    rows = rows[rows["itemid"].isin([*LABORATORY])].assign(variable=lambda frame: frame["itemid"].map(LABORATORY))
    rows = rows.rename(columns={"valuenum": "value"}).merge(stays[["stay_id", "hadm_id", "intime", "los"]], on="hadm_id")
    rows["time"] = tables.hours(rows["charttime"], rows["intime"])
    mine = rows["time"] <= rows["los"] * 24
    dropped["rows of labevents after the stay"] += int((~mine).sum())
    return tables.within_stay(rows[mine], LAST, dropped, "rows of labevents")[["stay_id", "time", "variable", "value"]]


def _diagnoses(downloads: Path) -> pd.Series:
    """hadm_id -> titles of the coded diagnoses, in the order of their sequence numbers."""
    codes = tables.table(downloads / CODES, ("hadm_id", "seq_num", "icd_code", "icd_version"), ("icd_code",))
    titles = tables.table(downloads / TITLES, ("icd_code", "icd_version", "long_title"), ("icd_code",))
    named = codes.merge(titles, on=["icd_code", "icd_version"], how="left").sort_values(["hadm_id", "seq_num"])
    return tables.joined({"Coded diagnoses": named.set_index("hadm_id")["long_title"]})
