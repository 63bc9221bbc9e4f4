"""Pictures and clips without loss, in files called as the source's are: named in a column, or after a record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fpmg_bench.cohorts.folder import FRAME_MS, PNG_CHANNELS, pictures, write_pixels
from fpmg_bench.document import inside
from fpmg_plugins.datasets.folder.naming import PART
from fpmg_plugins.datasets.folder.source.cells import SYNTHETIC
from fpmg_plugins.datasets.folder.spec import ImageSpec, VideoSpec

if TYPE_CHECKING:
    from fpmg_bench.types import Cohort

    Texts = list[str | None]
    Media = ImageSpec | VideoSpec

SET = re.compile(r"\[!?([^\]])[^\]]*\]")


def columns_of(pattern: str) -> list[str]:
    """The columns in whose places cells stand."""
    return PART.findall(pattern)


def ending(spec: Media) -> str:
    """PNG, or .npy where it has no such number of channels."""
    return ".png" if spec.shape[-3] in PNG_CHANNELS else ".npy"


def pattern(spec: Media) -> str:
    """The pattern of what is written: one that ends in .dcm names PNG files here, and says so."""
    stem, dot, last = spec.files.rpartition(".")
    plain = dot and not re.search(r"[{}*?\[\]/]", last)
    if not plain or f".{last.lower()}" == ending(spec):
        return spec.files
    return (stem.removesuffix(".nii") if last.lower() == "gz" else stem) + ending(spec)


def together(parts: Mapping[str, Media]) -> Iterator[dict[str, Media]]:
    """Views of the same files in order; each clip for itself."""
    groups: dict[tuple[str, ...], dict[str, Media]] = {}
    for name, part in parts.items():
        same = (part.column, part.files, part.folder) if isinstance(part, ImageSpec) else (name,)
        groups.setdefault(same, {})[name] = part
    for group in groups.values():
        yield dict(sorted(group.items(), key=lambda item: getattr(item[1], "view", 1)))


def write(group: Mapping[str, Media], cohort: Cohort, columns: Mapping[str, Texts], root: Path, told: list[str]) -> Texts:
    """Files of one record after the other's, and the cell [n] that names them as the source would: relative to `folder`.

    columns: of the manifest, for patterns. A view whose one before is absent takes its place.
    """
    name, spec = next(iter(group.items()))
    several = len(group) > 1 or getattr(spec, "view", 1) > 1
    width = len(str(len(cohort)))
    cells: list[list[str]] = [[] for _ in range(len(cohort))]
    last = max(getattr(part, "view", 1) for part in group.values())
    shifted = twice = 0
    for at, (own, part) in enumerate(group.items()):
        for row, array in pictures(cohort.data[own], cohort.present[own]):
            shifted += len(cells[row]) + 1 < getattr(part, "view", 1)
            file = _called(part, columns, row, at + 1) if part.files else None
            if part.files and file is None:
                twice += 1
                continue
            stem = f"{SYNTHETIC}{row + 1:0{width}d}"
            file = file or ("" if part.folder else f"{name}/") + stem + _beside(part, several, at + 1) + ending(part)
            path = inside(root, str(Path(part.folder) / file), f"modality '{own}'")
            if path.exists():
                twice += 1
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            write_pixels(array, path, getattr(part, "frame_ms", None) or FRAME_MS)
            cells[row].append(file)
    if shifted:
        told.append(
            f"{shifted} pictures of {', '.join(group)} have no view before them: they are read as an earlier one of {last}"
        )
    if twice:
        told.append(
            f"{twice} pictures of {', '.join(group)} would be called as another record's, or after an empty cell: not written"
        )
    return [_cell(spec, files, several) for files in cells]


def _beside(spec: Media, several: bool, view: int) -> str:
    """Several pictures of a record: two names in a cell, or two files in a folder."""
    return "" if not several else f"-{view}" if spec.split else f"/{view}"


def _cell(spec: Media, files: list[str], several: bool) -> str | None:
    if not files:
        return None
    return spec.split.join(files) if spec.split or not several else files[0].rpartition("/")[0]


def _called(spec: Media, columns: Mapping[str, Texts], row: int, view: int) -> str | None:
    """The pattern with a record's cells, and the number of the view where anything may stand."""
    words = {name: columns[name][row] for name in columns_of(spec.files)}
    if any(word is None for word in words.values()):
        return None
    filled = PART.sub(lambda part: words[part[1]] or "", SET.sub(r"\1", pattern(spec)))
    return re.sub(r"[*?]", str(view), filled)


def told(parts: Mapping[str, Media], was: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What files are not as the source's."""
    for name, part in parts.items():
        others = [each for each in was.get(name, ()) if each not in (ending(part), "/")]
        if others:
            yield f"{name}: {ending(part)} files in the place of {', '.join(others)}"
        if "/" in was.get(name, ()):
            yield f"{name}: a clip is one file, where the source has several frames"
        if part.split and isinstance(part, VideoSpec):
            yield f"{name}: one file in a cell"
        if part.files and pattern(part) != part.files:
            yield f"{name}: files are called {pattern(part)}"
