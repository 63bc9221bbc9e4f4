"""A scene in a process of its own on a worker: `python -P -m fpmg_bench.cluster.process FOLDER`. Events go to stdout as JSON lines.

A process, and no thread of the worker: it is stopped by a signal, it ends with its worker, and it runs trials as every runner does.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from fpmg_bench.devices import resolved
from fpmg_bench.errors import ExitCode, StoreError
from fpmg_bench.runner import Wire, execution
from fpmg_bench.runner.devices import Seats
from fpmg_bench.runner.one import die_with_parent, event_stream
from fpmg_bench.runner.outcome import SHARE
from fpmg_bench.runner.usage import total_memory
from fpmg_bench.store import RunDir, read_json

BRIEF = "scene.json"


def main(arguments: list[str]) -> int:
    """FOLDER: a run directory with the scene's plan, and how it is to be run in scene.json."""
    die_with_parent()
    run = RunDir(Path(arguments[0]))
    told = read_json(run.root / BRIEF)
    if not told:
        raise StoreError(f"{run.root}: no {BRIEF}")
    tell, trials = event_stream(), run.trials()
    kinds = {trial.spec.device for trial in trials}
    work = execution(
        run,
        trials,
        told["preimages"],
        1,
        tell,
        replace(Wire.of(told["wire"]), isolate=told["isolate"]),
        stop_on_error=told["stop"],
        memory=told["memory"] or SHARE * total_memory() / told["slots"],
        seats=Seats(tuple(device for kind in sorted(kinds) for device in resolved(kind))),
    )
    whole = work()
    tell({"event": "costs", "cpu": {"worker": time.process_time(), **work.used}, "again": work.lost})
    return ExitCode.OK if whole else ExitCode.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
