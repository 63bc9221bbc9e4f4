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
    """A million parameters, fifty plain steps of batch 64."""

    rounds = None

    def __init__(self):
        self.training = 0.0

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
        for _ in range(50):
            optimizer.zero_grad()
            module(x).square().mean().backward()
            optimizer.step()
        state = training.state_of(module, "m")
        self.training += time.process_time() - began
        return Update(state, 1.0)


class Empty:
    patients = 10

    def begin(self, seed):
        return self


FEDERATIONS = {
    "relay": (Ring(merge="last"), CenteredClipping()),
    "gossip": (Ring(relay=False, hops=2, links="neighbours"), FedAvg()),  # nothing is shared between merges
}


@pytest.mark.parametrize("name", FEDERATIONS)
def test_round_loop_merging_and_metering_beside_local_training(benchmark, name):
    learner = OneMillion()
    plan = Plan("stage2", *FEDERATIONS[name], 2, {i: SiloPlan(50) for i in range(8)}, 0)

    def federate():
        learner.training = 0.0
        began = time.process_time()
        run(learner, None, {i: Empty() for i in range(8)}, plan, lambda record, now: None)
        return (time.process_time() - began - learner.training) / learner.training

    ratio = benchmark.pedantic(federate, rounds=1)
    benchmark.extra_info["overhead"] = ratio
    assert ratio < 0.1  # of processor time; the bar is .05, with room for a busy machine's caches


def test_a_private_step_costs_at_most_a_few_plain_ones(benchmark):
    def loss(module, batch):
        return nn.functional.cross_entropy(module(batch["x"]), batch["y"], reduction="none")

    def seconds(book):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(96, 256), nn.LeakyReLU(), nn.Linear(256, 256), nn.LeakyReLU(), nn.Linear(256, 2))
        data = {"x": torch.randn(640, 96), "y": torch.randint(0, 2, (640,))}
        shard, optimizer = LocalShard(data, np.arange(640), 0.1, "s", book).begin(0), torch.optim.Adam(module.parameters())
        shard.step(module, optimizer, loss)
        began = time.perf_counter()
        for _ in range(60):
            shard.step(module, optimizer, loss)
        return time.perf_counter() - began

    plain = seconds(None)
    ledger = Ledger(0, "a", 640, 0.1, Privacy(8.0, 1e-4), Noise(1.0, 1.0, 1.0), {"s": Charges(private_steps=1000)})
    private = benchmark.pedantic(lambda: seconds(ledger), rounds=1)
    benchmark.extra_info["private over plain"] = private / plain
    assert private / plain < 12  # the bar is 5


def test_nearest_neighbours_of_ten_thousand(benchmark):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((10_000, 128), dtype=np.float32) for _ in range(2))
    found, _ = benchmark.pedantic(lambda: nearest(a, b), rounds=1)
    exact = np.sqrt(((a[:5, None] - b[None]) ** 2).sum(-1)).min(1)
    np.testing.assert_allclose(found[:5], exact, rtol=1e-5)


def test_help_starts_fast(benchmark):
    def seconds(*words):
        began = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        return time.perf_counter() - began

    bare = min(seconds("-c", "pass") for _ in range(5))
    ours = benchmark.pedantic(lambda: min(seconds("-m", "fpmg_bench", "--help") for _ in range(5)), rounds=1)
    benchmark.extra_info["over python -c pass"] = ours / bare
    assert ours / bare < 25  # the bar is 10 on an idle machine


pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")
