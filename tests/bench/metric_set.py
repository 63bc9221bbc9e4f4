"""What measuring costs: `python metric_set.py every_metric|neighbours RECORDS`, prints JSON."""

import json
import resource
import sys
import time

import numpy as np

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


def every_metric(n):
    """CPU seconds of each metric that ships on one release of n records, and how many scores it gave (None: not applicable)."""
    from fpmg_bench.errors import NotApplicable
    from fpmg_bench.evaluation import EvaluationSpace, Measured, split
    from fpmg_bench.keys import rng_for
    from fpmg_bench.registry import Registry

    parted, release = split(cohort(n * 5 // 3, n // 6, 0), 0), cohort(n, n // 10, 7)
    parts = {name: getattr(parted, name) for name in ("train", "r1", "r2", "held_out", "third")}
    began, seconds, scores = time.process_time(), {}, {}
    evidence = Measured(**parts, space=EvaluationSpace.fit(parted.train, 0), silo_names=("a",), released={0: release})
    registry = Registry.discover()
    seconds["space"] = time.process_time() - began
    for entry in registry.entries("metric"):
        if entry.distribution == "fpmg-bench":
            began = time.process_time()
            try:
                scores[entry.name] = len(list(registry.load("metric", entry.name)()(evidence, rng_for(0, "metric", entry.name))))
            except NotApplicable:
                scores[entry.name] = None
            seconds[entry.name] = time.process_time() - began
    return {"seconds": seconds, "scores": scores}


def neighbours(n):
    """CPU seconds of a nearest-neighbour pass of n by n in 128 dimensions, and whether five of them are those of all distances."""
    from fpmg_bench.evaluation import nearest

    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((n, 128), dtype=np.float32) for _ in range(2))
    began = time.process_time()
    found, _ = nearest(a, b)
    seconds = time.process_time() - began
    exact = np.sqrt(((a[:5, None] - b[None]) ** 2).sum(-1)).min(1)
    return {"seconds": seconds, "right": bool(np.allclose(found[:5], exact, rtol=1e-5))}


def measure(what, n):
    found = {"every_metric": every_metric, "neighbours": neighbours}[what](n)
    return found | {"gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
