"""MedMNIST v2: small medical pictures with a label; five of its sets, from one npz file each."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from fpmg_bench.contracts import About, Remote
from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort
from fpmg_plugins.datasets.cohorts import VARIABLE
from fpmg_plugins.datasets.folder import Folder

Subset = Literal["pneumoniamnist", "breastmnist", "retinamnist", "dermamnist", "bloodmnist"]


@dataclass(frozen=True, slots=True)
class _Set:
    """One set as medmnist 3.0.2 (info.py) describes it: classes by index, md5 of the 28- and 64-pixel files."""

    what: str
    classes: tuple[str, ...]
    channels: int
    licence: str
    md5: Mapping[int, str]


SETS: Mapping[str, _Set] = {
    "pneumoniamnist": _Set(
        "5,856 chest X-rays of children", ("normal", "pneumonia"), 1, "CC BY 4.0",
        {28: "28209eda62fecd6e6a2d98b1501bb15f", 64: "8f4eceb4ccffa70c672198ea285246c6"},
    ),
    "breastmnist": _Set(
        "780 breast ultrasound images", ("malignant", "normal or benign"), 1, "CC BY 4.0",
        {28: "750601b1f35ba3300ea97c75c52ff8f6", 64: "742edef2a1fd1524b2efff4bd7ba9364"},
    ),
    "retinamnist": _Set(
        "1,600 retina photographs", ("grade 0", "grade 1", "grade 2", "grade 3", "grade 4"), 3, "CC BY 4.0",
        {28: "bd4c0672f1bba3e3a89f0e4e876791e4", 64: "afda852cc34dcda56f86ad2b2457dbcc"},
    ),
    "dermamnist": _Set(
        "10,015 dermatoscopic images",
        ("actinic keratosis", "basal cell carcinoma", "benign keratosis", "dermatofibroma", "melanoma", "nevus", "vascular lesion"),
        3, "CC BY-NC 4.0", {28: "0744692d530f8e62ec473284d019b0c7", 64: "b70a2f5635c6199aeaa28c31d7202e1f"},
    ),
    "bloodmnist": _Set(
        "17,092 blood cells",
        ("basophil", "eosinophil", "erythroblast", "immature granulocyte", "lymphocyte", "monocyte", "neutrophil", "platelet"),
        3, "CC BY 4.0", {28: "7053d0359d879ad8a5505303e11de1dc", 64: "2b94928a2ae4916078ca51e05b6b800b"},
    ),
}  # fmt: skip


class MedMnist(Folder):
    """One record a picture. `fpmg-bench data fetch medmnist` gets it; files are in `root`, or $FPMG_DATA/medmnist_<subset>_<size>.

    There are no patient ids: every picture counts as a patient of its own, so that pictures of one patient may fall on both
    sides of a split, and privacy is counted per picture. No silos: partition iid or dirichlet.

    subset: which set; size: pixels a side, 28 or 64.
    """

    citation: ClassVar[str] = "Yang et al., MedMNIST v2, Scientific Data 2023, and the source of the set"
    publishable: ClassVar[bool] = False

    def __init__(self, root: str = "", subset: Subset = "pneumoniamnist", size: Literal[28, 64] = 64) -> None:
        self.root = root
        self.subset = subset
        self.size = size

    @property
    def name(self) -> str:
        """The folder's name."""
        return f"medmnist_{self.subset}_{self.size}"

    @property
    def licence(self) -> str:
        """As MedMNIST states it for the set."""
        return f"{SETS[self.subset].licence} (as MedMNIST states; the terms of the set's own source apply too)"

    @property
    def about(self) -> About:
        """Known without the files."""
        made = SETS[self.subset]
        return About(
            task=f"label: {' | '.join(made.classes)}",
            real={"image": f"image: {made.what}, cropped and scaled to {self.size} pixels by MedMNIST"},
            traps=("no patient ids: each picture counts as a patient of its own", "no silos: partition iid or dirichlet"),
            access="fpmg-bench data fetch medmnist",
        )

    @property
    def remote(self) -> Remote:
        """The file on Zenodo, with the md5 that medmnist publishes."""
        made = SETS[self.subset]
        files = {self._archive(): f"md5:{made.md5[self.size]}"}
        return Remote("https://zenodo.org/records/10519652/files/", files, terms="https://medmnist.com", size=made.what)

    def available(self) -> bool:
        """Was it fetched?"""
        return bool(self.root or os.environ.get(VARIABLE)) and self._file().is_file()

    def folder(self) -> Path:
        """Where the files are. Raises DatasetError where neither `root` nor FPMG_DATA says so."""
        if self.root:
            return Path(self.root).expanduser()
        if not os.environ.get(VARIABLE):
            hint = f"fpmg-bench data fetch medmnist --set subset={self.subset}, then set {VARIABLE}, or give `root`"
            raise DatasetError(f"{self.name}: no data folder", hint)
        return Path(os.environ[VARIABLE]).expanduser() / self.name

    def load(self) -> Cohort:
        """All pictures of the three published splits. Raises DatasetError, with the way to get them, where they are not here."""
        if not self.available():
            raise DatasetError(
                f"{self.name}: {self._file()} is not there", f"fpmg-bench data fetch medmnist --set subset={self.subset}"
            )
        return super().load()

    def convert(self, downloads: Path, folder: Path) -> Mapping[str, int]:
        """cohort.yaml, manifest.csv and a PNG a picture. Raises DatasetError at an archive of another form."""
        rows: list[dict[str, object]] = []
        parts = _read(downloads / self._archive())
        (folder / "images").mkdir()
        for split, pictures, labels in parts:
            for at, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
                record = f"{split}_{at:05d}"
                _save(picture, folder / "images" / f"{record}.png")
                rows.append({"record": record, "label": int(label), "split": split, "image": f"images/{record}.png"})
        pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
        (folder / "cohort.yaml").write_text(self._yaml(), encoding="utf-8")
        return {}

    def _archive(self) -> str:
        return f"{self.subset}.npz" if self.size == 28 else f"{self.subset}_{self.size}.npz"

    def _yaml(self) -> str:
        made = SETS[self.subset]
        names = {str(at): name for at, name in enumerate(made.classes)}
        label = {"name": "label", "type": "category", "categories": made.classes, "map": names}
        document = {
            "version": 1, "name": self.name, "licence": self.licence, "citation": self.citation, "publishable": False,
            "manifest": "manifest.csv", "record": "record", "patient": "record", "conditions": [label],
            "modalities": {"image": {"kind": "image", "column": "image", "shape": [made.channels, self.size, self.size]}},
            "real": {"image": self.about.real["image"].removeprefix("image: ")}, "traps": self.about.traps,
        }  # fmt: skip
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"  # JSON is YAML

    def _file(self) -> Path:
        return self.folder() / "cohort.yaml"


def _read(file: Path) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(split, pictures uint8 [n, s, s] or [n, s, s, 3], labels [n]) of the three splits."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            return [(s, archive[f"{s}_images"], archive[f"{s}_labels"].reshape(-1)) for s in ("train", "val", "test")]
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(f"{file}: not an archive of MedMNIST ({error})", "delete it and fetch again") from error


def _save(picture: np.ndarray, file: Path) -> None:
    from PIL import Image

    Image.fromarray(picture).save(file, compress_level=1)
