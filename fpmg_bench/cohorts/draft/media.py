"""Pictures and clips that stand beside the table: named in a column, or called after its records."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft.columns import key
from fpmg_bench.cohorts.draft.guess import PICTURES
from fpmg_bench.cohorts.draft.looking import Looks, looked_at
from fpmg_bench.document import brief, inside, plural
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

LOOKED_AT = 20  # files whose kind and colours are looked at
FRAMES = 8  # of a clip that is drafted
SLICES = 8  # pictures of a record, from which on they are taken for the slices of a volume
ROOM_FOR = 2  # files called after records, at least, that make a modality


def picture(name: str, values: pd.Series[Any], root: Path) -> str:
    """One modality of images or clips. Files that are not there are told: the cohort loads when their cells are empty."""
    cells = [str(cell) for cell in values.dropna()]
    folder = _folder(cells, root)
    files = [_file(root, folder, cell) for cell in cells]
    lost = [cell for cell, file in zip(cells, files, strict=True) if file is None]
    if len(lost) == len(files):
        linked = any(os.path.lexists(root / place / cells[0]) for place in _places(root)) if cells else False
        why = (
            "names of files, which a link leads out of this folder: copy them, or write cohort.yaml where they are"
            if linked
            else "names of files, none of which is below this folder"
        )
        return f"# left out: {name} ({why})\n"
    looks = looked_at([file for file in files if file is not None][:LOOKED_AT])
    made, remarks = _modality({"column": name} | ({"folder": folder} if folder else {}), looks, looks.frames > 1)
    if lost:
        remarks = f"FILL IN: {plural(len(lost), 'file is', 'files are')} not there (first: {brief(lost[0])}); bring them, or empty their cells"
    return f"  {key(name)}: {json.dumps(made, ensure_ascii=False)}  # {remarks}\n"


def _modality(source: dict[str, Any], looks: Looks, clip: bool) -> tuple[dict[str, Any], str]:
    """(the modality, remarks)."""
    channels = 1 if looks.gray else 3
    made: dict[str, Any] = {"kind": "video" if clip else "image"} | source
    made["shape"] = [min(max(looks.frames, 1), FRAMES), channels, 32, 32] if clip else [channels, 64, 64]
    window, remark = looks.window()
    made |= {"window": window} if window else {}
    extra = f"pip install 'fpmg-bench[{looks.extra}]' reads it" if looks.extra else ""
    return made, "; ".join(part for part in ("shape: the size that is read", remark, extra) if part)


def _file(root: Path, folder: str, cell: str) -> Path | None:
    """The file that a cell names below the root; None where it is not there, or leads elsewhere."""
    try:
        found = inside(root, str(Path(folder) / cell), cell)
    except DatasetError:
        return None
    return found if found.is_file() else None


def _places(root: Path) -> list[str]:
    """The folder itself and all below it; links are followed one step, so that what they lead to can be told."""
    below = [path for path in root.rglob("*") if path.is_dir()]
    return ["", *sorted(str(path.relative_to(root)) for path in below)]


def _folder(cells: list[str], root: Path) -> str:
    """Where most of the files are: beside the table, or in one folder below it."""
    some = cells[:LOOKED_AT]
    return max(_places(root), key=lambda place: sum(_file(root, place, cell) is not None for cell in some)) if some else ""


def called_after(root: Path, frame: pd.DataFrame, columns: Iterable[str], pictures: Iterable[str]) -> Iterator[str]:
    """Modalities of files that are called after what a column holds, the surest column first; remarks on those called after nothing.

    pictures: columns that name files; those are spoken for.
    """
    named = {Path(str(cell)).name for column in pictures for cell in frame[column].dropna()}
    found = sorted(
        path.relative_to(root) for path in root.rglob("*") if path.name.lower().endswith(PICTURES) and path.name not in named
    )
    free = [path for path in found if _file(root, "", str(path)) is not None]
    for column in columns:
        ids = set(frame[column].dropna().astype(str))
        groups: dict[str, Counter[str]] = {}
        for path in free:
            if at := _pattern(path, column, ids):
                groups.setdefault(at[0], Counter())[at[1]] += 1
        for pattern, counts in groups.items():
            if counts.total() >= ROOM_FOR:
                mine = [path for path in free if (at := _pattern(path, column, ids)) and at[0] == pattern]
                yield _by_pattern(root, pattern, counts, mine, frame[column])
                free = [path for path in free if path not in set(mine)]
    if free:
        what = plural(len(free), "picture is", "pictures are")
        yield f"# not read: {what} named in no column and called after no record (first: {brief(str(free[0]))})\n"


def _pattern(path: Path, column: str, ids: set[str]) -> tuple[str, str] | None:
    """(the pattern by which a file is called after one of the ids, that id)."""
    ending = next(ending for ending in sorted(PICTURES, key=len, reverse=True) if path.name.lower().endswith(ending))
    stem, ending = path.name[: -len(ending)], path.name[-len(ending) :]
    place = path.parent.as_posix()
    before = f"{place}/" if place != "." else ""
    if stem in ids:
        return f"{before}{{{column}}}{ending}", stem
    for mark in reversed(list(re.finditer(r"[_\-. ]", stem))):
        if stem[: mark.start()] in ids:
            return f"{before}{{{column}}}{mark[0]}*{ending}", stem[: mark.start()]
    if path.parent.name in ids:
        above = path.parent.parent.as_posix()
        return f"{f'{above}/' if above != '.' else ''}{{{column}}}/*{ending}", path.parent.name
    return None


def _by_pattern(root: Path, pattern: str, counts: Counter[str], mine: list[Path], cells: pd.Series[Any]) -> str:
    looks = looked_at([root / path for path in mine[:LOOKED_AT]])
    slices = counts.total() / len(counts) >= SLICES
    looks.frames = max(looks.frames, FRAMES) if slices else looks.frames
    made, remarks = _modality({"files": pattern}, looks, slices or looks.frames > 1)
    several = sum(count > 1 for count in counts.values())
    if several and made["kind"] == "image":
        remarks += f"; {plural(several, 'name has', 'names have')} more than one: a second modality with view: 2 keeps the next"
    if not cells.dropna().is_unique:
        remarks += "; records of one patient share their pictures"
    fixed = re.split(r"[{*]", pattern)[0].strip("/")
    return f"  {key(Path(fixed).name or 'pictures')}: {json.dumps(made, ensure_ascii=False)}  # {remarks}\n"
