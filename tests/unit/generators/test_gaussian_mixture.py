"""Federated EM is EM on the pooled patients: against scikit-learn, over silos that differ, with gaps, and under privacy."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.generators.flow.velocity import Whitener
from fpmg_plugins.generators.mixture.components import SHARE, Components
from fpmg_plugins.generators.mixture.gaussian_mixture import GaussianMixture, completed
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges, Column, Representation, Space

SPACE = Space({"a": slice(0, 2), "b": slice(2, 3)}, (Column("label", "category", ("well", "ill")),))


def patients(n=900, seed=0):
    """On a circle in block a, whose height block b repeats; the ill sit on its upper half only."""
    g = torch.Generator().manual_seed(seed)
    label = (torch.rand(n, generator=g) < 0.4).float()
    angle = torch.rand(n, generator=g) * torch.pi * (2 - label)
    a = torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2, generator=g)
    z = torch.cat([a, a[:, 1:] + 0.1 * torch.randn(n, 1, generator=g)], 1)
    return Representation(z, torch.ones(n, 2, dtype=torch.bool), label[:, None], torch.arange(n), SPACE)


def trained(rows, silos, topology=None, **settings):
    """silos: index of every row's silo."""
    learner = GaussianMixture(**settings)
    shards = {
        int(s): LocalShard(rows.take((silos == s).numpy()), np.flatnonzero(silos == s), 0.5, "stage2") for s in silos.unique()
    }
    plan = Plan("stage2", topology or Star(), FedAvg(), 0, {s: SiloPlan(1) for s in shards}, 0)
    done = run(learner, SPACE, shards, plan, lambda record, now: None)
    return learner, done.states[0]


def log_likelihood(learner, state, rows):
    now = Components.of(state, learner.prior / len(rows))
    u, label = completed(Whitener.of(SPACE, state), rows).values()
    parts = [
        torch.distributions.MultivariateNormal(m, now.covariance[min(k, len(now.covariance) - 1)]) for k, m in enumerate(now.mean)
    ]
    said = torch.stack([part.log_prob(u.double()) for part in parts], 1) + now.share.T[label].log()
    return float(torch.logsumexp(said, 1).mean())


def test_silos_that_differ_give_what_the_pooled_patients_give():
    rows = patients()
    by_place = (rows.z[:, 0] > 0).long() + (rows.z[:, 1] > 0.5).long()
    _, apart = trained(rows, by_place, components=6, rounds=10)
    _, ring = trained(rows, by_place, Ring(), components=6, rounds=10)
    _, pooled = trained(rows, torch.zeros(len(rows)), components=6, rounds=10)
    for key in pooled:
        torch.testing.assert_close(apart[key], pooled[key], rtol=2e-3, atol=2e-4)
        torch.testing.assert_close(ring[key], pooled[key], rtol=2e-3, atol=2e-4)


def test_each_round_is_more_likely_than_the_last_and_ends_where_scikit_learn_does():
    rows, found = patients(), []
    for rounds in (0, 1, 2, 5, 60):
        learner, state = trained(rows, torch.zeros(900), components=4, rounds=rounds, prior=0.0)
        found.append(log_likelihood(learner, state, rows))
    assert all(b > a for a, b in pairwise(found))
    from sklearn.mixture import GaussianMixture as Reference

    now, u = Components.of(state, 0.0), completed(Whitener.of(SPACE, state), rows)["u"].double().numpy()
    shares = now.share.sum(1).numpy()
    precision = torch.linalg.inv(now.covariance).numpy()
    reference = Reference(
        4, weights_init=shares / shares.sum(), means_init=now.mean.numpy(), precisions_init=precision, max_iter=100
    ).fit(u)
    assert reference.lower_bound_ == pytest.approx(float(reference.score(u)), abs=1e-3)
    np.testing.assert_allclose(reference.means_, now.mean.numpy(), atol=0.15)


@pytest.mark.parametrize("covariance", ["full", "tied"])
def test_it_draws_a_circle_that_no_gaussian_has_and_knows_the_class(covariance):
    rows = patients()
    learner, state = trained(rows, torch.arange(900) % 3, components=12, covariance=covariance)
    label = torch.arange(3000)[:, None].float() % 2
    made = learner.sample(SPACE, state, label, rng_for(0, "s")).z
    radius = made[:, :2].norm(dim=1)
    assert float((radius < 0.6).float().mean()) < 0.05  # a Gaussian has .3 there
    assert float((made[label[:, 0] == 1, 1] < -0.3).float().mean()) < 0.06
    assert float((made[label[:, 0] == 0, 1] < -0.3).float().mean()) > 0.3
    torch.testing.assert_close(torch.cov(made.T), torch.cov(rows.z.T), atol=0.12, rtol=0)


def test_what_is_absent_is_drawn_with_its_own_spread():
    rows = patients(3000)
    present = rows.present.clone()
    present[::2, 1] = False
    gaps = Representation(rows.z, present, rows.condition, rows.patient, SPACE)
    _, state = trained(rows, torch.zeros(3000), components=1, rounds=0)
    white = completed(Whitener.of(SPACE, state), gaps)["u"]
    torch.testing.assert_close(torch.cov(white[::2].T), torch.eye(3), atol=0.12, rtol=0)


def test_under_privacy_every_round_is_one_charged_access_and_no_product_travels():
    rows = patients(2000)
    learner = GaussianMixture(components=4, rounds=5)
    assert learner.charges(SPACE, 100) == Charges(counts=6)
    plan = {"stage2": learner.charges(SPACE, 5)}
    ledger = Ledger(0, "a", 2000, {"stage2": 0.5}, Privacy(8.0, 1e-5), Noise(0.0, 4.0, 1.0, False), plan)
    shard = LocalShard(rows, rows.patient.numpy(), 0.5, "stage2", ledger)
    done = run(learner, SPACE, {0: shard}, Plan("stage2", Star(), FedAvg(), 0, {0: SiloPlan(1)}, 0), lambda record, now: None)
    assert "mixture/second" not in done.states[0]
    assert sum(entry["count"] for entry in ledger.summary()["entries"]) == 6
    made = learner.sample(SPACE, done.states[0], torch.zeros(50, 1), rng_for(0, "s"))
    assert bool(torch.isfinite(made.z).all()) and bool((done.states[0][SHARE] != 0).any())
