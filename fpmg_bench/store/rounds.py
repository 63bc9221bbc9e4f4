"""rounds.jsonl: one line a round, appended, each with its own checksum."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fpmg_bench.store.atomic import naming, plain
from fpmg_bench.store.reading import read_bytes
from fpmg_bench.store.shapes import ROUND, misfit

HEAD = b'{"sha256": "'
DIGITS = 16  # of a line's checksum: it guards against accidents


@dataclass(slots=True)
class RoundLog:
    """The file and its records as they read back from it, so that a resumed trial sees what an uninterrupted one saw."""

    path: Path
    records: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, keep: int) -> RoundLog:
        """Cut the file back to its first `keep` lines (all whole ones, if there are fewer) and go on from there."""
        kept = list(_whole(path))[:keep]
        path.touch()
        os.truncate(path, sum(len(line) for line, _ in kept))
        return cls(path, [record for _, record in kept])

    def restart(self) -> None:
        """Forget all lines."""
        os.truncate(self.path, 0)
        self.records.clear()

    def append(self, record: Mapping[str, Any]) -> bool:
        """Write a line; False if this stage's round is there already."""
        line = _sealed(plain(record))
        if any(r["stage"] == record["stage"] and r["round"] == record["round"] for r in self.records):
            return False
        with naming(self.path), self.path.open("ab") as file:
            file.write(line)
        self.records.append(_record(line) or {})
        return True

    def sync(self) -> None:
        """Force the lines to disk, before anything that counts them."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())


def read_rounds(path: Path) -> list[dict[str, Any]]:
    """All records up to the first that is torn or damaged. An absent file has none."""
    return [record for _, record in _whole(path)]


def _whole(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Lines with their records up to the first that is torn, changed or no round's."""
    data = read_bytes(path)
    for line in data.splitlines(keepends=True) if isinstance(data, bytes) else []:
        record = _record(line)
        if record is None or not line.endswith(b"\n"):
            return
        yield line, record


def _sealed(record: Mapping[str, Any]) -> bytes:
    rest = b", " + json.dumps(record, allow_nan=False, ensure_ascii=False).encode()[1:] + b"\n"
    return HEAD + _checksum(rest).encode() + b'"' + rest


def _checksum(rest: bytes) -> str:
    return hashlib.sha256(rest).hexdigest()[:DIGITS]


def _record(line: bytes) -> dict[str, Any] | None:
    """A line's record without its checksum; None where it is none, or another than was written."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    seal = record.pop("sha256", None) if isinstance(record, dict) else None
    whole = seal is None or (line.startswith(HEAD) and seal == _checksum(line[len(HEAD) + DIGITS + 1 :]))
    return dict(record) if whole and not misfit(record, ROUND, sample=seal is not None) else None
