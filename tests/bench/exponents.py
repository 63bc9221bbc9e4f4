"""By which power of patients and of silos the processor seconds of a stage grow: `python tests/bench/exponents.py RUN` (suites/scale.yaml).

The slope of log seconds over log size by least squares, the root mean square of what is left (of natural logarithms: .1 is a tenth),
and the slope between the two largest sizes, where what a trial costs whatever its size weighs least. Trials of runs without processor
seconds by stage show their wall seconds, which are the same only on an idle machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import fpmg_bench as fb

STAGES = {"load": ("load",), "training": ("stage1", "stage2"), "sampling": ("sample",), "measuring": ("measure",)}


def measure(path: str) -> list[dict[str, Any]]:
    """One row for each axis, method and stage: sizes, seconds, exponent, residual, last (the two largest sizes alone)."""
    found: dict[tuple[str, str, str], dict[int, float]] = {}
    for axis, size, method, seconds in _trials(path):
        for stage, parts in STAGES.items():
            found.setdefault((axis, method, stage), {})[size] = sum(seconds.get(part, 0.0) for part in parts)
    return [_row(*key, dict(sorted(by_size.items()))) for key, by_size in found.items() if len(by_size) > 1]


def _trials(path: str) -> Iterator[tuple[str, int, str, Mapping[str, float]]]:
    for record in fb.load(path).records():
        axis, _, size = record.trial.spec.dataset_name.rpartition("-")
        if record.result is not None and record.status == "ok":
            yield axis, int(size), record.trial.spec.method, record.result.get("cpu") or record.result["seconds"]


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
