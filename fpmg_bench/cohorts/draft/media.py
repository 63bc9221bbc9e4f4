"""Pictures, clips and long series that stand beside the table."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft.columns import key, word
from fpmg_bench.cohorts.draft.reading import TABLES, is_long, read
from fpmg_bench.document import brief, inside, plural
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd
    from PIL.Image import Image

MOST_PIXELS = 2**26  # of a picture whose colours are looked at
LOOKED_AT = 20  # files whose kind and colours are looked at
CHANNELS = 24  # variables of a series that are drafted, the commonest first
STEPS = 24
TINT = 8  # gray levels by which the colours of a gray picture may differ after compression
HIGH, LOW = 0.995, 0.005  # a series' values far beyond these shares of them are taken for mistakes


def picture(name: str, values: pd.Series[Any], root: Path) -> str:
    """One modality of images or clips. Files that are not there are told: the cohort loads when their cells are empty."""
    cells = [str(cell) for cell in values.dropna()]
    folder = _folder(cells, root)
    files = [_file(root, folder, cell) for cell in cells]
    lost = [cell for cell, file in zip(cells, files, strict=True) if file is None]
    if len(lost) == len(files):
        return f"# left out: {name} (names of files, none of which is below this folder)\n"
    frames, gray = _looked_at([file for file in files if file is not None][:LOOKED_AT])
    channels = 1 if gray else 3
    made: dict[str, Any] = {"kind": "video" if frames > 1 else "image", "column": name}
    made |= {"folder": folder} if folder else {}
    made["shape"] = [min(frames, 8), channels, 32, 32] if frames > 1 else [channels, 64, 64]
    remark = "shape: the size that is read"
    if lost:
        remark = f"FILL IN: {plural(len(lost), 'file is', 'files are')} not there (first: {brief(lost[0])}); bring them, or empty their cells"
    return f"  {key(name)}: {json.dumps(made, ensure_ascii=False)}  # {remark}\n"


def _file(root: Path, folder: str, cell: str) -> Path | None:
    """The file that a cell names below the root; None where it is not there, or leads elsewhere."""
    try:
        found = inside(root, str(Path(folder) / cell), cell)
    except DatasetError:
        return None
    return found if found.is_file() else None


def _folder(cells: list[str], root: Path) -> str:
    """Where most of the files are: beside the table, or in one folder below it."""
    places = ["", *sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir())]
    some = cells[:LOOKED_AT]
    return max(places, key=lambda place: sum(_file(root, place, cell) is not None for cell in some)) if some else ""


def _looked_at(files: list[Path]) -> tuple[int, bool]:
    """(most frames, is every one of them gray?)."""
    from PIL import Image as Pil

    frames, gray = 1, True
    for file in files:
        if file.suffix == ".npy":
            continue
        try:
            with Pil.open(file) as found:
                frames = max(frames, getattr(found, "n_frames", 1))
                gray &= found.width * found.height > MOST_PIXELS or _gray(found)
        except (OSError, ValueError, SyntaxError, Pil.DecompressionBombError):
            continue  # the folder dataset names a broken file when it loads
    return frames, gray


def _gray(found: Image) -> bool:
    """WebP and many scanners write gray pictures in three equal colours."""
    from PIL import ImageChops

    if found.mode in ("1", "L", "LA", "I", "F") or found.mode.startswith("I;16"):
        return True
    red, green, blue = found.convert("RGB").split()
    return not any(sum(ImageChops.difference(*pair).histogram()[TINT + 1 :]) for pair in ((red, green), (green, blue)))


def _range(found: pd.Series[Any]) -> tuple[float, float]:
    """All of the values but those farther than half the common span beyond it; the rest is read as missing and counted."""
    low, high = float(found.quantile(LOW)), float(found.quantile(HIGH))
    span = (high - low) or 1.0
    return max(float(found.min()), low - span / 2), min(float(found.max()), high + span / 2)


def series(root: Path, manifest: Path, record: str, records: set[str]) -> str:
    """Modalities for the long tables in the folder whose first other column names the records; remarks on the others."""
    found = ""
    for file in sorted(each for each in root.iterdir() if each.suffix in TABLES and each != manifest):
        if is_long(file):
            found += _series(file, record, records)
    return found


def _series(file: Path, record: str, records: set[str]) -> str:
    import pandas as pd

    rows = read(file).frame
    mark = next((name for name in rows.columns if set(rows[name].dropna()) & records), None) if record else None
    if mark is None:
        return f"# FILL IN: {file.name} is a long series, but none of its columns names records of the table: record, above\n"
    mine = rows[rows[mark].isin(records)]
    values, times = (pd.to_numeric(mine[name], errors="coerce") for name in ("value", "time"))
    if times.isna().any():
        return f"# FILL IN: column time of {file.name} must be numbers (hours, days): then draft again\n"
    text = f"  {key(file.stem)}:\n    kind: series\n    file: {word(file.name)}\n    record: {word(str(mark))}\n"
    start, stop = float(times.min()), math.floor(times.quantile(HIGH)) + 1  # a window's end does not belong to it
    text += f"    window: [{start:g}, {max(stop, start + 1):g}]           # the time that is kept, in the units of the file\n"
    text += f"    steps: {min(STEPS, times.nunique())}                # equal bins of the window; values in a bin are averaged\n    columns:\n"
    for name in mine["variable"].value_counts().index[:CHANNELS]:
        found = values[(mine["variable"] == name) & values.notna()]
        if found.nunique() > 1:
            low, high = _range(found)
            made = {"name": name, "low": low, "high": high, "outside": "missing"}
            text += f"      - {json.dumps(made, ensure_ascii=False)}\n"
    return text
