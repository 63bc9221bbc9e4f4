"""Processor seconds and peak memory of one local step, plain or private: `python private_step.py KIND NAME PARAMETERS plain|private`, prints JSON."""

import json
import os
import resource
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice, Privacy
from fpmg_bench.testing import fakes
from fpmg_bench.types import SiloContext

PATIENTS, RATE, STEPS = 640, 0.1, 10  # batches of 64


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def setting(kind, modality):
    """Schema and rows of a stage."""
    if kind == "generator":
        return fakes.space(32), fakes.vectors(PATIENTS, of=fakes.space(32))
    cohort = Phantom(patients=PATIENTS, silos=1, modalities=(modality,)).load()
    return cohort.schemas[modality], cohort.data[modality]


def main(kind, name, parameters, how):
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    given = json.loads(parameters)
    schema, rows = setting(kind, given.pop("modality", ""))
    learner = Registry.discover().build(kind, Choice(name, given))
    plan = {"s": learner.charges(schema, 5 * STEPS)}
    book = Ledger(0, "a", PATIENTS, RATE, Privacy(8.0, 1e-4), Noise(1.0, 1e-6, 1.0), plan) if how == "private" else None
    shard = LocalShard(rows, np.arange(len(rows)), RATE, "s", book).begin(0)
    memory = {}
    state = learner.init(schema, learner.statistics(schema, shard, context(schema, -1, memory)), rng_for(0, "init"))
    learner.train(state, shard, context(schema, 0, memory, steps=1))  # prepares features, and checks the losses
    seconds = []
    before = peak()
    for round in range(3):
        began = time.process_time()  # one thread: what other programs do is not measured
        learner.train(state, shard.begin(round), context(schema, round, memory))
        seconds.append((time.process_time() - began) / STEPS)
    print(json.dumps({"seconds": min(seconds), "peak": peak(), "grown": peak() - before}))


def context(schema, round, memory, steps=STEPS):
    return SiloContext(0, round, steps, rng_for(0, "round", round + 1), memory=memory, schema=schema)


if __name__ == "__main__":
    main(*sys.argv[1:])
