"""Tiny stand-ins for what publishers serve: the same file names and columns, invented rows."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from fpmg_plugins.datasets.fetched import covid, eicu, mimic4
from PIL import Image

UNITS = ("Medical Intensive Care Unit (MICU)", "Trauma SICU (TSICU)", "Coronary Care Unit (CCU)")


def _save(folder: Path, name: str, frame: pd.DataFrame) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / name, index=False)


def mimic(folder: Path, stays: int = 12) -> Path:
    """Stays s of patients s // 2 with a heart rate of 60 + s each hour, one temperature in Fahrenheit, one lactate."""
    at = np.arange(stays)
    start = datetime(2150, 3, 1, 12)
    hour = [start + timedelta(hours=h) for h in range(-8, 50)]
    _save(folder, mimic4.STAYS, pd.DataFrame({"subject_id": at // 2, "hadm_id": 100 + at, "stay_id": 1000 + at, "first_careunit": [UNITS[s % 3] for s in at], "last_careunit": "x", "intime": start, "outtime": hour[-1], "los": 2.0}))  # fmt: skip
    _save(folder, mimic4.ADMISSIONS, pd.DataFrame({"subject_id": at // 2, "hadm_id": 100 + at, "admittime": start, "admission_type": "EW EMER.", "admission_location": "EMERGENCY ROOM", "insurance": "Medicare", "marital_status": ["MARRIED", None] * (stays // 2), "race": "WHITE", "hospital_expire_flag": (at // 3) % 2}))  # fmt: skip
    _save(folder, mimic4.PATIENTS, pd.DataFrame({"subject_id": np.unique(at // 2), "gender": "F", "anchor_age": 50, "anchor_year": 2145}))  # fmt: skip
    chart = [(1000 + s, time, 220045, 60 + s) for s in at for time in hour]
    chart += [(1000 + s, start, 223761, 98.6) for s in at] + [(1000, start, 220277, None), (1000, start, 999, 1.0)]
    _save(folder, mimic4.CHART, pd.DataFrame(chart, columns=["stay_id", "charttime", "itemid", "valuenum"]))
    labs = [(100.0 + s, start + timedelta(hours=3), 50813, 2.5) for s in at] + [(None, start, 50813, 9.0), (100.0, start + timedelta(hours=60), 50813, 9.0)]  # fmt: skip
    _save(folder, mimic4.LABS, pd.DataFrame(labs, columns=["hadm_id", "charttime", "itemid", "valuenum"]))
    _save(folder, mimic4.OUTPUT, pd.DataFrame({"stay_id": [1000], "charttime": [start], "itemid": [226559], "value": [120]}))
    _save(folder, mimic4.CODES, pd.DataFrame({"hadm_id": [100, 100, 101], "seq_num": [2, 1, 1], "icd_code": ["0010", "I10", "0010"], "icd_version": [9, 10, 9]}))  # fmt: skip
    _save(folder, mimic4.TITLES, pd.DataFrame({"icd_code": ["0010", "I10"], "icd_version": [9, 10], "long_title": ["Cholera", "Hypertension"]}))  # fmt: skip
    return folder


def icu(folder: Path, stays: int = 20) -> Path:
    """Stays of two hospitals in two regions; a systolic pressure of 300 is out of range, an FiO2 of 0.4 a fraction."""
    at = np.arange(stays)
    stay = 7000 + at
    _save(folder, eicu.PATIENT, pd.DataFrame({eicu.STAY: stay, "uniquepid": [f"00-{s // 2}" for s in at], "gender": ["Male", "Unknown"] * (stays // 2), "age": ["> 89", "54"] * (stays // 2), "ethnicity": "Caucasian", "hospitalid": 50 + at % 2, "admissionheight": 170, "admissionweight": [70, -1] * (stays // 2), "unittype": "MICU", "unitadmitsource": "Floor", "unitstaytype": "admit", "apacheadmissiondx": "Sepsis", "hospitaldischargestatus": np.where(at % 4 < 3, "Alive", "Expired")}))  # fmt: skip
    _save(folder, eicu.HOSPITAL, pd.DataFrame({"hospitalid": [50, 51], "numbedscategory": "<100", "teachingstatus": ["t", "f"], "region": ["South", None]}))  # fmt: skip
    _save(folder, eicu.APS, pd.DataFrame({eicu.STAY: stay, **dict.fromkeys(eicu.APS_COLUMNS, -1), "heartrate": 90, "temperature": 36.5}))  # fmt: skip
    wide = {"noninvasivesystolic": 120, "noninvasivediastolic": 70, "noninvasivemean": 85}
    rows = [{eicu.STAY: s, "observationoffset": minute, **wide} for s in stay for minute in (-600, 30, 150)]
    rows[1]["noninvasivesystolic"] = 300
    _save(folder, eicu.APERIODIC, pd.DataFrame(rows))
    _save(folder, eicu.PERIODIC, pd.DataFrame({eicu.STAY: stay, "observationoffset": 60, "sao2": 97, "respiration": None}))
    _save(folder, eicu.CHARTING, pd.DataFrame({eicu.STAY: [7000, 7000, 7001], "respchartoffset": 60, "respchartvaluelabel": ["FiO2", "Other", "FiO2"], "respchartvalue": ["0.4", "x", "50%"]}))  # fmt: skip
    _save(folder, eicu.INTAKE, pd.DataFrame({eicu.STAY: [7000], "intakeoutputoffset": [60], "celllabel": ["Urine"], "cellvaluenumeric": [200.0]}))  # fmt: skip
    _save(folder, eicu.HISTORY, pd.DataFrame({eicu.STAY: [7000], "pasthistorypath": ["notes/Progress Notes/Past History/CHF/"]}))
    _save(
        folder,
        eicu.DIAGNOSIS,
        pd.DataFrame({eicu.STAY: [7000, 7000], "diagnosisstring": ["infection|sepsis", "infection|sepsis"]}),
    )
    _save(folder, eicu.TREATMENT, pd.DataFrame({eicu.STAY: [7001], "treatmentstring": ["pulmonary|oxygen"]}))
    return folder


def xrays(folder: Path, comment: str = covid.COMMIT) -> Path:
    """14 X-rays and a CT; the second is a copy of the first, the third forbids derivatives, the last file is missing."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (40, 50), dtype=np.uint8) for _ in range(15)]
    pictures[1] = pictures[0]
    rows = [
        {
            "patientid": at // 2,
            "offset": "3",
            "sex": "M",
            "age": "60",
            "finding": "Pneumonia/Viral/COVID-19" if at % 2 else "Pneumonia/Bacterial",
            "survival": "Y",
            "view": "PA",
            "modality": "X-ray" if at != 5 else "CT",
            "location": ("Milan, Italy", "", "Lima, Peru")[at % 3],
            "folder": "images",
            "filename": f"{at}.png",
            "license": "CC BY-NC-ND" if at == 2 else "CC BY",
            "clinical_notes": "fever\n and  cough",
        }
        for at in range(16)
    ]
    rows[4]["finding"], rows[6]["temperature"], rows[7]["survival"] = "todo", "hot", "perhaps"
    rows.append(rows[0] | {"folder": "volumes", "filename": "x.nii.gz"})
    frame = pd.DataFrame(rows).reindex(columns=[*covid.COLUMNS])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / covid.ARCHIVE, "w") as archive:
        archive.comment = comment.encode()
        archive.writestr("root/metadata.csv", frame.to_csv(index=False))
        for at, picture in enumerate(pictures):
            stream = io.BytesIO()
            Image.fromarray(picture).save(stream, "PNG")
            archive.writestr(f"root/images/{at}.png", stream.getvalue())
    return folder


def mnist(folder: Path, name: str = "breastmnist_64.npz") -> Path:
    """Ten gray pictures whose brightness is their label."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {}
    for split, n in (("train", 6), ("val", 2), ("test", 2)):
        labels = (np.arange(n) % 2).astype(np.uint8)[:, None]
        parts |= {f"{split}_labels": labels, f"{split}_images": np.tile(labels[:, :, None] * 200, (1, 64, 64)).astype(np.uint8)}
    np.savez_compressed(folder / name, **parts)
    return folder
