"""Processor seconds of one suite in two checkouts, by stage, children included, and their ratio.

`python tests/bench/before_after.py OLD/bin/python NEW/bin/python suites/smoke.yaml [words of run]` runs the suite once with either
interpreter, one after the other, each in a new folder, and prints a table. `seconds` by stage are those of trial.json: processor seconds
where the checkout records them (`cpu`), else wall seconds, which say little on a busy machine; the totals are the kernel's for the run
and all its children, in both.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
READ = """
import json, sys
import fpmg_bench as fb
rows = [record for record in fb.load(sys.argv[1]).records() if record.result is not None]
print(json.dumps([[record.trial.id, record.status, record.result.get("cpu"), record.result["seconds"]] for record in rows]))
"""


def measure(python: str, suite: str, words: list[str]) -> dict[str, Any]:
    """One run: total processor seconds, trials, and seconds by stage summed over trials."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        before = _children()
        command = [python, "-P", "-m", "fpmg_bench", "run", suite, "--no-report", "--out", str(out), *words]
        done = subprocess.run(command, check=False, env={**os.environ, **THREADS}, stdout=sys.stderr)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{python} ended with {done.returncode}")
        total = _children() - before
        read = subprocess.run([python, "-P", "-c", READ, str(out)], check=True, capture_output=True, text=True)
        costs = out / "costs.json"
        return {"total": total, "costs": json.loads(costs.read_text()) if costs.is_file() else {}} | _stages(
            json.loads(read.stdout)
        )


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _stages(rows: list[Any]) -> dict[str, Any]:
    by_stage: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    kinds = set()
    for _, status, cpu, seconds in rows:
        statuses[status] += 1
        kinds.add("cpu" if cpu else "wall")
        by_stage.update({stage: value for stage, value in (cpu or seconds).items() if stage != "total"})
    return {"trials": dict(statuses), "seconds": dict(by_stage), "kind": " and ".join(sorted(kinds))}


def table(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """stage, before, after, ratio."""
    stages = dict.fromkeys([*old["seconds"], *new["seconds"]])
    rows = [(stage, old["seconds"].get(stage, 0.0), new["seconds"].get(stage, 0.0)) for stage in stages]
    rows.append(("whole run", old["total"], new["total"]))
    head = [f"trials: {old['trials']} before, {new['trials']} after; stages in {old['kind']} and {new['kind']} seconds", ""]
    head += ["| stage | before | after | after / before |", "|---|---:|---:|---:|"]
    ratios = [f"{b / a:.2f}" if a else "-" for _, a, b in rows]
    return "\n".join([*head, *(f"| {name} | {a:.1f} | {b:.1f} | {r} |" for (name, a, b), r in zip(rows, ratios, strict=True))])


def main(arguments: list[str]) -> int:
    """Runs and prints."""
    old, new, suite, *words = arguments
    found = [measure(python, str(Path(suite).resolve()) if Path(suite).is_file() else suite, words) for python in (old, new)]
    print(table(*found))
    print(json.dumps({"before": found[0], "after": found[1]}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
