"""What training costs a generator of what was exchanged is put right, and how far it is released is what patients find nearer."""

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.generators.gan.distance import WAY, Distance, chosen, undecided
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from fpmg_plugins.generators.statistics.restoring import Restored, Target
from fpmg_plugins.topologies.ring import Ring

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import LocalShard
from fpmg_bench.types import Column, Representation, Space

SPACE = Space({"a": slice(0, 2), "b": slice(2, 3)}, (Column("label", "category", ("well", "ill")),))
SHARES = torch.tensor([0.7, 0.3])


def target():
    given = torch.tensor([[1.0, 0.0, -1.0], [-2.0, 1.0, 0.5]])
    return Target(given, torch.tensor([[1.0, 0.2, 0.0], [0.2, 0.8, 0.3], [0.0, 0.3, 0.6]]))


def test_means_by_class_and_covariance_within_classes_become_the_targets():
    g = torch.Generator().manual_seed(0)
    features = torch.nn.functional.one_hot(torch.arange(4000) % 2, 2).float()
    drifted = features @ torch.tensor([[3.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    z = drifted + torch.randn(4000, 3, generator=g) @ torch.tensor([[0.3, 0.0, 0.1], [0.0, 0.5, 0.0], [0.0, 0.2, 0.4]])
    made = Restored.of(target(), SHARES, z, features)(z, features)
    for c in (0, 1):
        torch.testing.assert_close(made[features[:, c] == 1].mean(0), target().given[c], atol=1e-4, rtol=0)
    weight = SHARES[(features[:, 1]).long()]
    beside = made - features @ target().given
    covariance = (beside * weight[:, None]).T @ beside / weight.sum()
    torch.testing.assert_close(covariance, target().factor @ target().factor.T, atol=2e-3, rtol=0)


def test_what_is_right_already_stays_and_a_lost_direction_is_not_blown_up():
    g = torch.Generator().manual_seed(0)
    features = torch.nn.functional.one_hot(torch.arange(20_000) % 2, 2).float()
    right = features @ target().given + torch.randn(20_000, 3, generator=g) @ target().factor
    found = Restored.of(target(), SHARES, right, features)
    torch.testing.assert_close(found.turn, torch.eye(3), atol=0.05, rtol=0)
    flat = right.clone()
    flat[:, 0] = 0.0
    assert float(Restored.of(target(), SHARES, flat, features)(flat, features).abs().max()) < 10 * float(right.abs().max())


def patients(n, away, seed):
    g = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 3, generator=g) @ torch.tensor([[1.0, 0.5, 0.2], [0.0, 0.8, 0.4], [0.0, 0.0, 0.5]]) + away
    return Representation(z, torch.ones(n, 2, dtype=torch.bool), torch.arange(n)[:, None].float() % 2, torch.arange(n), SPACE)


def trained(gan, rounds, rows):
    shards = {s: LocalShard(r, np.arange(len(r)), 0.3, "stage2") for s, r in enumerate(rows)}
    plan = Plan("stage2", Ring(), FedAvg(), rounds, {s: SiloPlan(10) for s in shards}, 0)
    return run(gan, SPACE, shards, plan, lambda record, now: None).states[0]


def away(made, real):
    return (
        2 * float(torch.cdist(made, real).mean()) - float(torch.cdist(made, made).mean()) - float(torch.cdist(real, real).mean())
    )


def test_a_gan_that_training_harms_is_released_at_its_start():
    """Silos that differ and steps far too long: what a Gaussian had is lost, and the patients say so."""
    rows = [patients(200, 3.0, 0), patients(200, -3.0, 1), patients(60, 0.0, 2)]
    whole = torch.cat([r.z for r in rows])
    label = torch.arange(2000)[:, None].float() % 2
    harmful = ParallelCgan(hidden=16, lr=0.05, restore=False)
    state = trained(harmful, 6, rows)
    free = ParallelCgan(hidden=16, restore=False, watch=False).sample(SPACE, state, label, rng_for(0, "s")).z
    watched = harmful.sample(SPACE, state, label, rng_for(0, "s")).z
    start = harmful.sample(SPACE, trained(harmful, 0, rows), label, rng_for(0, "s")).z
    assert away(free, whole) > 3 * away(start, whole)
    assert away(watched, whole) < 1.2 * away(start, whole) + 0.02


def test_the_distances_of_all_silos_are_those_of_the_pooled_patients():
    rows = [patients(200, 1.0, 0), patients(100, -1.0, 1)]
    gan = ParallelCgan(hidden=16)
    state = trained(gan, 0, rows)
    made = {way: way + torch.randn(512, 3, generator=torch.Generator().manual_seed(3)) for way in WAY}
    seen = Distance.of(
        SPACE, state, ("a", "b"), Target(state["prior/given"], state["prior/factor"]), lambda way, f: made[way][: len(f)], False
    )
    scale = 1 / state["prior/factor"].norm(dim=1)
    score = torch.zeros(len(WAY), dtype=torch.float64)
    for r in rows:
        batch = {"z": r.z, "held": torch.ones(len(r), 3, dtype=torch.bool), "label": r.condition[:, 0].long()}
        score += seen.of_rows(batch).sum(0) / 300
    z, label = torch.cat([r.z for r in rows]) * scale, torch.cat([r.condition[:, 0] for r in rows])
    for i, way in enumerate(WAY):
        y = (made[way] * scale).reshape(2, 256, 3)
        parts = []
        for c in (0, 1):
            mine = z[label == c]
            parts += [2 * torch.cdist(mine, y[c]).mean() - torch.cdist(y[c], y[c]).sum() / (256 * 255)] * len(mine)
        assert float(score[i]) == pytest.approx(float(torch.stack(parts).mean()), rel=1e-4)
    assert chosen(score) == 0.5  # between silos that lie on either side


def test_a_record_that_lacks_a_modality_is_not_asked():
    state = trained(ParallelCgan(hidden=16), 0, [patients(100, 0.0, 0)])
    seen = Distance.of(
        SPACE, state, ("a", "b"), Target(state["prior/given"], state["prior/factor"]), lambda way, f: torch.randn(len(f), 3), True
    )
    held = torch.ones(4, 3, dtype=torch.bool)
    held[1, 2] = False
    found = seen.of_rows({"z": torch.zeros(4, 3), "held": held, "label": torch.tensor([0, 1, 1, 0])})
    assert bool((found[1] == 0).all()) and bool((found[[0, 2, 3]] != 0).all())


def test_where_nobody_was_asked_the_trained_average_is_released():
    """Under privacy distances would have to be charged."""
    assert chosen(undecided()) == 1.0 and chosen(torch.tensor([2.0, 1.0, 3.0, 4.0, 5.0])) == 0.25
    state = trained(ParallelCgan(hidden=16, watch=False), 2, [patients(100, 0.0, 0)])
    assert torch.equal(state["watch.a+b/score"], undecided())
    label = torch.arange(50)[:, None].float() % 2
    both = [ParallelCgan(hidden=16, watch=w).sample(SPACE, state, label, rng_for(0, "s")).z for w in (True, False)]
    assert torch.equal(*both)
