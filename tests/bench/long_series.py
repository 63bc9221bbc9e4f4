"""A long table of many rows, read as the folder dataset reads it: CPU seconds and peak memory, printed as JSON.

python tests/bench/long_series.py ROWS FOLDER [FORM]: writes the table first where the folder has none. FORM: clock (timestamps), hours.
"""

from __future__ import annotations

import csv
import json
import random
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

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
    time: time
{clock}
    window: [0, 48]
    steps: 24
    columns:
{columns}
"""


def write(folder: Path, rows: int, clock: bool) -> None:
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
            when = (begin + timedelta(minutes=minutes)).isoformat(sep=" ") if clock else f"{minutes / 60:.3f}"
            out.writerow((f"stay-{at % RECORDS}", when, f"v{rng.randrange(VARIABLES)}", f"{rng.gauss(80, 9):.1f}"))
    columns = "\n".join(f"      - {{name: v{at}, low: 0, high: 200, outside: missing}}" for at in range(VARIABLES))
    said = "    clock: {}" if clock else ""
    (folder / "cohort.yaml").write_text(COHORT.format(columns=columns, clock=said))


def peak() -> float:
    """MiB of this program at most; getrusage counts what the starting process held."""
    return next(int(line.split()[1]) / 1024 for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)


if __name__ == "__main__":
    rows, folder = int(sys.argv[1]), Path(sys.argv[2])
    if not folder.exists():
        write(folder, rows, "clock" in sys.argv[3:])
    from fpmg_plugins.datasets.folder import Folder

    started = time.process_time()
    cohort = Folder(root=str(folder)).load()
    seen = int(cohort.data["vitals"].seen.sum())
    print(json.dumps({"cpu": time.process_time() - started, "peak": peak(), "seen": seen, "dropped": dict(cohort.dropped)}))
