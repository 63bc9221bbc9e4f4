"""Directions that no Gaussian has: known sources, scikit-learn's answer, silos that differ, and privacy."""

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.generators.mixture import pursuit
from fpmg_plugins.generators.mixture.gaussian_mixture import GaussianMixture
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Column, Representation, Space

SPACE = Space({"a": slice(0, 5), "b": slice(5, 8)}, (Column("label", "category", ("well", "ill")),))


def sources(n, seed=0):
    """White u [n, 8]: two coordinates of two clusters each, six Gaussian, all turned by a fixed rotation [8, 8]."""
    g = torch.Generator().manual_seed(seed)
    side = torch.where(torch.rand(n, 2, generator=g, dtype=torch.float64) < 0.5, -1.0, 1.0)
    two = (side + 0.3 * torch.randn(n, 2, generator=g, dtype=torch.float64)) / 1.09**0.5
    rotation = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(9), dtype=torch.float64)).Q
    return torch.cat([two, torch.randn(n, 6, generator=g, dtype=torch.float64)], 1) @ rotation.T, rotation


def patients(n, seed=0):
    z = sources(n, seed)[0].float()
    return Representation(z, torch.ones(n, 2, dtype=torch.bool), (torch.arange(n) % 2)[:, None].float(), torch.arange(n), SPACE)


def trained(rows, silos, topology=None, ledger=None, **settings):
    learner = GaussianMixture(**settings)
    shards = {
        int(s): LocalShard(rows.take((silos == s).numpy()), np.flatnonzero(silos == s), 0.5, "stage2", ledger)
        for s in silos.unique()
    }
    plan = Plan("stage2", topology or Star(), FedAvg(), 0, {s: SiloPlan(1) for s in shards}, 0)
    return learner, run(learner, SPACE, shards, plan, lambda record, now: None).states[0]


def found(u, directions, steps, seed=0):
    state = pursuit.begun(u.shape[1], directions, rng_for(seed, "p"))
    for _ in range(steps):
        state = {pursuit.FOUND: pursuit.step(u, pursuit.axes(state)).mean(0).reshape(u.shape[1], directions)}
    return pursuit.axes(state)


def test_the_directions_of_clusters_are_found_among_gaussian_ones():
    u, rotation = sources(3000)
    w = found(u, 2, 30)
    assert float(torch.linalg.svdvals(w.T @ rotation[:, :2]).min()) > 0.97


def test_its_fixed_point_is_that_of_scikit_learn():
    from sklearn.decomposition import FastICA

    g = torch.Generator().manual_seed(1)
    u = torch.where(torch.rand(4000, 3, generator=g) < 0.5, -1.0, 1.0).double() * (1 + 0.1 * torch.randn(4000, 3, generator=g))
    u = (u - u.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(u.T))).T
    w = found(u, 3, 50)
    begin = pursuit.axes(pursuit.begun(3, 3, rng_for(0, "p"))).T.numpy()
    reference = FastICA(whiten=False, fun="logcosh", w_init=begin, max_iter=500, tol=1e-9).fit(u.numpy())
    agreement = np.abs(reference.components_ @ w.numpy())
    np.testing.assert_allclose(agreement.max(0), 1.0, atol=1e-5)


def test_what_a_patient_adds_is_bounded():
    u, _ = sources(500)
    w = found(u, 3, 5)
    assert bool((pursuit.step(u, w).norm(dim=1) <= (u.norm(dim=1) + 1) * 3**0.5 + 1e-9).all())


def test_silos_that_differ_find_what_the_pooled_patients_find():
    rows = patients(900)
    by_place = (rows.z[:, 0] > 0.3).long() + (rows.z[:, 1] > 0.5).long()
    settings = {"components": 5, "directions": 2, "rounds": 16, "pursuit": 10}
    _, pooled = trained(rows, torch.zeros(900), **settings)
    for topology in (Star(), Ring()):
        _, apart = trained(rows, by_place, topology, **settings)
        for key in pooled:
            torch.testing.assert_close(apart[key], pooled[key], rtol=2e-3, atol=5e-4)


def test_the_mixture_has_the_clusters_and_elsewhere_the_exchanged_gaussian():
    rows = patients(2000)
    learner, state = trained(rows, torch.arange(2000) % 3, components=12, directions=2, rounds=45, pursuit=20)
    made = learner.sample(SPACE, state, torch.arange(4000)[:, None].float() % 2, rng_for(0, "s")).z.double()
    rotation = sources(1)[1]
    between = (made @ rotation[:, 0]).abs() < 0.3
    assert float(between.double().mean()) < 0.06  # a Gaussian has .24 there, patients .01
    torch.testing.assert_close(torch.cov(made.T), torch.cov(rows.z.double().T), atol=0.1, rtol=0)


def test_the_pursuit_sends_its_directions_alone():
    learner = GaussianMixture(directions=2, rounds=4, pursuit=2)
    rows = patients(60)
    sent = []

    class Recorded(FedAvg):
        def merge(self, inputs, *rest):
            sent.append(inputs.shape[1])
            return super().merge(inputs, *rest)

    shards = {0: LocalShard(rows.take(np.arange(30)), np.arange(30), 0.5, "stage2")}
    shards[1] = LocalShard(rows.take(np.arange(30, 60)), np.arange(30), 0.5, "stage2")
    plan = Plan("stage2", Star(), Recorded(), 0, {0: SiloPlan(1), 1: SiloPlan(1)}, 0)
    run(learner, SPACE, shards, plan, lambda record, now: None)
    assert sorted(set(sent)) == [8 * 2, 16 * (2 + 2 + 4)]


@pytest.mark.parametrize("directions", [0, 2])
def test_under_privacy_every_round_is_charged_and_no_product_travels(directions):
    rows = patients(2000)
    plan = {"stage2": GaussianMixture(directions=directions, rounds=6).charges(SPACE, 6)}
    ledger = Ledger(0, "a", 2000, {"stage2": 0.5}, Privacy(8.0, 1e-5), Noise(0.0, 4.0, 1.0, False), plan)
    _, state = trained(rows, torch.zeros(2000), None, ledger, components=4, directions=directions, rounds=6, pursuit=3)
    assert "mixture/second" not in state
    assert sum(entry["count"] for entry in ledger.summary()["entries"]) == 7
    assert (pursuit.FOUND in state) == (directions > 0)
