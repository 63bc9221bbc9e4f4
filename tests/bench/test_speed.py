"""Speed as ratios within one run: what federation, privacy and the program's start cost beside the work itself."""

import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from fpmg_plugins import training
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.topologies.ring import Ring
from torch import nn

from fpmg_bench.evaluation import nearest
from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges, Update


class OneMillion:
    """A million parameters, so many plain steps of batch 64."""

    rounds = None

    def __init__(self, steps):
        self.steps, self.training = steps, 0.0

    def net(self):
        return nn.Sequential(nn.Linear(512, 1024), nn.ReLU(), nn.Linear(1024, 460))

    def statistics(self, schema, shard, ctx):
        return {}

    def init(self, schema, stats, rng):
        return training.state_of(training.seeded(self.net, rng), "m")

    def train(self, state, shard, ctx):
        began = time.process_time()
        module = training.restored(self.net, state, "m")
        optimizer, x = torch.optim.SGD(module.parameters(), 0.01), torch.randn(64, 512, generator=ctx.rng)
        for _ in range(self.steps):
            optimizer.zero_grad()
            module(x).square().mean().backward()
            optimizer.step()
        state = training.state_of(module, "m")
        self.training += time.process_time() - began
        return Update(state, 1.0)


class Empty:
    patients = 10

    def begin(self, root, *path):
        return self


FEDERATIONS = {
    "relay": (Ring(merge="last"), CenteredClipping()),
    "gossip": (Ring(relay=False, hops=2, links="neighbours"), FedAvg()),  # nothing is shared between merges
}


@pytest.mark.parametrize("name", FEDERATIONS)
def test_round_loop_merging_and_metering_beside_local_training(benchmark, measuring, bar, name):
    learner, (silos, steps) = OneMillion(50 if measuring else 1), (8, 50) if measuring else (3, 1)
    plan = Plan("stage2", *FEDERATIONS[name], 2, {i: SiloPlan(steps) for i in range(silos)}, 0)
    records = []

    def federate():
        learner.training = 0.0
        began = time.process_time()
        run(learner, None, {i: Empty() for i in range(silos)}, plan, lambda record, now: records.append(record))
        return (time.process_time() - began - learner.training) / learner.training

    overhead = benchmark.pedantic(federate, rounds=1)
    assert [record["bytes"] for record in records] == [record["closed_form"] for record in records]
    assert all(record["bytes"] > 0 for record in records)
    bar("processor time, all else over training", overhead, 0.05)


def test_a_private_step_costs_at_most_a_few_plain_ones(benchmark, measuring, bar):
    steps = 60 if measuring else 2

    def loss(module, batch):
        return nn.functional.cross_entropy(module(batch["x"]), batch["y"], reduction="none")

    def seconds(book):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(96, 256), nn.LeakyReLU(), nn.Linear(256, 256), nn.LeakyReLU(), nn.Linear(256, 2))
        data = {"x": torch.randn(640, 96), "y": torch.randint(0, 2, (640,))}
        shard, optimizer = LocalShard(data, np.arange(640), 0.1, "s", book).begin(0), torch.optim.Adam(module.parameters())
        shard.step(module, optimizer, loss)
        began = time.process_time()
        for _ in range(steps):
            shard.step(module, optimizer, loss)
        return time.process_time() - began

    plain = seconds(None)
    ledger = Ledger(0, "a", 640, 0.1, Privacy(8.0, 1e-4), Noise(1.0, 1.0, 1.0), {"s": Charges(private_steps=1000)})
    private = benchmark.pedantic(lambda: seconds(ledger), rounds=1)
    assert [entry.count for entry in ledger.entries()] == [steps + 1]
    bar("seconds, private over plain", private / plain, 5)


def test_nearest_neighbours_of_ten_thousand(benchmark, measuring):
    rng = np.random.default_rng(0)
    n = 10_000 if measuring else 1_000
    a, b = (rng.standard_normal((n, 128), dtype=np.float32) for _ in range(2))
    found, _ = benchmark.pedantic(lambda: nearest(a, b), rounds=1)
    exact = np.sqrt(((a[:5, None] - b[None]) ** 2).sum(-1)).min(1)
    np.testing.assert_allclose(found[:5], exact, rtol=1e-5)


def test_help_starts_fast(benchmark, measuring, bar):
    times = 5 if measuring else 1

    def seconds(*words):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
        return time.perf_counter() - began, done.stdout

    bare, _ = min(seconds("-c", "pass") for _ in range(times))
    ours, printed = benchmark.pedantic(lambda: min(seconds("-m", "fpmg_bench", "--help") for _ in range(times)), rounds=1)
    assert "Usage: fpmg-bench" in printed
    bar("over `python -c pass`", ours / bare, 10)


pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")
