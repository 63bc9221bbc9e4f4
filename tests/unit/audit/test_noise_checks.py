"""Noise that could be computed, or was met before: found by drawing it again, and by what its keys tell of themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fpmg_bench.audit.noise_checks import violations
from fpmg_bench.audit.sabotage import SHARDS
from fpmg_bench.privacy import Draws, Ledger, Noise
from fpmg_bench.privacy.secrets import Secrets
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges

PATIENTS, ROUNDS, STEPS = 60, 4, 3
PLAN = {"stage2": Charges(private_steps=ROUNDS * STEPS, moments=1, counts=1)}


def observed(fault: str, secure: bool = False, resumed: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """(silo, trial) after training with that fault. resumed: after two rounds by another process, from the same key."""
    torch.manual_seed(0)
    rows = {"x": torch.randn(PATIENTS, 30), "y": torch.arange(PATIENTS) % 2}
    book = Ledger(0, "a", PATIENTS, 0.3, Privacy(1.0, 1e-5, 1.0, secure), Noise(2.0, 4.0, 1.0, secure=secure), PLAN)
    draws, keys, patient = Draws(), Secrets(), np.arange(PATIENTS)
    draws.plan("stage2", patient, 0.3)
    net = nn.Sequential(nn.Linear(30, 24), nn.Tanh(), nn.Linear(24, 1))
    optimizer = torch.optim.SGD(net.parameters(), 0.1)

    def loss(module: Any, batch: Any) -> Any:
        return (module(batch["x"])[:, 0] - batch["y"]).square()

    def shard() -> Any:
        return SHARDS[fault](rows, patient, 0.3, "stage2", book, None, draws, None, keys)

    opened = shard()
    opened.begin(5, "stage2", "silo", 0, "round", -1, "shard")
    opened.moments(lambda data: data["x"], 1.0)
    opened.counts(lambda data: nn.functional.one_hot(data["y"], 2), 1.0)
    for round in range(ROUNDS):
        if resumed and round == 2:
            again = Draws()
            again.recall(draws.stages)
            draws = again
            opened = shard()
        opened.begin(5, "stage2", "silo", 0, "round", round, "shard")
        for _ in range(STEPS):
            opened.step(net, optimizer, loss)
    return {"observed": draws.stages}, {"spec": {"seed": 5, "privacy": {"secure": secure}}}


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("resumed", [False, True])
def test_honest_noise_is_that_of_its_keys(secure: bool, resumed: bool) -> None:
    silo, trial = observed("none", secure, resumed)
    openings = silo["observed"]["stage2"]["openings"]
    assert [each["path"][4] for each in openings] == [-1, 0, 1, 2, 3]
    assert openings[0]["calls"] == [[30, 1], [900, 1], [2, 1]] and openings[1]["calls"] == [[30 * 24 + 24 + 24 + 1, STEPS]]
    assert list(violations(silo, trial)) == []


@pytest.mark.parametrize(
    "fault", ["short-seeds", "replayed-noise", "noise-anew", "continuous-noise", "no-noise", "no-noise-on-sums"]
)
def test_simulated_noise_that_is_not_the_seeds_is_found(fault: str) -> None:
    (line,) = violations(*observed(fault))
    assert "openings is not that of the suite's seed" in line


@pytest.mark.parametrize("fault", ["continuous-noise", "no-noise"])
def test_secure_noise_that_no_key_gave_is_found_by_how_many_words_it_took(fault: str) -> None:
    (line,) = violations(*observed(fault, secure=True))
    assert "words of its keys, at least" in line


@pytest.mark.parametrize("fault", ["short-seeds", "replayed-noise", "noise-anew"])
def test_secure_noise_of_other_keys_is_not_seen(fault: str) -> None:
    """A test that fails once somebody sees it: then docs/privacy-boundary.md has to say so."""
    assert list(violations(*observed(fault, secure=True))) == []


def test_a_key_that_two_openings_have_and_an_opening_that_is_there_twice_are_found() -> None:
    silo, trial = observed("none", secure=True)
    openings = silo["observed"]["stage2"]["openings"]
    openings[2]["mark"] = openings[1]["mark"]
    assert list(violations(silo, trial)) == ["stage2: 1 of 5 openings have the key of another"]
    silo, trial = observed("none", secure=True)
    openings = silo["observed"]["stage2"]["openings"]
    openings[2] |= {"path": openings[1]["path"]}
    assert any("were there before" in line for line in violations(silo, trial))


def test_ledgers_from_before_say_nothing() -> None:
    assert list(violations({"observed": {"stage2": {"patients": 3}}}, {"spec": {"seed": 0, "privacy": {}}})) == []
    assert list(violations({}, {"spec": {"seed": 0, "privacy": None}})) == []
