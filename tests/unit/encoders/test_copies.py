"""Moments of moved copies: the very moments of those copies, at no byte and no charge, and fewer patients recognised."""

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.encoders.pca.pca import Pca, moments
from fpmg_plugins.encoders.picture import copies
from fpmg_plugins.encoders.picture.cnn_ae import CnnAe
from fpmg_plugins.topologies.ring import Ring
from sklearn.metrics import roc_auc_score

from fpmg_bench.errors import IncompatibleTrial
from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy


@pytest.fixture(scope="module")
def cohort():
    return Phantom(patients=160, silos=2, modalities=("image", "table")).load()


def shard_of(cohort, rows, ledger=None):
    return LocalShard(cohort.data["image"].take(rows), cohort.patient[rows], 0.2, "s", ledger).begin(0)


def federated(cohort, encoder):
    halves = np.arange(40), np.arange(40, 80)
    plan = Plan("s", Ring(), FedAvg(), 0, {0: SiloPlan(1), 1: SiloPlan(1)}, 0)
    shards = {silo: shard_of(cohort, rows) for silo, rows in enumerate(halves)}
    return run(encoder, cohort.schemas["image"], shards, plan, lambda record, now: None)


@pytest.mark.parametrize("mirror", [False, True])
def test_they_are_the_moments_of_all_copies(mirror):
    rng, side = np.random.default_rng(0), 8
    x = rng.normal(size=(5, 2, side, side))
    moved = []
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            rows, columns = (np.clip(np.arange(side) + shift, 0, side - 1) for shift in (down, across))
            copy = x[:, :, rows][:, :, :, columns]
            moved += [copy, copy[..., ::-1]] if mirror else [copy]
    flat, own = (torch.from_numpy(np.concatenate(part).reshape(-1, 2 * side**2)) for part in (moved, [x]))
    mean, second = copies.of_copies(own.mean(0), own.T @ own / 5, side, mirror)
    torch.testing.assert_close(mean, flat.mean(0))
    torch.testing.assert_close(second, flat.T @ flat / len(flat))


@pytest.mark.parametrize("name", ["pca", "cnn-ae"])
def test_copies_cost_no_byte(cohort, name):
    plain, copied = (
        federated(cohort, Pca(dim=8, augment=flag) if name == "pca" else CnnAe(net="fine", start="moments", augment=flag))
        for flag in (False, True)
    )
    assert plain.statistics_bytes == copied.statistics_bytes > 0
    assert plain.statistics_messages == copied.statistics_messages
    assert any(not torch.equal(plain.states[0][key], copied.states[0][key]) for key in plain.states[0])


def test_copies_are_charged_nothing(cohort):
    schema, books = cohort.schemas["image"], []
    for flag in (False, True):
        encoder = Pca(dim=8, augment=flag)
        book = Ledger(0, "a", 80, 0.2, Privacy(8.0, 1e-3), Noise(1.0, 1.0, 1.0), {"s": encoder.charges(schema, 0)})
        stats = encoder.statistics(schema, shard_of(cohort, np.arange(80), book), None)
        books.append((book.entries(), book.epsilon(), stats))
    assert books[0][:2] == books[1][:2]
    for key, value in books[0][2].items():
        assert torch.equal(value, books[1][2][key])


def test_patients_trained_on_come_back_hardly_better_than_others(cohort):
    schema, data = cohort.schemas["image"], cohort.data["image"]
    real = data.array().astype(float)
    areas = []
    for flag in (False, True):
        encoder = Pca(dim=32, side=32, augment=flag)
        state = encoder.init(schema, encoder.statistics(schema, shard_of(cohort, np.arange(80)), None), None)
        back = encoder.decode(schema, state, encoder.encode(schema, state, data)).array().astype(float)
        miss = ((back - real) ** 2).mean((1, 2, 3))
        areas.append(roc_auc_score(np.arange(160) < 80, -miss))
    assert areas[0] > 0.8
    assert areas[1] < 0.68


def test_a_table_has_no_copies(cohort):
    with pytest.raises(IncompatibleTrial, match="leave `augment` out"):
        Pca(augment=True).charges(cohort.schemas["table"], 0)


def test_larger_pictures_have_moments_of_more_pixels(cohort):
    shard = shard_of(cohort, np.arange(40))
    assert [len(moments(Pca(side=side).statistics(cohort.schemas["image"], shard, None))[0]) for side in (8, 16, 32)] == [
        64, 256, 1024,
    ]  # fmt: skip
