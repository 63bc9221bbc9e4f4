"""The whole metric set on 10,000 x 30 tables with 1,000 images, and a nearest-neighbour pass of 30,000: seconds and peak memory.

Each runs in a process of its own, so that its peak is its own.
"""

import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")
GIB = 2**20  # of ru_maxrss, which counts KiB on Linux


def cohort(n, images, seed):
    """A three-class cohort: 20 numbers with gaps, 5 categories, 5 flags; `images` of the records have a picture of 32 px."""
    import pandas as pd

    from fpmg_bench.types import Cohort, Column, Pixels, Schema, Table

    rng, words = np.random.default_rng(seed), ("a", "b", "c", "d")
    label = np.arange(n) % 3
    hidden = rng.normal(size=(n, 6)) + label[:, None] * 0.7
    x = hidden @ np.random.default_rng(99).normal(size=(6, 30)) + rng.normal(size=(n, 30))
    x[:, :20][rng.random((n, 20)) < 0.05] = np.nan
    data = {f"n{j}": x[:, j] for j in range(20)}
    data |= {f"c{j}": np.array(words, object)[np.digitize(x[:, j], [-3, 0, 3])] for j in range(20, 25)}
    data |= {f"f{j}": (x[:, j] > 0).astype(float) for j in range(25, 30)}
    columns = [Column(f"n{j}", "number", low=-100, high=100) for j in range(20)]
    columns += [Column(f"c{j}", "category", words) for j in range(20, 25)] + [Column(f"f{j}", "flag") for j in range(25, 30)]
    ramp = 40 * label[:, None, None, None] * np.linspace(0, 1, 32) + 20 * hidden[:, :1, None, None]
    pixels = np.clip(100 + ramp + rng.normal(0, 10, (n, 1, 32, 32)), 0, 255).astype(np.uint8)
    return Cohort(
        schemas={"table": Schema("table", tuple(columns)), "image": Schema("image", (), (1, 32, 32))},
        data={"table": Table(pd.DataFrame(data)), "image": Pixels.of(pixels)},
        present={"table": np.ones(n, bool), "image": np.arange(n) % (n // images) == 0},
        conditions=(Column("y", "category", ("p", "q", "r")),),
        condition=label[:, None].astype(float),
        patient=np.arange(n),
        silo=np.arange(n) % 3,
        silo_names=("a", "b", "c"),
    )


def every_metric():
    """Seconds of each metric that ships, on one release of 10,000 records."""
    from fpmg_bench.errors import NotApplicable
    from fpmg_bench.evaluation import EvaluationSpace, Measured, split
    from fpmg_bench.keys import rng_for
    from fpmg_bench.registry import Registry

    parted, release = split(cohort(16_700, 1_670, 0), 0), cohort(10_000, 1_000, 7)
    parts = {name: getattr(parted, name) for name in ("train", "r1", "r2", "held_out", "third")}
    began, seconds = time.perf_counter(), {}
    evidence = Measured(**parts, space=EvaluationSpace.fit(parted.train, 0), silo_names=("a",), released={0: release})
    registry = Registry.discover()
    seconds["space"] = time.perf_counter() - began
    for entry in registry.entries("metric"):
        if entry.distribution == "fpmg-bench":
            began = time.perf_counter()
            try:
                registry.load("metric", entry.name)()(evidence, rng_for(0, "metric", entry.name))
            except NotApplicable as missing:
                print(f"{entry.name}: {missing}", file=sys.stderr)
            seconds[entry.name] = time.perf_counter() - began
    return seconds


def neighbours():
    from fpmg_bench.evaluation import nearest

    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((30_000, 128), dtype=np.float32) for _ in range(2))
    began = time.perf_counter()
    nearest(a, b)
    return {"nearest": time.perf_counter() - began}


def measured(what):
    """Seconds by part, and the peak in GiB, of `python test_metric_set.py WHAT`."""
    import torch

    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(min(2, torch.get_num_threads())))
    done = subprocess.run([sys.executable, __file__, what], check=True, capture_output=True, text=True, env=os.environ | threads)
    return json.loads(done.stdout.splitlines()[-1])


def test_every_metric_on_ten_thousand_records(benchmark):
    found = benchmark.pedantic(lambda: measured("every_metric"), rounds=1)
    benchmark.extra_info.update(found)
    assert sum(found["seconds"].values()) < 60
    assert found["gib"] < 4


def test_nearest_neighbours_of_thirty_thousand(benchmark):
    found = benchmark.pedantic(lambda: measured("neighbours"), rounds=1)
    benchmark.extra_info.update(found)
    assert found["seconds"]["nearest"] < 60
    assert found["gib"] < 2


if __name__ == "__main__":
    seconds = {"every_metric": every_metric, "neighbours": neighbours}[sys.argv[1]]()
    print(json.dumps({"seconds": seconds, "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB}))
