"""What one trial left in its folder, as everything that reads a run sees it: whole, or not at all."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpmg_bench.store.reading import Damaged, read_json
from fpmg_bench.store.rounds import read_rounds
from fpmg_bench.store.shapes import LEDGER, RESULT
from fpmg_bench.store.specs import Planned

DAMAGED = "damaged"
LINES = "rounds.jsonl sum"


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial's files. result: trial.json, with the plan's names where it lacks them; None where the trial has not ended.

    damage: why nothing of the trial can be used; result, rounds and ledger are then empty.
    """

    trial: Planned
    result: Mapping[str, Any] | None = None
    rounds: Sequence[Mapping[str, Any]] = ()
    ledger: Mapping[str, Any] | None = None
    damage: tuple[Damaged, ...] = ()

    @property
    def status(self) -> str:
        """ok, failed or timeout; damaged; empty where it has not ended."""
        return DAMAGED if self.damage else str(self.result["status"]) if self.result else ""

    @property
    def reason(self) -> str:
        """Why it is not ok, with the place where it stopped; empty where it is, or has not ended."""
        if self.damage:
            return "; ".join(map(str, self.damage))
        where, reason = ((self.result or {}).get(name) or "" for name in ("where", "reason"))
        return f"{reason} ({where})" if reason and where else str(reason or where)


def read_record(folder: Path, trial: Planned) -> TrialRecord:
    """The trial in this folder. Of a trial that ended well all files must be there as it left them; of another, what there is.

    Nothing, where other versions of its metrics, or other metrics, measured it.
    """
    found = read_json(folder / "trial.json", RESULT)
    if isinstance(found, dict) and found["key"] != trial.key:
        found = Damaged(folder / "trial.json", "is of another trial")
    if isinstance(found, Damaged):
        return TrialRecord(trial, damage=(found,))
    if found is not None and found.get("measure", trial.measure) != trial.measure:
        return TrialRecord(trial)
    rounds, ledger = read_rounds(folder / "rounds.jsonl"), read_json(folder / "ledger.json", LEDGER)
    if found is not None and found["status"] == "ok":
        damage = tuple(_missed(folder, found.get("files") or {}, rounds, ledger))
        if damage:
            return TrialRecord(trial, damage=damage)
    head = trial.head() | {"status": "ok", "reason": "", "where": "", "scores": [], "spec": trial.to_json()["spec"]}
    return TrialRecord(trial, None if found is None else head | found, rounds, ledger or None)


def files_of(folder: Path, rounds: int) -> dict[str, int]:
    """What trial.json says of the files beside it: lines of rounds.jsonl, sums of these and of the ledger, bytes of each release.

    The sums tell another trial's files, which are whole in themselves.
    """
    ledger = read_json(folder / "ledger.json", LEDGER)
    sums = {LINES: _sum(read_rounds(folder / "rounds.jsonl")[:rounds])} | ({"ledger.json": _sum(ledger)} if ledger else {})
    return {"rounds.jsonl": rounds, **sums, **_releases(folder)}


def lost_releases(folder: Path, result: Mapping[str, Any]) -> list[Damaged]:
    """Releases that have another size than when the trial ended. Nothing but `run` and their readers depends on them."""
    here = _releases(folder)
    told = {name: size for name, size in (result.get("files") or {}).items() if name.startswith("synthetic/")}
    return [Damaged(folder / name, "is not whole") for name, size in told.items() if here.get(name) != size]


def _missed(folder: Path, files: Mapping[str, int], rounds: Sequence[Mapping[str, Any]], ledger: Any) -> Iterator[Damaged]:
    lines = files.get("rounds.jsonl", 0)
    if len(rounds) < lines:
        yield Damaged(folder / "rounds.jsonl", f"{len(rounds)} of {lines} lines are whole")
    elif _other(files, LINES, rounds[:lines]):
        yield Damaged(folder / "rounds.jsonl", "is not what this trial wrote")
    if isinstance(ledger, Damaged):
        yield ledger
    elif ledger is None and "ledger.json" in files:
        yield Damaged(folder / "ledger.json", "is lost")
    elif ledger is not None and _other(files, "ledger.json", ledger):
        yield Damaged(folder / "ledger.json", "is not what this trial wrote")


def _sum(value: Any) -> int:
    """Of a JSON value, as it is read again."""
    return zlib.crc32(json.dumps(value, sort_keys=True).encode())


def _other(files: Mapping[str, int], name: str, value: Any) -> bool:
    """Whether trial.json has another sum; older versions wrote none, or 1."""
    return files.get(name, 1) not in (1, _sum(value))


def _releases(folder: Path) -> dict[str, int]:
    """synthetic/<silo> -> bytes of its files."""
    root = folder / "synthetic"
    silos = sorted(each for each in root.iterdir() if each.is_dir() and not each.is_symlink()) if root.is_dir() else []
    return {f"synthetic/{silo.name}": _bytes(silo) for silo in silos}


def _bytes(folder: Path) -> int:
    """Links are files of their own size, wherever they lead: `run` writes none, and one may lead back here."""
    with os.scandir(folder) as entries:
        return sum(
            _bytes(Path(each)) if each.is_dir(follow_symlinks=False) else each.stat(follow_symlinks=False).st_size
            for each in entries
        )
