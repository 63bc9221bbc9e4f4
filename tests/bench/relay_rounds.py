"""Relay rounds of 64 silos with a million parameters, without training: `python relay_rounds.py RULE ROUNDS`, prints JSON."""

import json
import os
import resource
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from fpmg_plugins.topologies.ring import Ring

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice
from fpmg_bench.types import Update

SILOS, D = 64, 1_000_000


class Still:
    """Every silo returns what it was given, in the first round apart from the others."""

    rounds = None

    def statistics(self, schema, shard, ctx):
        return {}

    def init(self, schema, stats, rng):
        return {"m/w": torch.randn(D, generator=rng)}

    def train(self, state, shard, ctx):
        moved = state["m/w"] + 0.01 * torch.randn(D, generator=ctx.rng) if ctx.round == 0 else state["m/w"]
        return Update({"m/w": moved}, 1.0)


class Empty:
    patients = 10

    def begin(self, seed):
        return self


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(rule, rounds):
    torch.set_num_threads(1)
    aggregator = Registry.discover().build("aggregator", Choice(rule))
    plan = Plan("bench", Ring(), aggregator, int(rounds), {i: SiloPlan(1) for i in range(SILOS)}, 0)
    began, peaks, before = time.process_time(), [], peak()
    run(Still(), None, {i: Empty() for i in range(SILOS)}, plan, lambda record, now: peaks.append(peak()))
    print(
        json.dumps(
            {"seconds": time.process_time() - began, "held": peaks[-1] - before, "grown": peaks[-1] - peaks[len(peaks) // 2]}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
