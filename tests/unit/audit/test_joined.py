"""Canaries of several runs in one bound: against closed forms, against a mechanism that meets its epsilon."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from fpmg_bench.audit.bound import ceiling, lower_bound, needed, p_value
from fpmg_bench.audit.finding import Finding, found
from fpmg_bench.audit.joined import claims, joined


def trial(seed: int, right: int, formal: float = 1.0, guesses: int = 150, method: str = "m", **more: Any) -> dict[str, Any]:
    told = {"gradients": {"guesses": guesses, "correct": right}}
    audit = Finding(200, guesses, right, 0.0, 4.0, formal, 1e-5, "gradients", scorers=told).record() | more
    spec = {"dataset_name": "c", "method": method, "seed": seed, "privacy": {"epsilon": formal}, "audit": {"canaries": 200}}
    return {"id": f"c/{method}/{seed}", "spec": spec, "audit": audit}


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 3.0, 6.0, 8.0])
def test_how_many_canaries_it_takes_has_a_closed_form_without_delta(epsilon: float) -> None:
    assert needed(epsilon, 0.0) == math.ceil(math.log(20) / math.log1p(math.exp(-epsilon)))


@pytest.mark.parametrize(("epsilon", "delta", "share"), [(1.0, 1e-5, 0.75), (3.0, 1e-4, 1.0), (6.0, 1e-6, 0.75)])
def test_so_many_refute_and_one_fewer_does_not(epsilon: float, delta: float, share: float) -> None:
    n = needed(epsilon, delta, share)
    assert n is not None
    assert p_value(n, round(share * n), round(share * n), epsilon, delta) < 0.05
    assert p_value(n - 1, round(share * (n - 1)), round(share * (n - 1)), epsilon, delta) >= 0.05


def test_a_large_delta_lets_no_number_of_canaries_refute_a_large_epsilon() -> None:
    assert needed(8.0, 1e-4) is None
    assert max(ceiling(n, n, 1e-4) for n in (500, 1000, 2000, 5000, 10000, 50000)) < 6.0


def test_runs_are_added_up() -> None:
    group = [trial(seed, right) for seed, right in enumerate((118, 120, 122))]
    one = joined(group)
    assert one is not None
    assert (one.runs, one.canaries, one.guesses, one.correct) == (3, 600, 450, 360)
    assert one.epsilon_lower == pytest.approx(lower_bound(600, 450, 360, 1e-5, 0.975))
    assert one.violated
    alone = max(lower_bound(200, 150, right, 1e-5, 1 - 0.025 / 3) for right in (118, 120, 122))
    assert alone < 1 < one.epsilon_lower < 1.2  # what no seed shows alone


def test_five_runs_reach_further_than_one_and_say_what_more_would_take() -> None:
    five = joined([trial(seed, 90, formal=8.0) for seed in range(5)])
    assert five is not None
    assert five.ceiling == pytest.approx(ceiling(1000, 750, 1e-5, 0.975))
    assert five.ceiling > ceiling(200, 150, 1e-5) + 1
    assert five.words == "not falsifiable by these: at this delta no number of canaries could"
    few = joined([trial(seed, 20, formal=3.0, guesses=30) for seed in range(2)])
    assert few is not None and few.needed == needed(3.0, 1e-5, 0.15, 0.975)
    assert few.words == f"not falsifiable by these: it takes {few.needed} canaries"


def test_a_seed_counts_once_and_other_claims_are_others() -> None:
    groups = claims([trial(0, 80), trial(1, 80), trial(0, 150), trial(0, 80, method="n"), trial(0, 80, formal=3.0)])
    assert [[each["id"] for each in group] for group in groups] == [["c/m/0", "c/m/1"], ["c/n/0"], ["c/m/0"]]
    assert groups[0][0]["audit"]["correct"] == 80
    assert joined(groups[1]) is None


def test_older_audits_that_tell_the_worst_scorer_alone_are_not_joined() -> None:
    """The best of two, chosen by its result, cannot be added up."""
    old = [trial(seed, 120, scorers={}, tried=2) for seed in range(3)]
    assert joined(old) is None
    assert joined([trial(seed, 120, scorers={}, tried=1) for seed in range(3)]) is not None


def test_a_mechanism_that_meets_epsilon_1_is_refuted_in_few_of_300_families() -> None:
    """Randomised response on every coin, two scorers, five seeds: 2.5 % by the joined audits at most, 5 % with each alone."""
    rng = np.random.default_rng(0)
    truth = math.e / (1 + math.e)
    wrong = 0
    for _ in range(300):
        runs = []
        for seed in range(5):
            member = rng.random(60) < 0.5
            guess = {name: np.where(rng.random(60) < truth, member, ~member) * 2 - 1 for name in ("gradients", "distance")}
            audit = found(member, {name: each.astype(np.int8) for name, each in guess.items()}, 1.0, 0.0).record()
            runs.append(trial(seed, 0) | {"audit": audit})
        one = joined(runs)
        assert one is not None
        wrong += one.violated
    assert wrong <= 15
