"""Attacks above what an epsilon permits, and releases that lie nearer to held-out patients."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from fpmg_bench.audit.flags import flags, permitted


def row(value: float, low: float, high: float, metric: str = "membership.worst", **more: Any) -> dict[str, Any]:
    reading = {"family": "PG", "unit": "AUROC", "best": 0.5} if not metric.startswith("rg") else {"family": "RG", "unit": "ratio"}
    found = {"metric": metric, "status": "ok", "scope": "all", "value": value, "low": low, "high": high, "modality": None}
    return found | reading | more


def trial(*rows: dict[str, Any], epsilon: float | None = 1.0, **more: Any) -> dict[str, Any]:
    spec = {"generator": {"name": "mixture"}, "control": None, "partition": {"kind": "natural"}}
    claimed = None if epsilon is None else {"epsilon": epsilon, "delta": 1e-5}
    found = {"id": "c/m/0", "dataset": "c", "method": "m", "spec": spec, "privacy": claimed, "bytes": {"messages": 4}}
    return found | {"scores": list(rows)} | more


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 0.0), (0.1, 1e-4), (1.0, 1e-5), (3.0, 0.01), (8.0, 1e-4)])
def test_what_is_permitted_is_the_area_above_the_trade_off(epsilon: float, delta: float) -> None:
    """Kairouz et al. 2015, integrated numerically."""

    def missed(alarms: float) -> float:
        return max(0.0, 1 - delta - math.exp(epsilon) * alarms, math.exp(-epsilon) * (1 - delta - alarms))

    kink = (1 - delta) / (1 + math.exp(epsilon))
    below = quad(missed, 0, 1, points=[kink, 1 - delta] if delta else [kink], limit=200)[0]
    assert permitted(epsilon, delta) == pytest.approx(1 - below, abs=1e-9)


def test_randomised_response_reaches_what_is_permitted() -> None:
    """The mechanism that is as leaky as epsilon allows: a bit told truly with probability e^eps / (1 + e^eps)."""
    truth = math.exp(1.0) / (1 + math.exp(1.0))
    assert permitted(1.0, 0.0) == pytest.approx(truth)  # two values: AUROC is (1 + TPR - FPR) / 2 = truth


def test_an_attack_is_flagged_where_its_lower_limit_is_above() -> None:
    assert not list(flags([trial(row(0.9, 0.73, 0.95))]))
    (flag,) = flags([trial(row(0.9, 0.74, 0.95))])
    assert (flag.trial, flag.held_out) == ("c/m/0", False)
    assert "at least 0.740; epsilon 1 at delta 1e-05 permits 0.731" in flag.text
    assert not list(flags([trial(row(0.9, 0.74, 0.95), epsilon=3.0)]))
    assert not list(flags([trial(row(0.9, 0.74, 0.95), epsilon=None)]))


def test_of_many_scores_and_seeds_each_has_its_part_of_the_confidence() -> None:
    """.80 less .05 is above .731 alone; of 100 together the half-width is 1.775 times as wide (3.48 / 1.96): .711 is not."""
    one = row(0.80, 0.75, 0.85)
    assert len(list(flags([trial(one)]))) == 1
    assert not list(flags([trial(*[one] * 10)] * 10))
    wider = NormalDist().inv_cdf(1 - 0.05 / 200) / NormalDist().inv_cdf(0.975)
    assert 0.80 - 0.05 * wider == pytest.approx(0.711, abs=1e-3)
    other = trial(*[one] * 10) | {"method": "n"}
    assert len(list(flags([trial(one), *[other] * 10]))) == 1  # another method's do not count


def test_honest_attacks_are_hardly_ever_flagged() -> None:
    """AUROC of 100 guesses a side, bootstrap-like intervals, epsilon 0: 5 % of all families of 20 at most, by either flag."""
    rng = np.random.default_rng(0)
    error = 0.041
    drawn = rng.normal(0.5, error, (1000, 20))
    wrong = sum(
        bool(list(flags([trial(*(row(v, v - 1.96 * error, v + 1.96 * error) for v in values), epsilon=0.0)]))) for values in drawn
    )
    assert wrong <= 50


def test_held_out_patients_were_seen_where_the_release_is_nearer_to_them() -> None:
    (flag,) = flags([trial(row(0.1, 0.05, 0.2), row(6.0, 4.0, 9.0, "rg.copy_ratio"), epsilon=None)])
    assert flag.held_out
    assert flag.text.startswith("held-out patients were seen: membership.worst is AUROC 0.100")
    assert "(1 more such score)" in flag.text
    (flag,) = flags([trial(row(2.0, 1.6, 2.4, "rg.copy_ratio"), epsilon=None)])
    assert flag.held_out
    assert not list(flags([trial(row(0.45, 0.38, 0.52), row(1.02, 0.95, 1.1, "rg.copy_ratio"), epsilon=None)]))


@pytest.mark.parametrize(
    "other",
    [
        {"spec": {"generator": None, "control": "copy", "partition": {"kind": "natural"}}},
        {"spec": {"generator": {"name": "m"}, "control": "copy", "partition": {"kind": "natural"}}},
        {"bytes": {"messages": 0}, "spec": {"generator": {"name": "m"}, "partition": {"kind": "dirichlet"}}, "silos": [1, 2]},
    ],
    ids=["a control", "a control through encoders", "silos made unlike that share nothing"],
)
def test_what_explains_itself_otherwise_is_not_flagged(other: dict[str, Any]) -> None:
    assert not list(flags([trial(row(0.99, 0.98, 1.0)) | other]))


@pytest.mark.parametrize(
    "more", [{"scope": "silo:a"}, {"metric": "pg.attack_own"}, {"status": "failed"}, {"low": None}, {"best": 1.0}]
)
def test_scores_that_tell_silos_apart_or_have_no_interval_say_nothing(more: dict[str, Any]) -> None:
    assert not list(flags([trial(row(0.99, 0.98, 1.0) | more)]))


def test_made_up_patients_of_an_audit_are_no_sign_of_held_out_ones() -> None:
    assert not list(flags([trial(row(0.1, 0.05, 0.2), epsilon=None, audit={"canaries": 60})]))


def same(members: int, others: int, patients: int = 200) -> dict[str, Any]:
    return {"image": {"patients": patients, "members": members, "others": others}}


@pytest.mark.parametrize(
    ("members", "others", "epsilon", "flagged"),
    [(16, 0, 1.0, True), (8, 0, 1.0, False), (16, 0, 8.0, False), (70, 30, 1.0, False), (70, 30, 0.0, True), (90, 4, 1.0, True)],
)
def test_values_of_training_patients_are_guesses_that_epsilon_bounds(
    members: int, others: int, epsilon: float, flagged: bool
) -> None:
    """At epsilon 1 a guess is right with .731: 16 of 16 by chance in .7 % of all cases, 8 of 8 in 8 %."""
    found = list(flags([trial(epsilon=epsilon, equal=same(members, others))]))
    assert bool(found) == flagged
    if flagged:
        (flag,) = found
        assert not flag.held_out and f"image of {members} of 200 training patients was released as it is" in flag.text
    assert not list(flags([trial(epsilon=None, equal=same(members, others))]))


def test_values_of_held_out_patients_say_that_they_were_seen() -> None:
    (flag,) = flags([trial(epsilon=None, equal=same(1, 12))])
    assert flag.held_out and "image of 12 of 200 held-out patients" in flag.text
    assert not list(flags([trial(epsilon=None, equal=same(3, 8))]))
    assert not list(flags([trial(epsilon=None, equal=same(0, 12), audit={"canaries": 60})]))
    assert not list(flags([trial(epsilon=None, equal=same(0, 12), spec={"generator": None, "control": "copy"})]))


def test_chance_equality_is_hardly_ever_flagged() -> None:
    """A table of few categories equals as many of either side: 400 families of 20 trials, epsilon 1, 5 % flagged at most."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        matched = rng.integers(1, 60, 20)
        family = [
            trial(epsilon=1.0, equal=same(int(m), int(k - m))) for k, m in zip(matched, rng.binomial(matched, 0.5), strict=True)
        ]
        wrong += bool(list(flags(family)))
    assert wrong <= 20


def test_of_few_patients_a_chance_result_is_no_flag_however_sure_it_looks() -> None:
    """The farthest 26 patients of 160, epsilon .1, one of ten seeds: AUROC .745, where chance has a spread of .081."""
    lucky = row(0.745, 0.632, 0.85, "membership.vulnerable", n=26)
    family = [trial(*[row(0.5, 0.4, 0.6, n=56)] * 20, lucky, epsilon=0.0995)]
    assert not list(flags(family))
    assert list(flags([trial(*[row(0.5, 0.4, 0.6, n=560)] * 20, lucky | {"n": 260}, epsilon=0.0995)]))
