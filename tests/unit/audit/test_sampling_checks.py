"""The ledger check of drawn batches: no false alarm on Poisson samples, and an alarm for every other way of drawing."""

import numpy as np
import pytest
from scipy.stats import binom

from fpmg_bench.audit.sampling_checks import tail, violations
from fpmg_bench.privacy import Draws


def silo(sizes, planned, charged=None, rate=None, patients=None, **seen):
    sizes = np.asarray(sizes)
    patients = patients or sum(size for size, _ in planned)
    charged = len(sizes) if charged is None else charged
    rate = rate or max(q for _, q in planned)
    counted = {"patients": patients, "draws": len(sizes), "drawn": int(sizes.sum()), "squares": int((sizes**2).sum())}
    return {
        "entries": [{"stage": "stage2", "mechanism": "step", "sampling_rate": rate, "count": charged}],
        "observed": {"stage2": {**counted, "moments": 0, "counts": 0, "planned": planned, **seen}},
    }


def sizes(planned, n, seed=0):
    rng = np.random.default_rng(seed)
    return sum(rng.binomial(size, rate, n) for size, rate in planned)


def test_poisson_samples_raise_no_alarm():
    rng = np.random.default_rng(3)
    for seed in range(60):
        planned = [[int(rng.integers(20, 300)), float(rng.uniform(0.01, 0.5))] for _ in range(int(rng.integers(1, 3)))]
        assert list(violations(silo(sizes(planned, int(rng.integers(1, 200)), seed), planned))) == []


ONE, TWO = [[300, 0.1]], [[270, 0.06], [30, 0.5]]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (silo([30] * 8, ONE), "8 batches whose size varies by 0, Poisson samples at the planned rate by 27"),
        (silo([31] * 12, TWO), "whose size varies by"),
        (silo(sizes([[300, 0.2]], 5), ONE), "patients on average, Poisson samples at the planned rate have 30"),
        (silo(sizes([[300, 0.12]], 80), ONE), "on average"),
        (silo(sizes([[300, 0.08]], 80), ONE), "on average"),
        (silo([0, 60] * 20, ONE), "whose size varies by 900"),
        (silo(sizes(ONE, 80), ONE, charged=40), "80 draws were taken, 40 charged"),
        (silo(sizes(ONE, 80), ONE, charged=8), "80 draws were taken, 8 charged"),
        (silo(sizes(ONE, 80), ONE, counts=1), "1 counts were taken, 0 charged"),
        (silo(sizes(ONE, 80), ONE, moments=2), "2 moments were taken, 0 charged"),
        (silo(sizes(ONE, 80), ONE, rate=0.05), "charged at rate 0.05, planned at 0.1"),
        (silo(sizes(ONE, 80), ONE, patients=280), "planned for 300 patients, opened on 280"),
    ],
)
def test_every_other_way_of_drawing_is_caught(found, words):
    lines = list(violations(found))
    assert any(words in line for line in lines), lines


def test_rates_by_class_are_judged_as_they_were_planned():
    """Two classes at rates of their own draw fewer patients than all at the charged (larger) rate would."""
    assert list(violations(silo(sizes(TWO, 200), TWO))) == []
    assert any("on average" in line for line in violations(silo(sizes(TWO, 200), [[300, 0.5]])))


def test_a_stage_that_was_never_opened_and_an_old_ledger_say_nothing():
    never = {"patients": 0, "draws": 0, "drawn": 0, "squares": 0, "moments": 0, "counts": 0, "planned": [[300, 0.1]]}
    assert list(violations({"entries": [], "observed": {"stage1:table": never}})) == []
    assert list(violations({"entries": []})) == []


@pytest.mark.parametrize("total", [250, 290, 300, 330, 380])
def test_the_tail_is_an_upper_bound_of_the_exact_one_and_not_far_from_it(total):
    chance = binom.pmf(np.arange(101), 100, 0.3)
    exact = binom.sf(total - 1, 1000, 0.3) if total >= 300 else binom.cdf(total, 1000, 0.3)
    bound = tail(chance, np.arange(101.0), 10, total)
    assert exact <= bound * (1 + 1e-9)
    assert bound <= 1.0
    assert total == 300 or np.log(bound) > np.log(exact) - 1e-9 > np.log(bound) - 3.5


def test_a_patient_is_planned_at_the_largest_rate_of_their_records():
    draws = Draws()
    draws.plan("stage2", np.array([7, 7, 8, 9]), np.array([0.1, 0.3, 0.1, 0.1]))
    assert draws.stages["stage2"]["planned"] == [[2, 0.1], [1, 0.3]]


def test_counts_survive_a_checkpoint():
    draws, again = Draws(), Draws()
    draws.plan("stage2", np.arange(10), 0.5)
    draws.draw("stage2", 10, 4)
    draws.access("stage2", 10, "counts")
    again.recall(draws.stages)
    again.draw("stage2", 10, 5)
    expected = {
        "patients": 10,
        "draws": 2,
        "drawn": 9,
        "squares": 41,
        "moments": 0,
        "counts": 1,
        "left_out": 0,
        "planned": [[10, 0.5]],
    }
    assert again.stages["stage2"] == expected
    assert draws.stages["stage2"]["draws"] == 1
