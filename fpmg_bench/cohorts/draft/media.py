"""Pictures and clips that stand beside the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft.columns import key
from fpmg_bench.document import brief, inside, plural
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd
    from PIL.Image import Image

MOST_PIXELS = 2**26  # of a picture whose colours are looked at
LOOKED_AT = 20  # files whose kind and colours are looked at
TINT = 8  # gray levels by which the colours of a gray picture may differ after compression


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
