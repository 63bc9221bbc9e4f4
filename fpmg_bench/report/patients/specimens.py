"""A few records of a folder cohort (cohort.yaml, manifest, media) as they look on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.report.blocks import Specimen
from fpmg_bench.report.drawing.svg import SIDE, curve, data_uri, shrink, strip
from fpmg_bench.report.wording import as_float, number
from fpmg_bench.strata import stratum

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort

RECORDS = 4
COLUMNS = 60
CHANNELS = 24
FRAMES = 6
LETTERS = 4000  # none of the cohorts that ship has a longer text
ZOOM = 2  # pixels of the page for one of a picture
EDGE = 0.01  # of a release's values that may lie beyond the drawn range of a channel, at either end

Ranges = Mapping[str, Mapping[str, tuple[float, float]]]  # modality -> channel -> what its plots span


@dataclass(frozen=True, slots=True)
class Look:
    """Where records lie and how they are drawn. ranges: of series; side: largest of a picture; packed: whether pictures are compressed."""

    folder: Path
    ranges: Ranges = field(default_factory=dict)
    side: int = SIDE
    packed: bool = True

    def picture(self, pixels: NDArray[np.uint8]) -> tuple[str, int]:
        """(data URI, width on the page)."""
        return data_uri(pixels, self.packed), ZOOM * pixels.shape[1]


def of_cohort(cohort: Cohort, ranges: Ranges | None = None) -> dict[str, Specimen]:
    """Real records, taken the same way: a handful is written to a temporary folder, read and removed."""
    from tempfile import TemporaryDirectory

    import numpy as np

    from fpmg_bench.cohorts.folder import write

    names = np.asarray(cohort.classes, dtype=object)[cohort.label]
    whole = np.logical_and.reduce([cohort.present[m] for m in cohort.schemas])
    with TemporaryDirectory() as place:
        write(cohort.take(np.asarray(_choose(names.tolist(), whole), dtype=np.intp)), Path(place) / "real")
        return of_folder(Path(place) / "real", ranges)


def of_folder(folder: Path, ranges: Ranges | None = None) -> dict[str, Specimen]:
    """Modality -> specimen of the same few records, the first of each label in turn. ranges: of series, shared by all that are compared."""
    import pandas as pd

    about = _about(folder)
    manifest = pd.read_parquet(folder / str(about["manifest"]))
    names, groups = _labels(about, manifest)
    masks = [manifest[m["present"]].to_numpy(bool) for m in about["modalities"].values() if m.get("present") in manifest]
    rows = _choose(groups, _all(masks, len(manifest)))
    chosen = manifest.iloc[rows]
    captions = [names[row] for row in rows]
    look = Look(folder, spans(folder, {}) if ranges is None else ranges)
    return {name: _specimen(name, spec, chosen, look, captions) for name, spec in about["modalities"].items()}


def one_by_one(folder: Path, side: int) -> list[dict[str, Specimen]]:
    """Every record by itself, in order: modality -> specimen without a caption. Plots and times span the same in all.

    Pictures are not compressed: of one size all are as long.
    """
    import pandas as pd

    about = _about(folder)
    manifest = pd.read_parquet(folder / str(about["manifest"]))
    look = Look(folder, spans(folder, {}), side, packed=False)
    found: list[dict[str, Specimen]] = [{} for _ in range(len(manifest))]
    for name, spec in about["modalities"].items():
        whole = _specimen(name, spec, manifest, look, [""] * len(manifest))
        at = 0
        for record, there in zip(found, _here(spec, manifest), strict=True):
            record[name] = _alone(whole, at) if there else Specimen(name, whole.shape, (), missing="absent in this record")
            at += there
    return found


def _alone(whole: Specimen, at: int) -> Specimen:
    """One of the records that were drawn together."""
    if whole.shape in ("table", "series"):  # lines of all records
        return replace(whole, items=[(*line[:-1], [line[-1][at]]) for line in whole.items], captions=[""])
    return replace(whole, items=[whole.items[at]], captions=[""])


def _here(spec: Mapping[str, Any], rows: pd.DataFrame) -> list[bool]:
    """Which records have the modality."""
    return [bool(v) for v in rows[spec["present"]]] if spec.get("present") in rows else [True] * len(rows)


def _about(folder: Path) -> Mapping[str, Any]:
    from ruamel.yaml import YAML

    found: Mapping[str, Any] = YAML(typ="safe").load((folder / "cohort.yaml").read_text(encoding="utf-8"))
    return found


def spans(folder: Path, others: Ranges) -> Ranges:
    """What the channels of this folder and of the others span together: all but the outermost hundredth of the values of each."""
    import pandas as pd

    found = {name: dict(channels) for name, channels in others.items()}
    for name, spec in _about(folder)["modalities"].items():
        if spec["kind"] == "series":
            mine = found.setdefault(name, {})
            long = pd.read_parquet(folder / str(spec["file"]), columns=[spec["variable"], spec["value"]])
            for channel, values in long.dropna().groupby(spec["variable"])[spec["value"]]:
                low, high = (float(values.quantile(share)) for share in (EDGE, 1 - EDGE))
                before = mine.get(str(channel), (low, high))
                mine[str(channel)] = min(low, before[0]), max(high, before[1])
    return found


def _labels(about: Mapping[str, Any], manifest: pd.DataFrame) -> tuple[list[str], list[Any]]:
    """The label of every record in words, and the class or stratum by which records are chosen; nothing where there is no label."""
    if not about["conditions"] or about.get("label") == "none":
        return [""] * len(manifest), [0] * len(manifest)
    label = about["conditions"][0]
    values = manifest[label["column"]]
    names = [_label(value, label) for value in values]
    return names, stratum(values.to_numpy(), label["cuts"]).tolist() if "cuts" in label else names


def _label(value: Any, column: Mapping[str, Any]) -> str:
    """The label in words: a category, a number with its name, or yes/no of a flag named like the column."""
    if column.get("type") == "number":
        return f"{column['name']}: {value:g}"
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


def _specimen(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, look: Look, captions: Sequence[str]) -> Specimen:
    here = _here(spec, rows)
    if not any(here):
        return Specimen(name, str(spec["kind"]), (), missing="absent in these records")
    kept = rows[here]
    said = [caption for caption, there in zip(captions, here, strict=True) if there]
    match str(spec["kind"]):
        case "table":
            return _table(name, spec, kept, said)
        case "series":
            return _series(name, spec, kept, look, said)
        case "text":
            return _text(name, spec, kept, said)
        case "image":
            return _images(name, spec, kept, look, said)
    return _videos(name, spec, kept, look, said)


def _table(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, captions: Sequence[str]) -> Specimen:
    """One line a column, one column a record."""
    shown = spec["columns"][:COLUMNS]
    items = [(_named(column), [_value(v, flag=column["type"] == "flag") for v in rows[column["column"]]]) for column in shown]
    more = len(spec["columns"]) - len(shown)
    return Specimen(name, "table", items, captions, missing=f"and {more} more columns" if more else "")


def _named(column: Mapping[str, Any]) -> str:
    """Its name in words, with its unit."""
    unit = f" ({column['unit']})" if column.get("unit") else ""
    return f"{str(column['name']).replace('_', ' ')}{unit}"


def _value(value: Any, *, flag: bool = False) -> str:
    found = as_float(value)
    if isinstance(value, str):
        return value
    if found is None:
        return "missing"
    if flag:
        return "yes" if found else "no"
    said = f"{found:.0f}" if found == round(found) else number(found).replace(",", "")
    return said.rstrip("0").rstrip(".") if "." in said and "e" not in said else said


def _text(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, captions: Sequence[str]) -> Specimen:
    strings = [str(value) for value in rows[spec["column"]]]
    return Specimen(name, "text", [s if len(s) <= LETTERS else s[:LETTERS].rstrip() + " …" for s in strings], captions)


def _series(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, look: Look, captions: Sequence[str]) -> Specimen:
    """One line a channel with what its plots span, one small plot a record; time spans the same in all of them."""
    import pandas as pd

    records = rows["record"].tolist() if "record" in rows else rows.index.tolist()
    long = pd.read_parquet(look.folder / str(spec["file"]), filters=[(spec["record"], "in", records)]).dropna(
        subset=[spec["variable"]]
    )
    curves = {
        (record, channel): [(float(t), float(v)) for t, v in zip(part[spec["time"]], part[spec["value"]], strict=True)]
        for (record, channel), part in long.sort_values(spec["time"]).groupby([spec["record"], spec["variable"]], sort=False)
    }
    times = [t for each in curves.values() for t, _ in each]
    window = (min(times), max(times)) if times else (0.0, 1.0)
    items = []
    for column in spec["columns"][:CHANNELS]:
        scale = look.ranges.get(name, {}).get(column["name"], (0.0, 1.0))
        drawn = [curve(curves.get((record, column["name"]), []), window, scale) for record in records]
        items.append((_named(column), f"{_value(scale[0])} to {_value(scale[1])}", drawn))
    more = len(spec["columns"]) - len(items)
    beyond = f"; and {more} more channels" if more else ""
    return Specimen(name, "series", items, captions, missing=f"time {window[0]:.1f} to {window[1]:.1f}{beyond}")


def _images(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, look: Look, captions: Sequence[str]) -> Specimen:
    shown = [shrink(_pixels(look.folder / str(file), spec)[0], look.side) for file in rows[spec["column"]]]
    return Specimen(name, "image", [look.picture(each) for each in shown], captions)


def _videos(name: str, spec: Mapping[str, Any], rows: pd.DataFrame, look: Look, captions: Sequence[str]) -> Specimen:
    """A strip of evenly spaced frames a clip."""
    items = []
    for file in rows[spec["column"]]:
        clip = _pixels(look.folder / str(file), spec)
        at = [round(i * (len(clip) - 1) / (FRAMES - 1)) for i in range(FRAMES)] if len(clip) > FRAMES else range(len(clip))
        items.append(look.picture(strip([shrink(clip[i], look.side) for i in at])))
    return Specimen(name, "video", items, captions)


def _pixels(file: Path, spec: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Frames [t, h, w] or [t, h, w, 3]; an image is one frame. Of a clip as many as are declared: a file keeps equal neighbours as one."""
    import numpy as np
    from PIL import Image, ImageSequence

    if file.suffix == ".npy":
        array: NDArray[np.uint8] = np.load(file, allow_pickle=False)
        array = array[None] if array.ndim == 3 else array
        return array[:, 0]  # channels first: the first of an unusual number of channels
    with Image.open(file) as picture:
        frames = []
        for frame in ImageSequence.Iterator(picture):
            pixels = np.asarray(frame.convert("L" if spec["shape"][-3] == 1 else "RGB"))
            frames += [pixels] * max(1, round(frame.info.get("duration", 0) / spec.get("frame_ms", np.inf)))
    declared = spec["shape"][0] if len(spec["shape"]) == 4 else 1
    return np.stack([frames[at] for at in np.round(np.linspace(0, len(frames) - 1, declared)).astype(int)])
