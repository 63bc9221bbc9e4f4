"""rounds.jsonl: one line a round, appended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fpmg_bench.store.atomic import plain


@dataclass(slots=True)
class RoundLog:
    """The file and its records as they read back from it, so that a resumed trial sees what an uninterrupted one saw."""

    path: Path
    records: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, keep: int) -> RoundLog:
        """Cut the file back to its first `keep` lines (all whole ones, if there are fewer) and go on from there."""
        lines = list(_whole(path))[:keep]
        path.touch()
        os.truncate(path, sum(map(len, lines)))
        return cls(path, [json.loads(line) for line in lines])

    def restart(self) -> None:
        """Forget all lines."""
        os.truncate(self.path, 0)
        self.records.clear()

    def append(self, record: Mapping[str, Any]) -> bool:
        """Write a line; False if this stage's round is there already."""
        line = json.dumps(plain(record), allow_nan=False, ensure_ascii=False)
        if any(r["stage"] == record["stage"] and r["round"] == record["round"] for r in self.records):
            return False
        with self.path.open("ab") as file:
            file.write(line.encode() + b"\n")
        self.records.append(json.loads(line))
        return True

    def sync(self) -> None:
        """Force the lines to disk, before anything that counts them."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())


def read_rounds(path: Path) -> list[dict[str, Any]]:
    """All whole records; a torn last line is dropped. An absent file has none."""
    return [json.loads(line) for line in _whole(path)]


def _whole(path: Path) -> Iterator[bytes]:
    """Lines up to the first that is torn."""
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else []:
        try:
            json.loads(line)
        except ValueError:
            return
        if not line.endswith(b"\n"):
            return
        yield line
