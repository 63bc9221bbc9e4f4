"""A long table of many rows with timestamps, read as the folder dataset reads it: CPU seconds and peak memory (MiB), as JSON.

python tests/bench/long_series.py ROWS
"""

from __future__ import annotations

import csv
import json
import random
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

VARIABLES, RECORDS = 37, 4_000
COHORT = """\
version: 1
licence: CC0-1.0
manifest: manifest.csv
record: stay
patient: stay
conditions: [{{name: label, type: category, categories: [a, b]}}]
modalities:
  vitals:
    kind: series
    file: long.csv
    record: stay
    clock: {{}}
    window: [0, 48]
    steps: 24
    columns:
{columns}
"""


def write(folder: Path, rows: int) -> None:
    """A cohort of made-up stays whose long table has so many rows."""
    folder.mkdir(parents=True)
    rng = random.Random(0)
    with (folder / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("stay", "label"), *((f"stay-{at}", "ab"[at % 2]) for at in range(RECORDS))])
    begin = datetime(2020, 1, 1)
    with (folder / "long.csv").open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(("stay", "time", "variable", "value"))
        for at in range(rows):
            minutes = rng.randrange(0, 48 * 60)
            when = (begin + timedelta(minutes=minutes)).isoformat(sep=" ")
            out.writerow((f"stay-{at % RECORDS}", when, f"v{rng.randrange(VARIABLES)}", f"{rng.gauss(80, 9):.1f}"))
    columns = "\n".join(f"      - {{name: v{at}, low: 0, high: 200, outside: missing}}" for at in range(VARIABLES))
    (folder / "cohort.yaml").write_text(COHORT.format(columns=columns))


def peak() -> float:
    """MiB of this program at most; getrusage counts what the starting process held."""
    return next(int(line.split()[1]) / 1024 for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)


def measure(rows: str | int) -> dict[str, Any]:
    """What reading a table of so many rows costs; the table is written first, line by line."""
    from fpmg_plugins.datasets.folder import Folder

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "cohort"
        write(folder, int(rows))
        started = time.process_time()
        cohort = Folder(root=str(folder)).load()
        cpu = time.process_time() - started
    seen = int(cohort.data["vitals"].seen.sum())
    return {"cpu": cpu, "peak": peak(), "seen": seen, "averaged": sum(cohort.dropped.values())}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
