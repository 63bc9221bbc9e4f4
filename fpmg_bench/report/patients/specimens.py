"""A few records of a folder cohort (cohort.yaml, manifest, media) as they look on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.report.blocks import Specimen
from fpmg_bench.report.drawing.svg import data_uri, lines, shrink
from fpmg_bench.report.wording import as_float, number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort

RECORDS = 4
COLUMNS = 10
CHANNELS = 3
FRAMES = 4
LETTERS = 320


def of_cohort(cohort: Cohort) -> dict[str, Specimen]:
    """Real records, taken the same way: a handful is written to a temporary folder, read and removed."""
    from tempfile import TemporaryDirectory

    import numpy as np

    from fpmg_bench.cohorts.folder import write

    names = np.asarray(cohort.classes, dtype=object)[cohort.label]
    whole = np.logical_and.reduce([cohort.present[m] for m in cohort.schemas])
    with TemporaryDirectory() as place:
        write(cohort.take(np.asarray(_choose(names.tolist(), whole), dtype=np.intp)), Path(place) / "real")
        return of_folder(Path(place) / "real")


def of_folder(folder: Path) -> dict[str, Specimen]:
    """Modality -> specimen of the same few records, the first of each label in turn."""
    import pandas as pd
    from ruamel.yaml import YAML

    about = YAML(typ="safe").load((folder / "cohort.yaml").read_text(encoding="utf-8"))
    manifest = pd.read_parquet(folder / str(about["manifest"]))
    label = about["conditions"][0]
    names = [_label(value, label) for value in manifest[label["column"]]]
    masks = [manifest[m["present"]].to_numpy(bool) for m in about["modalities"].values() if m.get("present") in manifest]
    rows = _choose(names, _all(masks, len(manifest)))
    chosen = manifest.iloc[rows]
    captions = [names[row] for row in rows]
    return {name: _specimen(name, spec, chosen, folder, captions) for name, spec in about["modalities"].items()}


def _label(value: Any, column: Mapping[str, Any]) -> str:
    """The label in words: a category, or yes/no of a flag named like the column."""
    if column.get("type") == "flag":
        return f"{column['name']}: {'yes' if value else 'no'}"
    return str(value)


def _all(masks: Sequence[NDArray[np.bool_]], n: int) -> NDArray[np.bool_]:
    import numpy as np

    return np.logical_and.reduce(masks) if masks else np.ones(n, bool)


def _choose(labels: Sequence[Any], whole: NDArray[np.bool_]) -> list[int]:
    """Positions of RECORDS records, one label after another, complete records first."""
    order = [int(i) for keep in (True, False) for i in range(len(labels)) if bool(whole[i]) is keep]
    queues: dict[str, list[int]] = {}
    for i in order:
        queues.setdefault(str(labels[i]), []).append(i)
    turns = max((len(queue) for queue in queues.values()), default=0)
    found = [queues[name][turn] for turn in range(min(turns, RECORDS)) for name in sorted(queues) if turn < len(queues[name])]
    return found[:RECORDS]


def _specimen(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, folder: Path, captions: Sequence[str]) -> Specimen:
    here = [bool(v) for v in rows[spec["present"]]] if spec.get("present") in rows else [True] * len(rows)
    if not any(here):
        return Specimen(name, str(spec["kind"]), (), missing="absent in these records")
    kept = rows[here]
    said = [caption for caption, there in zip(captions, here, strict=True) if there]
    makers = {"table": _table, "series": _series, "text": _text, "image": _images, "video": _videos}
    return makers[str(spec["kind"])](name, spec, kept, folder, said)


def _table(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, folder: Path, captions: Sequence[str]) -> Specimen:
    """One line a column, one column a record."""
    shown = spec["columns"][:COLUMNS]
    items = [(column["name"], [_value(v) for v in rows[column["column"]]]) for column in shown]
    more = len(spec["columns"]) - len(shown)
    return Specimen(name, "table", items, captions, missing=f"and {more} more columns" if more else "")


def _value(value: Any) -> str:
    found = as_float(value)
    if isinstance(value, str):
        return value
    if found is None:
        return "missing"
    said = f"{found:.0f}" if found == round(found) else number(found)
    return said.rstrip("0").rstrip(".") if "." in said and "e" not in said else said


def _text(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, folder: Path, captions: Sequence[str]) -> Specimen:
    strings = [str(value) for value in rows[spec["column"]]]
    return Specimen(name, "text", [s if len(s) <= LETTERS else s[:LETTERS].rstrip() + " …" for s in strings], captions)


def _series(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, folder: Path, captions: Sequence[str]) -> Specimen:
    """One small drawing a record; channels share one scale over the records shown."""
    import pandas as pd

    records = rows["record"].tolist() if "record" in rows else rows.index.tolist()
    long = pd.read_parquet(folder / str(spec["file"]), filters=[(spec["record"], "in", records)]).dropna(
        subset=[spec["variable"]]
    )
    channels = [str(column["name"]) for column in spec["columns"][:CHANNELS]]
    curves = {
        (record, channel): [(float(t), float(v)) for t, v in zip(part[spec["time"]], part[spec["value"]], strict=True)]
        for (record, channel), part in long.sort_values(spec["time"]).groupby([spec["record"], spec["variable"]], sort=False)
    }
    scales = {
        channel: _range(column, [curves.get((r, channel), []) for r in records])
        for channel, column in zip(channels, spec["columns"], strict=False)
    }
    items = [lines([(curves.get((r, channel), []), scales[channel]) for channel in channels]) for r in records]
    more = len(spec["columns"]) - len(channels)
    return Specimen(name, "series", items, captions, channels, f"and {more} more channels" if more else "")


def _range(column: Mapping[str, Any], curves: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float]:
    """The declared range, so that sources compare; what was drawn where none is declared."""
    low, high = as_float(column.get("low")), as_float(column.get("high"))
    if low is not None and high is not None and high > low:
        return low, high
    values = [value for curve in curves for _, value in curve]
    return (min(values), max(values)) if values else (0.0, 1.0)


def _images(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, folder: Path, captions: Sequence[str]) -> Specimen:
    return Specimen(
        name, "image", [data_uri(shrink(_pixels(folder / str(file), spec)[0])) for file in rows[spec["column"]]], captions
    )


def _videos(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, folder: Path, captions: Sequence[str]) -> Specimen:
    """Frames of the first two clips, evenly spaced."""
    items, said = [], []
    for caption, file in list(zip(captions, rows[spec["column"]], strict=True))[:2]:
        clip = _pixels(folder / str(file), spec)
        at = [round(i * (len(clip) - 1) / (FRAMES - 1)) for i in range(FRAMES)] if len(clip) > FRAMES else range(len(clip))
        items += [data_uri(shrink(clip[i])) for i in at]
        said += [f"{caption}, frame {i + 1}" for i in at]
    return Specimen(name, "image", items, said)


def _pixels(file: Path, spec: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Frames [t, h, w] or [t, h, w, 3]; an image is one frame."""
    import numpy as np
    from PIL import Image, ImageSequence

    if file.suffix == ".npy":
        array: NDArray[np.uint8] = np.load(file, allow_pickle=False)
        array = array[None] if array.ndim == 3 else array
        return array[:, 0]  # channels first: the first of an unusual number of channels
    with Image.open(file) as picture:
        return np.stack(
            [np.asarray(frame.convert("L" if spec["shape"][-3] == 1 else "RGB")) for frame in ImageSequence.Iterator(picture)]
        )
