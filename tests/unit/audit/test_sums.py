"""Canaries in noised moments and counts: found where there is no noise, at chance where it is what epsilon asks for."""

import numpy as np
import pytest
import torch
from torch import nn

from fpmg_bench.audit.finding import found, ranked
from fpmg_bench.audit.witness import Witness, log_odds
from fpmg_bench.privacy import Draws, Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges

CANARIES, PATIENTS, COLUMNS = 80, 150, 12
PLAN = {"stage2": Charges(moments=1, counts=1)}


class Sums:
    """One silo's moments or counts, watched. sigma: 0 for the fault."""

    def __init__(self, kind, sigma, full=True, prepared=False, seed=0, share=1.0):
        rng = np.random.default_rng(seed)
        self.member = rng.random(CANARIES) < 0.5
        x = torch.as_tensor(rng.normal(size=(PATIENTS + CANARIES, COLUMNS))).float()
        joined = np.concatenate([np.ones(PATIENTS, bool), self.member])
        rows, planted = {"x": x[joined]}, (np.arange(len(x)) >= PATIENTS)[joined]
        patient = np.arange(len(planted))
        patient[1] = patient[0]  # two records of one patient
        book = Ledger(0, "a", len(patient), 0.1, Privacy(1.0, 1e-5, 1.0), Noise(1.0, sigma, 1.0, share=share), PLAN)
        self.witness = Witness({"x": x[PATIENTS:]}, planted)
        shard = LocalShard(rows, patient, 0.1, "stage2", book, self.witness, Draws()).begin(seed)
        shard = shard.shared() if share < 1 else shard
        shard = shard.prepared("same", lambda data: {"x": data["x"]}) if prepared else shard
        if kind == "moments":
            self.told = shard.moments(lambda data: data["x"], 2.0, full=full)
        else:
            self.told = shard.counts(lambda data: nn.functional.one_hot((data["x"] * 20).long().sum(1) % 97, 97).float(), 1.0)

    @property
    def finding(self):
        return found(self.member, {"sums": ranked(self.witness.sums, 0.75)}, 1.0, 1e-5)


@pytest.mark.parametrize(("full", "prepared"), [(True, False), (True, True)])
def test_moments_without_noise_give_everybody_away(full, prepared):
    finding = Sums("moments", 0.0, full, prepared).finding
    assert finding.correct == finding.guesses == 60
    assert finding.violated


def test_moments_of_fewer_numbers_than_canaries_give_most_away():
    """24 numbers for 80 coins; the distribution of coins given the sum is still far from a fair one."""
    assert Sums("moments", 0.0, full=False).finding.correct > 40


def test_counts_without_noise_give_everybody_away_whose_bin_is_their_own():
    sums = Sums("counts", 0.0)
    assert sums.finding.violated
    assert sums.finding.correct >= 50


@pytest.mark.parametrize("kind", ["moments", "counts"])
def test_with_the_noise_of_epsilon_1_nothing_is_refuted(kind):
    """sigma 3.7: a single Gaussian mechanism of epsilon 1 at delta 1e-5."""
    for seed in range(20):
        assert not Sums(kind, 3.7, seed=seed).finding.violated


def test_the_noised_sum_is_the_same_whoever_looks_on():
    seen = Sums("moments", 3.7)
    rng = np.random.default_rng(0)
    member = rng.random(CANARIES) < 0.5
    x = torch.as_tensor(rng.normal(size=(PATIENTS + CANARIES, COLUMNS))).float()
    joined = np.concatenate([np.ones(PATIENTS, bool), member])
    patient = np.arange(int(joined.sum()))
    patient[1] = patient[0]
    book = Ledger(0, "a", len(patient), 0.1, Privacy(1.0, 1e-5, 1.0), Noise(1.0, 3.7, 1.0), PLAN)
    unseen = (
        LocalShard({"x": x[joined]}, patient, 0.1, "stage2", book, None, Draws()).begin(0).moments(lambda data: data["x"], 2.0)
    )
    assert torch.equal(seen.told.mean, unseen.mean) and torch.equal(seen.told.second, unseen.second)


def test_a_silos_own_sum_is_not_judged_where_only_the_total_has_all_noise():
    assert not Sums("moments", 0.0, share=0.5).witness.sums.any()


def test_log_odds_are_those_of_the_exact_posterior_in_order():
    """Six canaries: all 64 sets of coins, weighed by their likelihood."""
    rng = torch.Generator().manual_seed(0)
    own = torch.nn.functional.normalize(torch.randn(6, 9, generator=rng, dtype=torch.float64), dim=1)
    coins = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 6)
    agree = []
    for _ in range(40):
        told = coins[torch.randint(64, (1,), generator=rng)] @ own + 0.4 * torch.randn(1, 9, generator=rng, dtype=torch.float64)
        weight = torch.softmax(-(coins @ own - told).square().sum(1) / (2 * 0.4**2), 0)
        exact = (weight[:, None] * coins).sum(0).numpy()
        agree.append(np.corrcoef(np.argsort(np.argsort(exact)), np.argsort(np.argsort(log_odds(own, [told[0]], 0.4))))[0, 1])
    assert np.mean(agree) > 0.9
