"""Processor seconds of each shipped aggregator on one core, and the peak memory of all: `python merging.py PARAMETERS`, prints JSON."""

import json
import os
import resource
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from fpmg_bench.registry import Registry

M = 16


def models(size):
    rng = torch.Generator().manual_seed(0)
    reference = 0.05 * torch.randn(size, generator=rng)
    inputs = torch.empty(M, size)
    for row in inputs:
        row.copy_(reference).add_(torch.randn(size, generator=rng), alpha=0.01)
    return inputs, reference


def measure(size):
    """Seconds by rule, the peak in bytes, and the rules whose result lies apart from all the models."""
    inputs, reference = models(size)
    weights = torch.full((M,), 1 / M, dtype=torch.float64)
    registry, seconds, odd = Registry.discover(), {}, []
    for entry in registry.entries():
        if entry.kind != "aggregator" or entry.distribution != "fpmg-bench":
            continue
        rule, memory, times = registry.load("aggregator", entry.name)(), {}, []
        for _ in range(2):  # the second with the memory of the first
            began = time.process_time()
            merged = rule.merge(inputs, weights, reference, 0, memory)
            times.append(time.process_time() - began)
        seconds[entry.name] = min(times)
        if not (merged - reference).norm() <= 2 * (inputs - reference).norm(dim=1).max():  # NaN too
            odd.append(entry.name)
    return {"seconds": seconds, "odd": odd, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(measure(int(sys.argv[1]))))
