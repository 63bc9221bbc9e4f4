"""Relay rounds of 64 silos, without training: `python relay_rounds.py RULE ROUNDS PARAMETERS`, prints JSON."""

import json
import os
import resource
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from fpmg_plugins.topologies.ring import Ring

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice
from fpmg_bench.types import Update

SILOS = 64


class Still:
    """Every silo returns what it was given, in the first round apart from the others."""

    rounds = None

    def __init__(self, size):
        self.size = size

    def statistics(self, schema, shard, ctx):
        return {}

    def init(self, schema, stats, rng):
        return {"m/w": torch.randn(self.size, generator=rng)}

    def train(self, state, shard, ctx):
        moved = state["m/w"] + 0.01 * torch.randn(self.size, generator=ctx.rng) if ctx.round == 0 else state["m/w"]
        return Update({"m/w": moved}, 1.0)


class Empty:
    patients = 10

    def begin(self, root, *path):
        return self


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(rule, rounds, size):
    """Processor seconds, bytes held and grown in the second half of the rounds, and how many silos ended with one model."""
    aggregator = Registry.discover().build("aggregator", Choice(rule))
    plan = Plan("bench", Ring(), aggregator, rounds, {i: SiloPlan(1) for i in range(SILOS)}, 0)
    began, peaks, before = time.process_time(), [], peak()
    done = run(Still(size), None, {i: Empty() for i in range(SILOS)}, plan, lambda record, now: peaks.append(peak()))
    seconds, grown = time.process_time() - began, peaks[-1] - peaks[len(peaks) // 2]
    merged = sum(torch.allclose(state["m/w"], done.states[0]["m/w"], atol=1e-5) for state in done.states.values())
    return {"seconds": seconds, "held": peaks[-1] - before, "grown": grown, "merged": merged}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
