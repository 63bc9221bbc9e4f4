"""Which files belong to which record: named in a column, or called after what a column holds."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from fpmg_bench.cohorts.tables import strings
from fpmg_bench.document import inside
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder import dicom
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import ImageSpec, ModalitySpec, VideoSpec

if TYPE_CHECKING:
    Named = tuple[Path, ...]

WILD = re.compile(r"[*?\[]")
PART = re.compile(r"\{([^{}]+)\}")
NUMBER = re.compile(r"(\d+)")


def files(spec: ImageSpec | VideoSpec, manifest: Manifest, root: Path, declared_at: str) -> list[Named]:
    """The files of each row in order, empty where there are none: of an image its views, of a video its parts.

    A cell may name a folder, whose files they are then. Raises DatasetError where a file lies outside the root, or is named in
    `column` and not there.
    """
    if spec.files:
        return _called(spec, manifest, root, declared_at)
    found = []
    for at, cell in enumerate(strings(manifest.cells(spec.column, declared_at))):
        place = manifest.place(at, spec.column)
        names = [] if cell is None else [part.strip() for part in cell.split(spec.split)] if spec.split else [cell]
        paths = [inside(root, str(Path(spec.folder) / name), place) for name in names if name]
        found.append(tuple(path for each in paths for path in (_within(each) if each.is_dir() else [each])))
    return found


def there(named: Iterable[Named], spec: ImageSpec | VideoSpec, manifest: Manifest) -> None:
    """Raises DatasetError at the first file that is not there."""
    for at, paths in enumerate(named):
        for path in paths:
            if not path.is_file():
                raise DatasetError(f"{manifest.place(at, spec.column)}: there is no file {path}", "bring it, or empty the cell")


def taken(name: str, named: list[Named], parts: Mapping[str, ModalitySpec], dropped: Counter[str]) -> list[Named]:
    """Of an image the file of its view, others are counted once for all modalities of the same files; of a video all."""
    spec = parts[name]
    if not isinstance(spec, ImageSpec):
        return named
    alike = [
        (other, part)
        for other, part in parts.items()
        if isinstance(part, ImageSpec) and (part.column, part.files, part.folder) == (spec.column, spec.files, spec.folder)
    ]
    last = max(part.view for _, part in alike)
    more = sum(max(0, len(paths) - last) for paths in named)
    if more and name == alike[0][0]:
        dropped[f"{name}: further pictures of a record beside {last} (another modality with view: {last + 1} keeps them)"] += more
    return [paths[spec.view - 1 : spec.view] for paths in named]


def without_record(spec: ImageSpec | VideoSpec, named: list[Named], root: Path) -> int:
    """How many files in the folder of a pattern belong to no record."""
    listed = {path for paths in named for path in paths}
    end = _ending(spec.files)
    return sum(path.resolve() not in listed for path in _below(root, spec) if path.name.endswith(end))


def _called(spec: ImageSpec | VideoSpec, manifest: Manifest, root: Path, declared_at: str) -> list[Named]:
    """By a pattern: `{column}` stands for the row's cell, `*` and `?` for anything."""
    columns = PART.findall(spec.files)
    cells = {name: strings(manifest.cells(name, declared_at)) for name in columns}
    listed = sorted(str(path.relative_to(root)) for path in _below(root, spec))
    found: list[Named] = []
    for at in range(len(manifest)):
        words = {name: cells[name].iloc[at] for name in columns}
        if any(word is None for word in words.values()):
            found.append(())
            continue
        names = _ordered(_matching(str(Path(spec.folder) / _filled(spec.files, words)), listed))
        found.append(tuple(inside(root, name, manifest.place(at, columns[0])) for name in names))
    return found


def _filled(pattern: str, words: Mapping[str, str]) -> str:
    """Cells in the columns' places; what is a wildcard in a cell stands for itself."""
    return PART.sub(lambda part: re.sub(r"([*?\[])", r"[\1]", words[part[1]]), pattern)


def _matching(want: str, listed: list[str]) -> list[str]:
    """Names that fit, found by what stands before the first wildcard: there may be many records."""
    wild = WILD.search(want)
    start = want[: wild.start()] if wild else want
    first = bisect_left(listed, start)
    out = []
    for name in listed[first:] if wild else listed[first : first + 1]:
        if not name.startswith(start):
            break
        if fnmatchcase(name, want):
            out.append(name)
    return out


def _ordered(names: list[str]) -> list[str]:
    """2 before 10."""
    return sorted(names, key=lambda name: [(int(part), "") if part.isdigit() else (0, part) for part in NUMBER.split(name)])


def _below(root: Path, spec: ImageSpec | VideoSpec) -> list[Path]:
    """Files of the folder that a pattern begins with."""
    fixed = re.split(r"[{*?\[]", spec.files)[0].rpartition("/")[0]
    place = root / spec.folder / fixed
    return [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else []


def _ending(pattern: str) -> str:
    """What stands behind the last wildcard or column."""
    return re.split(r"[}*?\]]", pattern)[-1]


def _within(folder: Path) -> list[Path]:
    """The files of a record's own folder: slices by their number, others by name."""
    found = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    if found and all(map(dicom.is_dicom, found)):
        return sorted(found, key=dicom.place_in_series)
    return [folder / name for name in _ordered([path.name for path in found])]
