"""key.json: what each case is. It stays with who made the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fpmg_bench.errors import StoreError
from fpmg_bench.store import Damaged, plain, read_json, write_bytes
from fpmg_bench.store.reading import sealed

REAL, SYNTHETIC, DECODED = KINDS = ("real", "synthetic", "decoded")
VERSION = 1
NOTE = "What each case is. Readers must not see this file before they have all answered: give them sheet.html alone."
CASE = {"case": int, "kind": str, "label": str, "source": str, "row": int}
SHAPE = {
    "format": str,
    "version": int,
    "study": str,
    "trial": str,
    "draw": int,
    "modalities": [str],
    "question": str,
    "labels": [str],
    "leaks": [str],
    "cases": [CASE],
}
FORMAT = "fpmg-bench reader-study key"


@dataclass(frozen=True, slots=True)
class Case:
    """case: its number on the sheet; source: the release's silo, or "held-out"; row: its position there."""

    case: int
    kind: str
    label: str
    source: str
    row: int


@dataclass(frozen=True, slots=True)
class Key:
    """study: the id that sheet, answers and key share; draw: the secret seed of choice and order.

    question: name of the label; labels: its classes, none where there is no label; leaks: shown modalities that contain it.
    """

    study: str
    trial: str
    draw: int
    modalities: Sequence[str]
    question: str
    labels: Sequence[str]
    leaks: Sequence[str]
    cases: Sequence[Case]

    def write(self, path: Path) -> None:
        """For its owner's eyes only."""
        said = {"note": NOTE, "format": FORMAT, "version": VERSION, **asdict(self)}
        write_bytes(path, sealed(plain(said)), 0o600)

    @property
    def kinds(self) -> Mapping[int, str]:
        """Case -> what it is."""
        return {case.case: case.kind for case in self.cases}


def read_key(path: Path) -> Key:
    """The key. Raises StoreError where there is none, it was changed, or it is of something else."""
    found = read_json(path, SHAPE)
    if found is None:
        raise StoreError(f"{path}: no such file", "the key.json that `fpmg-bench reader-study make` wrote")
    if isinstance(found, Damaged):
        raise StoreError(f"{path}: {found.why}", "give the key.json as `fpmg-bench reader-study make` wrote it")
    if found["format"] != FORMAT or found["version"] != VERSION:
        raise StoreError(f"{path}: {_brief(found['format'])} {found['version']}, not {FORMAT} {VERSION}", "make the study again")
    cases = tuple(Case(**{name: each[name] for name in CASE}) for each in found["cases"])
    if wrong := [case for case in cases if case.kind not in KINDS]:
        raise StoreError(f"{path}: case {wrong[0].case}: no such kind", f"one of {', '.join(KINDS)}")
    if len({case.case for case in cases}) < len(cases):
        raise StoreError(f"{path}: two cases have one number", "make the study again")
    return Key(**{name: found[name] for name in Key.__slots__ if name != "cases"}, cases=cases)


def _brief(value: Any) -> str:
    from fpmg_bench.document import brief

    return brief(str(value))
