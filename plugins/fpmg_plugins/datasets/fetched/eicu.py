"""eICU demo 2.0.1 from PhysioNet's tables, in the form that eicu_demo.yaml describes: all its hospitals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from fpmg_bench.contracts import Remote
from fpmg_plugins.datasets.fetched import tables
from fpmg_plugins.datasets.folder.document import Document

STAY = "patientunitstayid"
PATIENT, HOSPITAL, APS, APERIODIC, PERIODIC, CHARTING, INTAKE, HISTORY, DIAGNOSIS, TREATMENT = (
    f"{name}.csv.gz"
    for name in (
        "patient", "hospital", "apacheApsVar", "vitalAperiodic", "vitalPeriodic", "respiratoryCharting", "intakeOutput",
        "pastHistory", "diagnosis", "treatment",
    )
)  # fmt: skip
REMOTE = Remote(
    base="https://physionet.org/files/eicu-crd-demo/2.0.1/",
    files=dict.fromkeys((PATIENT, HOSPITAL, APS, APERIODIC, PERIODIC, CHARTING, INTAKE, HISTORY, DIAGNOSIS, TREATMENT), ""),
    sums="SHA256SUMS.txt",
    terms="https://physionet.org/content/eicu-crd-demo/view-license/2.0.1/",
    size="ten tables, some tens of MB",
)
APS_COLUMNS = (
    "intubated", "vent", "dialysis", "eyes", "motor", "verbal", "wbc", "temperature", "respiratoryrate", "heartrate", "meanbp",
    "sodium", "creatinine", "bun", "glucose", "hematocrit",
)  # fmt: skip
MONITORED = {"noninvasivesystolic": "nibp_systolic", "noninvasivediastolic": "nibp_diastolic", "noninvasivemean": "nibp_mean"}
BEDSIDE = {"sao2": "sao2", "respiration": "resp_rate"}
RESPIRATOR = {"FiO2": "fio2", "LPM O2": "o2_flow_lpm", "PEEP": "peep", "Vent Rate": "vent_rate"}
LAST = 120.0  # hours of a stay that are kept


def convert(downloads: Path, folder: Path, document: Document) -> Mapping[str, int]:
    """manifest.csv, timeseries.parquet and cohort.yaml; returns what was left out, by reason.

    Values outside the ranges that `document` declares are left out and counted, so that the cohort loads.
    """
    dropped: Counter[str] = Counter()
    stays = _stays(downloads, document, dropped)
    parts = [
        _wide(downloads / APERIODIC, MONITORED),
        _wide(downloads / PERIODIC, BEDSIDE),
        _respirator(downloads / CHARTING),
        _urine(downloads / INTAKE),
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[rows["stay_id"].isin(stays["stay_id"])]
    rows = tables.within_stay(rows, LAST, dropped, "rows of charted values")
    series = _in_range(rows, document, dropped)
    tables.write(folder, stays, series.groupby(["stay_id", "time", "variable"], as_index=False)[["value"]].mean())
    (folder / "cohort.yaml").write_bytes(document.file.read_bytes())
    return {reason: count for reason, count in dropped.items() if count}


def _stays(downloads: Path, document: Document, dropped: Counter[str]) -> pd.DataFrame:
    """A row a stay: patient, hospital, APACHE inputs, text, label."""
    columns = (
        STAY, "uniquepid", "gender", "age", "ethnicity", "hospitalid", "admissionheight", "admissionweight", "unittype",
        "unitadmitsource", "unitstaytype", "apacheadmissiondx", "hospitaldischargestatus",
    )  # fmt: skip
    stays = tables.table(downloads / PATIENT, columns)
    stays = stays.merge(tables.table(downloads / HOSPITAL, ("hospitalid", "numbedscategory", "teachingstatus", "region")), on="hospitalid", how="left")  # fmt: skip
    aps = tables.table(downloads / APS, (STAY, *APS_COLUMNS)).drop_duplicates(STAY)
    stays = stays.merge(aps.rename(columns={name: f"aps_{name}" for name in APS_COLUMNS}), on=STAY, how="left")
    stays["stay_id"], stays["patient_id"] = stays[STAY], stays["uniquepid"]
    stays["site"] = "hosp_" + stays["hospitalid"].astype(str)
    stays["region"] = stays["region"].fillna("Unknown")
    stays["label"] = stays["hospitaldischargestatus"].map({"Alive": "0", "Expired": "1"})
    stays["age"] = pd.to_numeric(stays["age"].astype(str).replace("> 89", "91.4"), errors="coerce")
    stays["teachingstatus"] = stays["teachingstatus"].map({"t": 1, "f": 0, True: 1, False: 0})
    stays["text"] = stays[STAY].map(_text(downloads, stays))
    return _tidy(stays.drop(columns=[STAY, "uniquepid", "hospitalid", "hospitaldischargestatus"]), document, dropped)


def _tidy(stays: pd.DataFrame, document: Document, dropped: Counter[str]) -> pd.DataFrame:
    """-1 is APACHE's missing value; numbers out of the declared range and undeclared categories are emptied and counted."""
    for column in document.spec.modalities["table"].columns:  # type: ignore[union-attr]
        values = stays[column.source]
        if column.type == "number":
            numbers = pd.to_numeric(values, errors="coerce").where(lambda found: found != -1)
            low, high = (end if end is not None else beyond for end, beyond in ((column.low, -math.inf), (column.high, math.inf)))
            wrong = (column.outside == "error") & numbers.notna() & ~numbers.between(low, high)
            dropped[f"cells of {column.name} out of range"] += int(wrong.sum())
            stays[column.source] = numbers.where(~wrong)
        elif column.type == "category" and column.other is None:
            wrong = values.notna() & ~values.isin(column.categories)
            dropped[f"cells of {column.name} of other categories"] += int(wrong.sum())
            stays[column.source] = values.where(~wrong)
        elif column.type == "flag":
            stays[column.source] = values.where(values.isin([0, 1]))
    return stays


