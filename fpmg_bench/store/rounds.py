"""rounds.jsonl: one line a round, appended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from fpmg_bench.store.atomic import plain


@dataclass(slots=True)
class RoundLog:
    """The open file and its records as they read back from it, so that a resumed trial sees what an uninterrupted one saw."""

    file: IO[bytes]
    records: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, keep: int) -> RoundLog:
        """Cut the file back to its first `keep` lines and go on from there."""
        lines = list(_whole(path))[:keep]
        file = path.open("r+b" if path.is_file() else "w+b")
        file.truncate(sum(map(len, lines)))
        file.seek(0, os.SEEK_END)
        return cls(file, [json.loads(line) for line in lines])

    def restart(self) -> None:
        """Forget all lines."""
        self.file.seek(0)
        self.file.truncate()
        self.records.clear()

    def append(self, record: Mapping[str, Any]) -> bool:
        """Write a line; False if this stage's round is there already."""
        line = json.dumps(plain(record), allow_nan=False, ensure_ascii=False)
        if any(r["stage"] == record["stage"] and r["round"] == record["round"] for r in self.records):
            return False
        self.file.write(line.encode() + b"\n")
        self.file.flush()
        self.records.append(json.loads(line))
        return True

    def sync(self) -> None:
        """Force the lines to disk, before anything that counts them."""
        os.fsync(self.file.fileno())


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
