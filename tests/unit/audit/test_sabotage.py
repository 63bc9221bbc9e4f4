"""The white-box scorer on a small network: honest steps hold, every fault is found by the canaries or by the ledger check."""

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from fpmg_bench.audit.finding import found, ranked
from fpmg_bench.audit.sabotage import SHARDS
from fpmg_bench.audit.sampling_checks import violations
from fpmg_bench.audit.witness import Witness, coefficients
from fpmg_bench.privacy import Draws, Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges

CANARIES, PATIENTS, RATE, ROUNDS, STEPS = 80, 200, 0.1, 6, 10
SIGMA = 3.3  # epsilon 1 at delta 1e-5 for 60 steps at rate .1
CLIP = 0.01


def loss_of(module, batch):
    return nn.functional.cross_entropy(module(batch["x"]), batch["y"], reduction="none")


def people(n, seed, odd=False):
    """Classes are told by the first number; of canaries they are not."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 12, generator=rng)
    y = torch.randint(0, 3, (n,), generator=rng) if odd else (x[:, 0] > 0).long() + (x[:, 0] > 1).long()
    return {"x": x, "y": y}


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 24), nn.LeakyReLU(0.2), nn.Linear(24, 24), nn.LeakyReLU(0.2), nn.Linear(24, 3))


class Run:
    """Training with canaries, as a trial does it: one silo, one module."""

    def __init__(self, fault="none", watched=True, sigma=SIGMA, prepared=False):
        self.member = np.random.default_rng(5).random(CANARIES) < 0.5
        known, canaries = people(PATIENTS, 1), people(CANARIES, 2, odd=True)
        rows = {key: torch.cat([value, canaries[key][self.member]]) for key, value in known.items()}
        patient = np.arange(len(rows["y"]))
        plan = {"stage2": Charges(private_steps=ROUNDS * STEPS, counts=1)}
        self.book = Ledger(0, "a", len(patient), RATE, Privacy(1.0, 1e-5, CLIP), Noise(sigma, 34.0, CLIP), plan)
        self.draws, self.witness = Draws(), Witness(canaries, patient >= PATIENTS, np.zeros(CANARIES))
        self.draws.plan("stage2", patient, RATE)
        shard = SHARDS[fault](rows, patient, RATE, "stage2", self.book, self.witness if watched else None, self.draws)
        self.module = net()
        optimizer = torch.optim.Adam(self.module.parameters(), 1e-3)
        shard.begin(0).counts(lambda batch: nn.functional.one_hot(batch["y"], 3), 1.0)
        part = shard.prepared("same", lambda data: data) if prepared else shard
        for round in range(ROUNDS):
            shard.begin(round + 1)
            for _ in range(STEPS):
                part.step(self.module, optimizer, loss_of, lambda module: 1e-3 * module[0].weight.square().sum())

    @property
    def finding(self):
        return found(self.member, {"gradients": ranked(self.witness.score, 0.75)}, 1.0, 1e-5)

    @property
    def caught(self):
        entries = [
            {"stage": m.stage, "mechanism": m.kind, "sampling_rate": m.rate, "count": m.count} for m in self.book.entries()
        ]
        return list(violations({"entries": entries, "observed": self.draws.stages}))


run_of = cache(Run)


def test_honest_steps_are_refuted_by_neither():
    run = run_of("none")
    assert 0.9 < run.book.epsilon() <= 1.0
    assert run.finding.epsilon_lower <= 1.0
    assert run.caught == []


@pytest.mark.parametrize("fault", ["no-noise", "no-clipping"])
def test_canaries_refute_a_claim_without_noise_or_without_clipping(fault):
    run = run_of(fault)
    assert run.finding.epsilon_lower > 1.0
    assert run.finding.violated
    assert run.caught == []  # the ledger is right about what was drawn: only an attack can tell


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("wrong-rate", "patients on average"),
        ("fixed-batches", "whose size varies by"),
        ("uncharged", "60 draws were taken, 30 charged"),
        ("rebuilt-accountant", "60 draws were taken, 10 charged"),
    ],
)
def test_the_ledger_check_catches_what_canaries_need_not(fault, words):
    assert any(words in line for line in run_of(fault).caught)


def test_every_fault_still_trains_and_is_charged_what_it_claims():
    for fault in SHARDS:
        spent = run_of(fault).book.spent.get(("stage2", "step"))
        assert spent == {"uncharged": ROUNDS * STEPS // 2, "rebuilt-accountant": STEPS}.get(fault, ROUNDS * STEPS), fault


def test_looking_on_changes_no_weight():
    seen, unseen = run_of("none"), Run(watched=False)
    assert all(torch.equal(a, b) for a, b in zip(seen.module.parameters(), unseen.module.parameters(), strict=True))


def test_a_prepared_shard_prepares_its_witness_and_counts_on():
    plain, prepared = run_of("no-noise"), Run("no-noise", prepared=True)
    assert prepared.witness.score == pytest.approx(plain.witness.score)
    assert np.abs(prepared.witness.score).max() > 1


def test_coefficients_of_a_sum_without_noise_are_what_was_summed():
    rng = torch.Generator().manual_seed(0)
    common = torch.randn(1, 400, generator=rng)
    gradients = torch.randn(60, 400, generator=rng) + 2 * common  # nearly collinear, as those of one network are
    drawn = (torch.rand(60, generator=rng) < 0.3).float()
    drawn[40:] = 1
    seen = nn.functional.normalize(gradients, dim=1).T @ drawn
    score = coefficients(gradients, 40, seen)
    assert score[drawn[:40] == 1].min() > score[drawn[:40] == 0].max() + 0.9


def test_noise_alone_is_a_coefficient_of_nobody():
    rng = torch.Generator().manual_seed(1)
    gradients = torch.randn(50, 400, generator=rng)
    score = coefficients(gradients, 40, torch.randn(400, generator=rng))
    assert np.abs(score).max() < 1


def test_the_real_shard_is_what_an_audit_without_a_fault_opens():
    assert SHARDS["none"] is LocalShard
