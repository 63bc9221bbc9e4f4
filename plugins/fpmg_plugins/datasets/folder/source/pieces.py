"""Cells that several columns share: pieces of "120/80", codes of "I10;E11", and what a column writes where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fpmg_plugins.datasets.folder.spec import ColumnSpec

if TYPE_CHECKING:
    Texts = list[str | None]

NO_CODE = "none"  # of a cell that holds other codes than the declared ones: which, nobody knows


def parted(columns: Sequence[tuple[ColumnSpec, Texts]], told: list[str]) -> Texts:
    """ "120/80" of 120 and 80. A cell of which one piece is missing is empty: half of it cannot be read."""
    first = columns[0][0]
    pieces: Mapping[int, Texts] = {spec.part: cells for spec, cells in reversed(columns) if spec.part}
    unknown = [str(at) for at in range(1, first.parts + 1) if at not in pieces]
    if unknown:
        told.append(f"part {', '.join(unknown)} of {first.source} is not declared: it is empty")
    out: Texts = []
    halves = 0
    for row in zip(*pieces.values(), strict=True):
        said = dict(zip(pieces, row, strict=True))
        whole = None not in row
        halves += not whole and any(cell is not None for cell in row)
        out.append(first.split.join(said.get(at) or "" for at in range(1, first.parts + 1)) if whole else None)
    if halves:
        told.append(f"{halves} cells of {first.source} have only some of their parts: they are empty")
    return out


def held(columns: Sequence[tuple[ColumnSpec, Texts]], told: list[str], none: str | None = None) -> Texts:
    """ "I10;E11" of flags. Of a cell without any of the codes it is known that something stood there, and not what.

    none: what such a cell says (default: a word that is no code; of a list "", which is an empty one).
    """
    first = columns[0][0]
    codes = list(dict.fromkeys(spec.holds for spec, _ in columns))
    other = _other(codes) if none is None else none
    out: Texts = []
    bare = unsure = 0
    for row in zip(*(cells for _, cells in columns), strict=True):
        mine = {spec.holds for (spec, _), cell in zip(columns, row, strict=True) if cell == "1"}
        known = any(cell is not None for cell in row)
        unsure += known and None in row
        bare += known and not mine
        out.append(first.split.join(code for code in codes if code in mine) or other if known else None)
    if bare:
        say = f"they say '{other}'" if other else "their list is empty"
        told.append(f"{bare} cells of {first.source} hold none of the declared codes: {say}")
    if unsure:
        told.append(f"{unsure} cells of {first.source} tell of some codes only: the others are read as not there")
    told.append(f"codes of {first.source} that no flag holds are in no cell")
    return out


def _other(codes: Sequence[str]) -> str:
    return NO_CODE if NO_CODE not in codes else f"no {NO_CODE}"


def silence(columns: Sequence[ColumnSpec]) -> str | None:
    """The code for missing that all columns of a cell know; None: the file's."""
    first = columns[0].missing
    known = [str(code) for code in first if all(str(code) in map(str, other.missing) for other in columns)]
    return known[0] if known else None
