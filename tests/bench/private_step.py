"""Processor seconds and memory of a local step, plain, private and secure, in turns: `python private_step.py KIND NAME MODALITY STEPS`, prints JSON."""

import ctypes
import gc
import itertools
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice, Privacy
from fpmg_bench.testing import fakes
from fpmg_bench.types import SiloContext

PATIENTS, RATE = 640, 0.1  # batches of 64


def resident(word):
    """Bytes of this process: `VmRSS` now, `VmHWM` at most since `forget_peak`."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(word))
    return int(line.split()[1]) * 1024


def forget_peak():
    """What was freed goes back to the system, and the kernel counts the peak from here (Linux; `man proc`, clear_refs)."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def setting(kind, modality):
    """Schema and rows of a stage."""
    if kind == "generator":
        return fakes.space(32), fakes.vectors(PATIENTS, of=fakes.space(32))
    cohort = Phantom(patients=PATIENTS, silos=1, modalities=(modality,)).load()
    return cohort.schemas[modality], cohort.data[modality]


def measure(kind, name, modality, count):
    """Least seconds a step and bytes grown of `count` steps, plain, private and secure; the private steps that were taken, and declared."""
    schema, rows = setting(kind, modality)
    learner = Registry.discover().build(kind, Choice(name, {}))
    plan = {"s": learner.charges(schema, 5 * count)}
    book, secure = (Ledger(0, "a", PATIENTS, RATE, Privacy(8.0, 1e-4), Noise(1.0, 1e-6, 1.0, how), plan) for how in (False, True))
    books = (("plain", None), ("private", book), ("secure", secure))
    steps = {how: local_steps(learner, schema, rows, ledger, count) for how, ledger in books}
    taken = {how: [] for how in steps}
    for _ in range(3):  # in turns: what another program does to the processor's clock and caches meets both
        for how, step in steps.items():
            taken[how].append(step())
    least = {how: {"seconds": min(s for s, _ in found), "grown": min(g for _, g in found)} for how, found in taken.items()}
    taken = sum(entry.count for entry in book.entries() if entry.kind == "step")
    return least | {"taken": taken, "declared": learner.charges(schema, 3 * count + 1).private_steps}


def local_steps(learner, schema, rows, book, count):
    """A call trains for one more round; (seconds a step, bytes that the round needed beyond what is held)."""
    shard, memory = LocalShard(rows, np.arange(len(rows)), RATE, "s", book), {}
    state = learner.init(
        schema, learner.statistics(schema, shard.begin(0), context(schema, -1, memory, count)), rng_for(0, "init")
    )
    learner.train(state, shard.begin(0), context(schema, 0, memory, 1))  # prepares features, and checks the losses
    rounds = itertools.count()

    def once():
        round = next(rounds)
        forget_peak()
        held, began = resident("VmRSS"), time.process_time()  # one thread: what other programs do is not measured
        learner.train(state, shard.begin(round), context(schema, round, memory, count))
        return (time.process_time() - began) / count, resident("VmHWM") - held

    return once


def context(schema, round, memory, steps):
    return SiloContext(0, round, steps, rng_for(0, "round", round + 1), memory=memory, schema=schema)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(json.dumps(measure(*sys.argv[1:4], int(sys.argv[4]))))
