"""Processor seconds of each shipped aggregator on one core, and the peak memory of all: 16 models of 5 million float32; prints JSON."""

import json
import os
import resource
import time

os.environ["OMP_NUM_THREADS"] = "1"

import torch

from fpmg_bench.registry import Registry

M, D = 16, 5_000_000


def models():
    rng = torch.Generator().manual_seed(0)
    reference = 0.05 * torch.randn(D, generator=rng)
    inputs = torch.empty(M, D)
    for row in inputs:
        row.copy_(reference).add_(torch.randn(D, generator=rng), alpha=0.01)
    return inputs, reference


def main():
    torch.set_num_threads(1)
    inputs, reference = models()
    weights = torch.full((M,), 1 / M, dtype=torch.float64)
    registry, seconds = Registry.discover(), {}
    for entry in registry.entries():
        if entry.kind != "aggregator" or entry.distribution != "fpmg-bench":
            continue
        rule, memory, times = registry.load("aggregator", entry.name)(), {}, []
        for _ in range(2):  # the second with the memory of the first
            began = time.process_time()
            rule.merge(inputs, weights, reference, 0, memory)
            times.append(time.process_time() - began)
        seconds[entry.name] = min(times)
    print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
