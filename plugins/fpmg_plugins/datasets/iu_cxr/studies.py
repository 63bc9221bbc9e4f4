"""Joins the reports of NLMCXR with the DICOM headers by image id: 3,850 studies, 3,733 of them usable."""

from __future__ import annotations

import re
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.installed import data_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

REPORTS, HEADERS = "NLMCXR_reports.tgz", "nlmcxr_dicom_metadata.csv.gz"
FILES = (REPORTS, HEADERS)
FAMILIES = ("CEDD", "ColorLayout", "EdgeHistogram", "FCTH", "SemanticContext60")
SECTIONS = ("INDICATION", "FINDINGS", "IMPRESSION")
SILOS = ("MITRA-0.1500", "SIEMENS", "MITRA-0.143", "OTHER", "AGFA")


@dataclass(frozen=True, slots=True)
class Studies:
    """reports: a row a study (uid, major: tuple of MeSH terms, the SECTIONS); images: a row a radiograph, in the report's order,

    with `study` the position of its report, the visual words and the whole DICOM header.
    """

    reports: pd.DataFrame
    images: pd.DataFrame

    def first(self) -> pd.DataFrame:
        """The first radiograph of each study, in the order of `reports`."""
        return self.images.drop_duplicates("study").set_index("study").loc[np.arange(len(self.reports))]

    def abnormal(self) -> NDArray[np.bool_]:
        """True unless the only MeSH term is "normal"."""
        return np.array([terms != ("normal",) for terms in self.reports["major"]])

    def mentions(self, word: str) -> NDArray[np.bool_]:
        """True where the heading of a MeSH term ("Opacity/lung/base/left" -> Opacity) is `word`, in any case."""
        wanted = word.lower()
        return np.array([any(term.split("/")[0].lower() == wanted for term in terms) for terms in self.reports["major"]])

    def findings(self) -> list[str]:
        """FINDINGS and IMPRESSION as one text."""
        pairs = zip(self.reports["FINDINGS"], self.reports["IMPRESSION"], strict=True)
        return [" ".join(part for part in pair if part) for pair in pairs]

    def patients(self) -> NDArray[np.int64]:
        """The number in "CXR1234"; one study a patient."""
        return self.reports["uid"].str.removeprefix("CXR").to_numpy().astype(np.int64)

    def silos(self) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Acquisition system of the first radiograph: private creator, and for the MITRA archive its pixel spacing."""
        first = self.first()
        names = [
            _system(creator, spacing)
            for creator, spacing in zip(first["Private Creator"], first["Imager Pixel Spacing"], strict=True)
        ]
        return np.array([SILOS.index(name) for name in names], dtype=np.int64), SILOS


@lru_cache(maxsize=1)
def read_studies() -> tuple[Studies, dict[str, int]]:
    """(usable studies in the order of their numbers, reason -> studies left out). Parsed once a process: nobody changes them."""
    reports, shown = _read_reports()
    headers = pd.read_csv(data_file(HEADERS), low_memory=False)
    images = shown.merge(headers, on="imageid", how="inner", sort=False)
    pictured = reports["uid"].isin(images["uid"])
    indexed = ~reports["major"].map(lambda terms: "No Indexing" in terms)
    written = (reports["FINDINGS"] + reports["IMPRESSION"]) != ""
    dropped = {
        "reports without a radiograph": int((~pictured).sum()),
        "reports that were not indexed (no label)": int((pictured & ~indexed).sum()),
        "reports without findings and impression": int((pictured & indexed & ~written).sum()),
    }
    reports = reports[pictured & indexed & written].reset_index(drop=True)
    images = images[images["uid"].isin(reports["uid"])].reset_index(drop=True)
    images["study"] = images["uid"].map(pd.Series(reports.index, index=reports["uid"]))
    return Studies(reports, images), dropped


def _read_reports() -> tuple[pd.DataFrame, pd.DataFrame]:
    reports: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for root in _documents():
        uid = root.find("uId").get("id")  # type: ignore[union-attr]
        sections = {part.get("Label"): (part.text or "").strip() for part in root.iter("AbstractText")}
        terms = tuple(term.text or "" for term in root.iter("major"))
        reports.append({"uid": uid, "major": terms, **{name: sections.get(name, "") for name in SECTIONS}})
        images += [{"uid": uid, "imageid": image.get("id"), **_words(image)} for image in root.iter("parentImage")]
    table = pd.DataFrame(reports)
    order = table["uid"].str.removeprefix("CXR").astype(int).argsort(kind="stable")
    return table.iloc[order].reset_index(drop=True), pd.DataFrame(images)


def _documents() -> Iterator[ET.Element]:
    file = data_file(REPORTS)
    try:
        with tarfile.open(file) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.name.endswith(".xml") else None
                if stream is not None:
                    yield ET.parse(stream).getroot()
    except (tarfile.TarError, EOFError, ET.ParseError, OSError) as error:
        raise DatasetError(f"{file}: damaged ({error})", "python -m pip install --force-reinstall torchxrayvision") from error


def _words(image: ET.Element) -> dict[str, str | None]:
    features = image.find(".//globalImageFeatures")
    return {name: None if features is None else features.findtext(name) for name in FAMILIES}


def _system(creator: object, spacing: object) -> str:
    vendor = str(creator).upper()
    if vendor.startswith("MITRA"):
        numbers = re.findall(r"[\d.]+", str(spacing))
        return f"MITRA-{numbers[0]}" if numbers and f"MITRA-{numbers[0]}" in SILOS else "OTHER"
    return next((name for name in ("SIEMENS", "AGFA") if vendor.startswith(name)), "OTHER")
