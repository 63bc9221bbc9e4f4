"""scores.jsonl: what is measured of a trial that has not ended, one line a metric, so that a metric's end is not the trial's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fpmg_bench.keys import digest
from fpmg_bench.store.atomic import plain

FILE = "scores.jsonl"


@dataclass(slots=True)
class ScoreLog:
    """rows: metric -> its rows of trial.json; ended: metric -> (status, reason), where a process ended in the middle of it.

    measure: the key that the lines must bear: what was measured by another version of a metric counts for nothing.
    """

    path: Path
    measure: str
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    ended: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, measure: str) -> ScoreLog:
        """What this trial's folder has; nothing of a line that is torn, changed or of another key."""
        log = cls(folder / FILE, measure)
        for line in _lines(log.path):
            if line.get("measure") == measure:
                log._take(line)
        return log

    def keep(self, metric: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """A metric's rows; on disk when this returns."""
        self._write({"metric": metric, "rows": plain(list(rows))})

    def end(self, metric: str, status: str, reason: str) -> None:
        """A process ended in this metric: the next one passes it over, with this status and reason."""
        self._write({"metric": metric, "status": status, "reason": reason})

    @property
    def whole(self) -> list[dict[str, Any]]:
        """All rows, in the order in which they were measured; of a metric that ended the process there are none."""
        return [row for rows in self.rows.values() for row in rows]

    def clear(self) -> None:
        """Trial.json has it all."""
        self.path.unlink(missing_ok=True)

    def _take(self, line: Mapping[str, Any]) -> None:
        if "rows" in line:
            self.rows[line["metric"]] = line["rows"]
        else:
            self.ended[line["metric"]] = (line["status"], line["reason"])

    def _write(self, line: dict[str, Any]) -> None:
        line |= {"measure": self.measure}
        text = json.dumps(line | {"sum": digest(line)}, allow_nan=False)
        with self.path.open("ab") as file:
            file.write(b"\n" + text.encode() + b"\n")  # a torn line before it, if any, ends here
            file.flush()
            os.fsync(file.fileno())
        self._take(json.loads(text))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Lines that are as they were written."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return
    for text in lines:
        try:
            line = json.loads(text)
            told = line.pop("sum")
            if told == digest(line):
                yield line
        except (ValueError, RecursionError, KeyError, AttributeError, TypeError):
            continue