def _text(downloads: Path, stays: pd.DataFrame) -> pd.Series:
    """Admission diagnosis, history, diagnoses and treatments, assembled from pick lists."""
    lists = {
        "Past history": (HISTORY, "pasthistorypath"),
        "Diagnoses": (DIAGNOSIS, "diagnosisstring"),
        "Treatments": (TREATMENT, "treatmentstring"),
    }
    parts = {"Admission diagnosis": stays.set_index(STAY)["apacheadmissiondx"]}
    for head, (name, column) in lists.items():
        rows = tables.table(downloads / name, (STAY, column)).dropna()
        parts[head] = rows.set_index(STAY)[column].str.strip("/").str.split(r"[/|]", regex=True).str[-1]
    return tables.joined(parts)


def _wide(file: Path, channels: Mapping[str, str]) -> pd.DataFrame:
    """One column a channel, minutes since admission, as rows of one value."""
    melted = []
    for piece in tables.pieces(file, (STAY, "observationoffset", *channels)):
        rows = piece.rename(columns={**channels, STAY: "stay_id", "observationoffset": "time"})
        rows["time"] = rows["time"] / 60
        melted.append(rows.melt(["stay_id", "time"], var_name="variable", value_name="value").dropna())
    return pd.concat(melted, ignore_index=True)


def _respirator(file: Path) -> pd.DataFrame:
    """Settings by label; "40%" is 40."""
    rows = tables.table(file, (STAY, "respchartoffset", "respchartvaluelabel", "respchartvalue"))
    rows = rows[rows["respchartvaluelabel"].isin([*RESPIRATOR])]
    value = pd.to_numeric(rows["respchartvalue"].astype(str).str.rstrip("%"), errors="coerce")
    variable = rows["respchartvaluelabel"].map(RESPIRATOR)
    value = value.where((variable != "fio2") | (value > 1), value * 100)  # some hospitals write a fraction
    return pd.DataFrame({"stay_id": rows[STAY], "time": rows["respchartoffset"] / 60, "variable": variable, "value": value})


def _urine(file: Path) -> pd.DataFrame:
    rows = tables.table(file, (STAY, "intakeoutputoffset", "celllabel", "cellvaluenumeric"))
    rows = rows[rows["celllabel"].astype(str).str.startswith("Urine")]
    return pd.DataFrame({"stay_id": rows[STAY], "time": rows["intakeoutputoffset"] / 60, "variable": "urine_ml", "value": rows["cellvaluenumeric"]})  # fmt: skip


def _in_range(rows: pd.DataFrame, document: Document, dropped: Counter[str]) -> pd.DataFrame:
    """Values inside the declared range of their channel."""
    limits = {column.source: (column.low, column.high) for column in document.spec.modalities["series"].columns}  # type: ignore[union-attr]
    low, high = (rows["variable"].map({name: pair[end] for name, pair in limits.items()}) for end in (0, 1))
    good = rows["value"].between(low, high)
    dropped["charted values out of range"] += int((~good).sum())
    return rows[good]
