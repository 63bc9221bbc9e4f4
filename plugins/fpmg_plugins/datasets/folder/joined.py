"""The manifest with the columns of other tables beside it: one row a record, found by a key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fpmg_bench.cohorts.tables import strings
from fpmg_bench.document import inside
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder.document import Document
from fpmg_plugins.datasets.folder.manifest import Manifest, read
from fpmg_plugins.datasets.folder.spec import TableFile

if TYPE_CHECKING:
    from numpy.typing import NDArray


def whole(document: Document, root: Path, most: int | None = None) -> Manifest:
    """The manifest and every table that `tables` names; of their rows the first `most`, for who wants names only.

    Raises DatasetError where a key has several rows, or names clash.
    """
    spec = document.spec
    manifest = read(inside(root, spec.manifest, document.place("manifest")), spec.missing, spec.form(), most)
    for at, part in enumerate(spec.tables):
        file = inside(root, part.file, document.place("tables", at, "file"))
        table = read(file, spec.missing, part.form(spec.form()), most)
        manifest = _beside(manifest, table, part, document.place("tables", at))
    return manifest


def _beside(manifest: Manifest, table: Manifest, part: TableFile, declared_at: str) -> Manifest:
    on = part.on or part.key
    keys = strings(table.cells(on, declared_at))
    wanted = strings(manifest.cells(part.key, declared_at))
    row = _rows(keys, wanted, table, part, on, declared_at)
    own = {part.prefix + name: name for name in table.names if name != on}
    if clash := next((name for name in own if name in manifest.names), None):
        raise DatasetError(
            f"{declared_at}: column '{clash}' is in {manifest.file.name} and in {part.file}",
            f'declare `prefix: "{Path(part.file).stem} "`: its columns are then called "{Path(part.file).stem} {clash}"',
        )

    def cells(column: str) -> pd.Series[Any]:
        if column not in own:
            return manifest.whole(column)
        found = table.whole(own[column])
        taken = found.astype(object).where(found.notna(), None) if found.dtype.kind in "biu" else found
        return taken.reindex(row).reset_index(drop=True)  # -1 is in no index: missing

    def parts(column: str) -> Iterable[pd.Series[Any]]:
        return [cells(column)] if column in own else manifest.parts(column)

    lost = Counter(manifest.lost) + Counter(table.lost) + _counts(keys, wanted, row, table, part)
    said = {**manifest.said, **{name: table.said[theirs] for name, theirs in own.items() if theirs in table.said}}
    return replace(
        manifest, names=[*manifest.names, *own], whole=cells, parts=parts, said=said, lost=lost,
        told=[*manifest.told, *(f"{part.file}: {each}" for each in table.told)],
        forms={**manifest.forms, **dict.fromkeys(own, table.form)}, elsewhere=_elsewhere(manifest, table, own, row),
    )  # fmt: skip


def _rows(
    keys: pd.Series[Any], wanted: pd.Series[Any], table: Manifest, part: TableFile, on: str, declared_at: str
) -> NDArray[np.intp]:
    """Row of the table for each record, -1 where it has none."""
    again = keys.notna() & keys.duplicated(keep="first" if part.repeated != "last" else "last")
    if part.repeated == "error" and again.any():
        at = int(np.flatnonzero(again)[0])
        raise DatasetError(
            f"{table.place(at, on)}: a second row of one key",
            f"{declared_at}: say `repeated: first` (or last), which are counted, or read it as a series (kind: series)",
        )
    place = pd.Series(np.arange(len(keys)), index=keys)[~again.to_numpy() & keys.notna().to_numpy()]
    found: NDArray[np.intp] = wanted.map(place).fillna(-1).to_numpy().astype(np.intp)
    return found


def _counts(
    keys: pd.Series[Any], wanted: pd.Series[Any], row: NDArray[np.intp], table: Manifest, part: TableFile
) -> Counter[str]:
    """Rows that nobody takes, and records that find no row."""
    name, stranger = table.file.name, ~keys.isin(set(wanted.dropna()))
    repeated = len(keys) - int(stranger.sum()) - len(set(row[row >= 0]))
    counts = {
        f"rows of {name} whose {part.on or part.key} is in no record": int(stranger.sum()),
        f"rows of {name} beside the {part.repeated} of their key": repeated,
        f"records without a row in {name}": int((row < 0).sum()),
    }
    return Counter({reason: n for reason, n in counts.items() if n})


def _elsewhere(manifest: Manifest, table: Manifest, own: dict[str, str], row: NDArray[np.intp]) -> Callable[[int, str], str]:
    def where(at: int, column: str) -> str:
        if column not in own:
            return manifest.elsewhere(at, column)
        return f"{table.file}:{table.lines[row[at]]}" if row[at] >= 0 else f"{table.file}"

    return where
