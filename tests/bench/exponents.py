"""By which power of patients and of silos the processor seconds of a stage grow: `python tests/bench/exponents.py RUN` (suites/scale.yaml).

The slope of log seconds over log size by least squares, the root mean square of what is left (of natural logarithms: .1 is a tenth),
and the slope between the two largest sizes, where what a trial costs whatever its size weighs least. Trials of runs without processor
seconds by stage show their wall seconds, which are the same only on an idle machine.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np

import fpmg_bench as fb
from fpmg_bench.evaluation import EvaluationSpace, split
from fpmg_bench.registry import Registry
from fpmg_bench.spec import TrialSpec
from fpmg_bench.trial.silos import place

STAGES = {"training": ("stage1", "stage2"), "sampling": ("sample",), "measuring": ("measure",)}


def measure(path: str) -> list[dict[str, Any]]:
    """One row for each axis, method and stage, and for all of them: sizes, seconds, exponent, residual, last (the two largest sizes alone)."""
    found: dict[tuple[str, str, str], dict[int, float]] = {}
    for axis, size, method, seconds in _trials(path):
        for stage, value in [*seconds.items(), ("all", sum(seconds.values()))]:
            found.setdefault((axis, method, stage), {})[size] = value
    return [_row(*key, dict(sorted(by_size.items()))) for key, by_size in found.items() if len(by_size) > 1]


def _trials(path: str) -> Iterator[tuple[str, int, str, Mapping[str, float]]]:
    for record in fb.load(path).records():
        spec = record.trial.spec
        axis, _, size = spec.dataset_name.rpartition("-")
        if record.result is not None and record.status == "ok":
            by_step = record.result.get("cpu") or record.result["seconds"]
            stages = {stage: sum(by_step.get(part, 0.0) for part in parts) for stage, parts in STAGES.items()}
            yield axis, int(size), spec.method, {"loading": _loading(spec), **stages}


def _loading(spec: TrialSpec) -> float:
    """Loading, splitting, placing and the evaluation space, measured here, the second time: several trials of a run may share one."""
    dataset = Registry.discover().build("dataset", spec.dataset)
    taken = 0.0
    for _ in range(2):
        began = time.process_time()
        parted = split(dataset.load().only(tuple(spec.encoders)), spec.seed)
        place(parted.train, spec)
        EvaluationSpace.fit(parted.train, spec.seed)
        taken = time.process_time() - began
    return taken


def _row(axis: str, method: str, stage: str, seconds: Mapping[int, float]) -> dict[str, Any]:
    x, y = np.log(list(seconds)), np.log(np.maximum(list(seconds.values()), 1e-3))  # clocks of the kernel tick in hundredths
    slope, at = np.polyfit(x, y, 1)
    residual = float(np.sqrt(np.mean((y - slope * x - at) ** 2)))
    last = float((y[-1] - y[-2]) / (x[-1] - x[-2]))
    return {
        "axis": axis, "method": method, "stage": stage, "seconds": dict(seconds),
        "exponent": float(slope), "residual": residual, "last": last,
    }  # fmt: skip


def main(words: list[str]) -> int:
    """Prints the table."""
    print("axis      method  stage      exponent  residual  last  seconds by size")
    for row in measure(words[0]):
        seconds = "  ".join(f"{size}: {value:.2f}" for size, value in row["seconds"].items())
        print(
            f"{row['axis']:<9} {row['method']:<7} {row['stage']:<10} {row['exponent']:8.2f}  {row['residual']:8.2f}  {row['last']:4.2f}  {seconds}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
