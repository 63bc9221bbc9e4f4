"""NIH chest radiographs with radiologists' boxes: box rasters, earlier follow-ups and header of 787 real images."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
from annotated_types import Ge

from fpmg_bench import keys
from fpmg_bench.contracts import About
from fpmg_bench.types import Cohort, Column, Pixels, Schema, Series, Table
from fpmg_plugins.datasets.installed import COMMANDS, XRAY, content, data_file, package_folder

ENTRIES, BOXES = "Data_Entry_2017_v2020.csv.gz", "BBox_List_2017.csv.gz"
CLASSES = ("Atelectasis", "Cardiomegaly", "Effusion", "Infiltrate", "Mass", "Nodule", "Pneumonia", "Pneumothorax")
FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis", "Hernia",
    "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
)  # fmt: skip
SIDE = 1024  # pixels a side of the released images, in which boxes are given


class NihBoxes:
    """One record a boxed image with a single finding (8 classes), 661 patients; no natural silos.

    image: radiologists' boxes as a raster, the share of each pixel that is covered: derived, not the radiograph; every record
    has one, so that its presence tells nothing · series: earlier follow-ups of the patient (14 findings, view AP, age); time is
    the follow-up number relative to the image; absent where there is none · header: age, sex, view, size, spacing.

    size: pixels a side of the raster; history: most recent earlier follow-ups that are kept.
    """

    licence: ClassVar[str] = "none stated in torchxrayvision; NIH Clinical Center asks for citation (not verified)"
    citation: ClassVar[str] = "Wang et al., ChestX-ray8, CVPR 2017; files: torchxrayvision (Cohen et al., MIDL 2022)"
    publishable: ClassVar[bool] = False
    about: ClassVar[About] = About(
        task="label: the finding in the box, one of 8 classes",
        silos="",
        real={
            "series": "series: findings, view and age at earlier follow-ups of the patient",
            "header": "table: age, sex, view, size, spacing",
        },
        derived={"image": "image: radiologists' boxes as a raster, not the radiograph"},
        traps=(
            "findings of earlier follow-ups were mined from reports by a text model",
            "no silos: partition iid or dirichlet",
        ),
        access=COMMANDS[XRAY],
    )

    def __init__(self, size: Annotated[int, Ge(8)] = 32, history: Annotated[int, Ge(1)] = 8) -> None:
        self.size = size
        self.history = history

    def available(self) -> bool:
        """Is torchxrayvision installed?"""
        return package_folder(XRAY) is not None

    def fingerprint(self) -> str:
        """Digest of the parameters and the installed files."""
        return keys.digest({"nih-boxes": vars(self), "files": content(ENTRIES, BOXES)})

    def load(self) -> Cohort:
        """787 records; boxed images with several classes are counted in `dropped`."""
        entries, boxes = _read()
        label = boxes.groupby("image")["finding"].agg(["nunique", "first"])
        single = label[label["nunique"] == 1]
        rows = entries[entries["image"].isin(single.index)].reset_index(drop=True)
        finding = single["first"].loc[rows["image"]]
        series = _history(entries, rows, self.history)
        everyone = np.ones(len(rows), bool)
        return Cohort(
            schemas={
                "image": Schema("image", (), (1, self.size, self.size)),
                "series": _channels(self.history),
                "header": _header(),
            },
            data={"image": _raster(boxes, rows, self.size), "series": series, "header": Table(_cells(rows))},
            present={"image": everyone, "series": np.asarray(series.seen.any(axis=(1, 2))), "header": everyone.copy()},
            conditions=(Column("label", "category", CLASSES),),
            condition=np.array([[CLASSES.index(name)] for name in finding], dtype=np.float64),
            patient=rows["patient"].to_numpy(dtype=np.int64),
            silo=np.zeros(len(rows), np.int64),
            dropped={"boxed images with several findings": int((label["nunique"] > 1).sum())},
        )


def _read() -> tuple[pd.DataFrame, pd.DataFrame]:
    """(all 112,120 images, all 984 boxes) under short names."""
    entries = pd.read_csv(data_file(ENTRIES), engine="c")
    entries.columns = ["image", "findings", "visit", "patient", "age", "sex", "view", "width", "height", "spacing", "spacing_y"]
    boxes = pd.read_csv(data_file(BOXES), usecols=range(6))
    boxes.columns = ["image", "finding", "x", "y", "w", "h"]
    return entries, boxes


def _header() -> Schema:
    return Schema(
        "table",
        (
            Column("age", "number", low=0, high=100, step=1, unit="years"),
            Column("sex", "category", ("F", "M")),
            Column("view", "category", ("AP", "PA")),
            Column("width", "number", low=1000, high=4000, step=1),
            Column("height", "number", low=900, high=4800, step=1),
            Column("spacing", "number", low=0.1, high=0.2, step=0.001),
        ),
    )


def _cells(rows: pd.DataFrame) -> pd.DataFrame:
    frame = rows[[column.name for column in _header().columns]].copy()
    numbers = [column.name for column in _header().columns if column.type == "number"]
    frame[numbers] = frame[numbers].astype(np.float64)
    return frame.astype({"sex": object, "view": object})


def _channels(steps: int) -> Schema:
    findings = tuple(Column(name.lower(), "number", low=0, high=1, step=1) for name in FINDINGS)
    return Schema(
        "series",
        (*findings, Column("view_ap", "number", low=0, high=1, step=1), Column("age", "number", low=0, high=100, step=1)),
        (steps,),
    )


def _history(entries: pd.DataFrame, rows: pd.DataFrame, steps: int) -> Series:
    """The last `steps` follow-ups before each image, oldest first; missing steps are unseen and repeat the last time."""
    mine = (
        entries[entries["patient"].isin(rows["patient"])].sort_values(["patient", "visit"], kind="stable").reset_index(drop=True)
    )
    channels = np.column_stack([*_findings(mine["findings"]), mine["view"] == "AP", mine["age"]]).astype(np.float32)
    of_patient = mine.groupby("patient").indices
    visits = mine["visit"].to_numpy()
    time = np.zeros((len(rows), steps), np.float32)
    values = np.zeros((len(rows), steps, channels.shape[1]), np.float32)
    seen = np.zeros(values.shape, bool)
    for at, (patient, visit) in enumerate(zip(rows["patient"], rows["visit"], strict=True)):
        earlier = of_patient[patient]
        earlier = earlier[visits[earlier] < visit][-steps:]
        n = len(earlier)
        if n:
            values[at, :n], seen[at, :n] = channels[earlier], True
            time[at, :n] = visits[earlier] - visit
            time[at, n:] = time[at, n - 1]
    return Series(time, values, seen)


def _findings(strings: pd.Series) -> list[np.ndarray]:
    sets = [set(string.split("|")) for string in strings]
    return [np.array([name in findings for findings in sets]) for name in FINDINGS]


def _raster(boxes: pd.DataFrame, rows: pd.DataFrame, size: int) -> Pixels:
    """Boxes as coverage 0 to 255 of each pixel of size x size; several boxes of one image join."""
    position = pd.Series(np.arange(len(rows)), index=rows["image"])
    mine = boxes[boxes["image"].isin(position.index)]
    edges = np.linspace(0, SIDE, size + 1)
    covered = np.zeros((len(rows), size, size))
    across, down = (
        _overlap(mine[start].to_numpy(), mine[length].to_numpy(), edges) for start, length in (("x", "w"), ("y", "h"))
    )
    np.maximum.at(covered, position.loc[mine["image"]].to_numpy(), down[:, :, None] * across[:, None, :])
    return Pixels.of(np.round(255 * covered).astype(np.uint8)[:, None])


def _overlap(start: np.ndarray, length: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share of each interval between edges that [start, start + length] covers [n, len(edges) - 1]."""
    low = np.maximum(start[:, None], edges[None, :-1])
    high = np.minimum((start + length)[:, None], edges[None, 1:])
    share: np.ndarray = np.clip(high - low, 0, None) / np.diff(edges)
    return share
