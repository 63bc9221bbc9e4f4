"""The COVID-19 image data collection from its archive on GitHub, in the form that covid_cxr.yaml describes."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fpmg_bench.contracts import Remote
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMMIT = "6a4242344473ccb5ed0d2148d8c7bfb1691e4ed8"
ARCHIVE = f"{COMMIT}.zip"
REMOTE = Remote(
    base="https://github.com/ieee8023/covid-chestxray-dataset/archive/",
    files={ARCHIVE: ""},  # GitHub packs archives anew: no hash is published; the commit stands in the archive's comment
    terms="https://github.com/ieee8023/covid-chestxray-dataset#license",
    size="one archive, several hundred MB",
)
COLUMNS = {  # of metadata.csv -> of the manifest
    "patientid": "patient_id", "offset": "offset_days", "sex": "sex", "age": "age", "finding": "finding",
    "survival": "survival", "intubated": "intubated", "went_icu": "went_icu", "temperature": "temperature_c",
    "pO2_saturation": "po2_saturation", "view": "view", "modality": "modality", "location": "location",
    "folder": "folder", "filename": "filename", "license": "license", "clinical_notes": "clinical_notes",
}  # fmt: skip
SITES = {
    "italy": "Italy", "germany": "Germany", "australia_nz": "Australia|New Zealand", "uk_ireland": "United Kingdom|UK|Ireland",
    "spain_portugal": "Spain|Portugal", "north_america": "Canada|United States|USA",
    "east_asia": "China|Hong Kong|Japan|Singapore|South Korea|Korea|Taiwan|Thailand|Vietnam",
    "middle_east_south_asia": "Iran|Israel|Jordan|Pakistan|Qatar|Saudi Arabia|Turkey|India|Iraq|Lebanon",
}  # fmt: skip
OF_COUNTRY = {country: site for site, countries in SITES.items() for country in countries.split("|")}
NUMBERS = {"age": (0, 100), "offset_days": None, "temperature_c": None, "po2_saturation": None}
WORDS = {
    "sex": ("F", "M"),
    "view": ("PA", "AP", "AP Supine", "L"),
    **dict.fromkeys(("survival", "intubated", "went_icu"), ("Y", "N")),
}
SIDE = 256  # pixels of the longer side that are kept
SAME = 6  # bits of 256 in which two difference hashes may differ


def convert(downloads: Path, folder: Path, text: bytes) -> Mapping[str, int]:
    """cohort.yaml (`text`), manifest.csv and gray JPEG pictures; returns what was left out, by reason."""
    dropped: Counter[str] = Counter()
    with _opened(downloads / ARCHIVE) as archive:
        (folder / "images").mkdir()
        rows = _chosen(_metadata(archive), dropped)
        hashes = [_picture(archive, row, folder, dropped) for _, row in rows.iterrows()]
    rows["hash"] = pd.Series(hashes, index=rows.index, dtype=object)
    rows = rows[rows["hash"].notna()].reset_index(drop=True)
    rows["near_duplicate_of"] = _duplicates(rows)
    rows.drop(columns=["hash", "folder", "filename"]).to_csv(folder / "manifest.csv", index=False)
    (folder / "cohort.yaml").write_bytes(text)
    return {reason: count for reason, count in dropped.items() if count}


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{file}: not a zip archive ({error})", "delete it and fetch again") from error
    comment = archive.comment.decode("ascii", "replace")
    if comment and comment != COMMIT:
        archive.close()
        raise DatasetError(
            f"{file}: packed from commit {comment}, expected {COMMIT}",
            "another state of the collection: delete it and fetch again",
        )
    return archive


def _metadata(archive: zipfile.ZipFile) -> pd.DataFrame:
    name = next((name for name in archive.namelist() if PurePosixPath(name).name == "metadata.csv"), None)
    if name is None:
        raise DatasetError(f"{archive.filename}: holds no metadata.csv", "is it the archive of the collection?")
    frame = pd.read_csv(io.BytesIO(archive.read(name)), dtype=str)
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise DatasetError(f"{archive.filename}: metadata.csv has no column '{missing[0]}'", "another state of the collection")
    frame = frame[[*COLUMNS]].rename(columns=COLUMNS)
    root = str(PurePosixPath(name).parent)
    return frame.assign(inside=root + "/" + frame["folder"].fillna("images") + "/" + frame["filename"])


def _chosen(rows: pd.DataFrame, dropped: Counter[str]) -> pd.DataFrame:
    """Pictures that may be changed and kept, with label, site and tidy cells."""
    other = rows["folder"].fillna("images") != "images"
    fixed = rows["license"].fillna("").str.contains("ND") & ~other
    dropped["volumes and other files that are no pictures"] += int(other.sum())
    dropped["pictures whose licence forbids derivatives"] += int(fixed.sum())
    nobody = rows["patient_id"].isna() & ~other & ~fixed
    dropped["pictures of no known patient"] += int(nobody.sum())
    rows = rows[~other & ~fixed & ~nobody]
    rows = rows.reset_index(drop=True)
    rows["sample_id"] = [f"cxr_{at:04d}" for at in range(len(rows))]
    rows["patient_id"] = "cxr_" + rows["patient_id"]
    rows["image"] = "images/" + rows["sample_id"] + ".jpg"
    rows["modality"] = rows["modality"].map({"X-ray": "xray", "CT": "ct"}).fillna("other")
    rows["label"] = rows["finding"].map(_label)
    country = rows["location"].fillna("").str.rpartition(",")[2].str.strip()
    rows["site"] = country.map(OF_COUNTRY).where(country != "", "unknown").fillna("other")
    return _tidy(rows, dropped)


def _label(finding: object) -> str:
    """covid19, the name of another finding, or "" where upstream had not read the picture."""
    word = str(finding).rpartition("/")[2].strip()
    if "COVID-19" in word:
        return "covid19"
    return "" if word in ("todo", "nan", "", "Unknown") else word.lower().replace(" ", "_")


def _tidy(rows: pd.DataFrame, dropped: Counter[str]) -> pd.DataFrame:
    """Cells that are no number, or no word that covid_cxr.yaml knows, are emptied and counted."""
    for column, limits in NUMBERS.items():
        numbers = pd.to_numeric(rows[column], errors="coerce")
        good = numbers.between(*limits) if limits else numbers.notna()
        dropped[f"cells of {column} that are no number in range"] += int((rows[column].notna() & ~good).sum())
        rows[column] = numbers.where(good)
    for column, words in WORDS.items():
        good = rows[column].isin(words)
        of_xray = rows["modality"] == "xray"
        dropped[f"cells of {column} with another word"] += int((rows[column].notna() & ~good & of_xray).sum())
        rows[column] = rows[column].where(good)
    rows["clinical_notes"] = rows["clinical_notes"].str.split().str.join(" ")
    return rows


def _picture(archive: zipfile.ZipFile, row: pd.Series, folder: Path, dropped: Counter[str]) -> NDArray[np.bool_] | None:
    """Write the picture, 8-bit gray and small; its difference hash [256], None where the archive lacks or breaks it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(archive.read(row["inside"]))) as picture:
            gray = picture.convert("L")
    except KeyError:
        dropped["pictures that the archive lacks"] += 1
        return None
    except (OSError, UnidentifiedImageError, ValueError, zipfile.BadZipFile, Image.DecompressionBombError):
        dropped["pictures that cannot be decoded"] += 1
        return None
    gray.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    gray.save(folder / row["image"], quality=88)
    tiny = np.asarray(gray.resize((17, 16), Image.Resampling.LANCZOS), dtype=np.int16)
    return np.asarray(tiny[:, 1:] > tiny[:, :-1]).reshape(-1)


def _duplicates(rows: pd.DataFrame) -> list[str]:
    """For each picture the first earlier one that is nearly the same, or ""."""
    found: list[str] = []
    bits = np.stack(rows["hash"].tolist()) if len(rows) else np.zeros((0, 256), bool)
    for at in range(len(rows)):
        near = np.flatnonzero((bits[:at] ^ bits[at]).sum(axis=1) <= SAME)
        found.append(str(rows["sample_id"].iloc[near[0]]) if len(near) else "")
    return found
