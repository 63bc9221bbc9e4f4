"""Patients who lack a modality: the Gaussian to start from is not diluted by them, and only holders train a generator."""

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from fpmg_plugins.generators.statistics.gaussian_start import Start, statistics
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import LocalShard
from fpmg_bench.types import Column, Representation, SiloContext, Space

CTX = SiloContext(0, -1, 1, rng_for(0, "t"))
SPACE = Space({"a": slice(0, 2), "b": slice(2, 4)}, (Column("y", "flag"), Column("age", "number", low=-3, high=3)))


def rows(n, seed=0, present=None):
    """Class means +-1, correlation .5 between all columns, and age follows the first of them."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    noise = rng.multivariate_normal(np.zeros(4), 0.5 * np.eye(4) + 0.5, n)
    z = torch.tensor(noise + (2 * label - 1)[:, None]).float()
    if present is None:
        present = np.stack([rng.random(n) < 0.9, rng.random(n) < 0.4], axis=1)
    given = torch.tensor(np.stack([label, noise[:, 0]], axis=1)).float()
    return Representation(z, torch.tensor(present), given, torch.arange(n), SPACE)


def test_absent_vectors_do_not_dilute_the_start():
    found = statistics(SPACE, LocalShard(rows(20_000), np.arange(20_000), 1.0, "s").begin(0), CTX)
    start = Start.of(SPACE, found)
    assert start.presence.tolist() == pytest.approx([0.9, 0.4], abs=0.02)
    torch.testing.assert_close(start.mean[:, 1:], torch.tensor([[-1.0], [1.0]]).expand(2, 4), atol=0.06, rtol=0)
    covariance = start.factor @ start.factor.T
    torch.testing.assert_close(covariance[1:, 1:], 0.5 * torch.eye(4) + 0.5, atol=0.06, rtol=0)
    assert float(covariance[0, 1]) == pytest.approx(1 / 3, abs=0.02)  # age is scaled to [-1, 1] by its range


def test_modalities_that_nobody_has_together_start_independent():
    either = np.arange(4000) % 2 == 0
    found = statistics(SPACE, LocalShard(rows(4000, 0, np.stack([either, ~either], 1)), np.arange(4000), 1.0, "s").begin(0), CTX)
    factor = Start.of(SPACE, found).factor
    covariance = (factor @ factor.T)[1:, 1:]
    assert float(covariance[0, 1]) == pytest.approx(0.5, abs=0.08)
    assert float(covariance[:2, 2:].abs().max()) < 0.05


def federate(topology, lacks=frozenset({"b"}), rounds=2):
    """Two holders of both modalities, and silo 1 without "b"."""
    gan, records = ParallelCgan(hidden=16), []
    shards = {}
    for silo in range(3):
        has_b = np.full(60, silo != 1)
        shards[silo] = LocalShard(rows(60, silo, np.stack([np.ones(60, bool), has_b], 1)), np.arange(60), 0.5, "stage2")
    silos = {silo: SiloPlan(3, lacks=lacks if silo == 1 else frozenset()) for silo in range(3)}
    plan = Plan("stage2", topology, FedAvg(), rounds, silos, 0)
    return run(gan, SPACE, shards, plan, lambda record, now: records.append(record)), records


def test_only_holders_train_and_merge_a_generator_and_the_others_get_it_in_the_end():
    done, records = federate(Ring())
    b = {key: value for key, value in done.states[0].items() if key.startswith(("generator.b/", "ema.b/"))}
    assert all(torch.equal(done.states[1][key], value) for key, value in b.items())
    size = sum(value.numel() * 4 for value in b.values())
    assert (done.handover_bytes, done.handover_messages) == (size, 1)
    whole = sum(v.numel() * 4 for k, v in done.states[0].items() if not k.startswith(("prior/", "start.")))
    assert records[0]["bytes"] == 6 * (whole - size) + 2 * size  # three silos relay the common part, two the rest
    given = torch.tensor([[1.0, 0.0]]).repeat(5, 1)
    made = [ParallelCgan(hidden=16).sample(SPACE, done.states[s], given, torch.Generator().manual_seed(0)).z for s in (0, 1)]
    assert torch.equal(*made)


def test_what_cannot_be_reached_is_not_handed_over():
    done, _ = federate(Isolated())
    assert done.handover_messages == 0
    star, _ = federate(Star())
    assert star.handover_messages == 1
