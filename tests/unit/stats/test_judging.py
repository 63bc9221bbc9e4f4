"""Verdicts on simulated tables: a planted winner, a planted tie, a planted failure, and nothing planted at all."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from fpmg_bench.errors import NotApplicable
from fpmg_bench.stats import Judgement, Pairs, critical_difference, judge, loss, margin

TABLES, SEEDS, RATIO = 200, 5, 0.5
SPREAD = 0.01  # standard deviation of a paired difference of AUROC over seeds, as on the real cohorts
SHARED = RATIO / (1 + RATIO)  # correlation of differences of seeds that share patients (Nadeau & Bengio's approximation)
EFFECT = 0.08  # planted
Losses = Mapping[str, list[float]]


def table(rng: np.random.Generator, means: Mapping[str, float]) -> Losses:
    """method -> loss a seed. A method's error has a part that all seeds share, since they share patients."""
    common = rng.normal(0, 0.03, SEEDS)  # some splits are harder for everybody
    each = SPREAD / math.sqrt(2)
    return {
        name: list(mean + common + each * (math.sqrt(SHARED) * rng.normal() + math.sqrt(1 - SHARED) * rng.normal(size=SEEDS)))
        for name, mean in means.items()
    }


def led(losses: Losses) -> tuple[str, dict[str, Judgement]]:
    """The least mean loss, and what the others are beside it, as the report judges."""
    known = {name: values for name, values in losses.items() if all(map(math.isfinite, values))}
    first = min(known, key=lambda name: float(np.mean(known[name])))
    others = [name for name in losses if name != first]
    pairs = [Pairs([b - a for a, b in zip(losses[first], losses[name], strict=True)], RATIO, 0.02) for name in others]
    return first, dict(zip(others, judge(pairs), strict=True))


def winner(losses: Losses) -> str | None:
    first, others = led(losses)
    return first if all(found.verdict == "worse" for found in others.values() if found.verdict != "not ranked") else None


def share(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


def test_a_planted_winner_is_named_in_95_of_100_tables() -> None:
    rng = np.random.default_rng(0)
    means = {"winner": 0.3, **{f"m{i}": 0.3 + EFFECT for i in range(4)}}
    assert share([winner(table(rng, means)) == "winner" for _ in range(TABLES)]) >= 0.95


def test_of_two_that_tie_neither_wins() -> None:
    rng = np.random.default_rng(1)
    means = {"one": 0.3, "two": 0.3, **{f"m{i}": 0.3 + EFFECT for i in range(3)}}
    assert share([winner(table(rng, means)) is None for _ in range(TABLES)]) >= 0.95


def test_where_nothing_is_planted_nobody_wins() -> None:
    rng = np.random.default_rng(2)
    assert share([winner(table(rng, {f"m{i}": 0.3 for i in range(5)})) is None for _ in range(TABLES)]) >= 0.95


def test_a_planted_failure_is_worse_and_a_failed_method_is_not_ranked() -> None:
    rng = np.random.default_rng(3)
    means = {"failure": 0.3 + EFFECT, "broken": 0.2, **{f"m{i}": 0.3 for i in range(3)}}
    right = []
    for _ in range(TABLES):
        losses = {**table(rng, means)}
        losses["broken"] = [*losses["broken"][:3], math.nan, math.nan]
        first, others = led(losses)
        right.append(first.startswith("m") and others["failure"].verdict == "worse" and others["broken"].verdict == "not ranked")
    assert share(right) >= 0.95


def test_equality_is_only_said_where_the_margin_is_wider_than_the_uncertainty() -> None:
    noise = [0.001, -0.001, 0.002, -0.002, 0.0]
    assert [judge([Pairs(noise, RATIO, m)])[0].verdict for m in (0.02, 0.001, None)] == ["equivalent", "undecided", "undecided"]
    sure = judge([Pairs([0.01 + d / 100 for d in noise], RATIO, 0.02)])[0]
    assert (sure.verdict, sure.p < 0.05) == ("equivalent", True)


def test_a_family_is_adjusted_and_a_score_without_direction_only_differs() -> None:
    pairs = Pairs([0.02, 0.03, 0.025, 0.03, 0.02], RATIO)
    alone, *many = judge([pairs])[0], *judge([pairs, *[Pairs([0.0, 0.1, -0.1, 0.05, -0.05])] * 9])
    assert many[0].p == pytest.approx(10 * alone.p)
    assert judge([Pairs(pairs.differences, RATIO, directed=False)])[0].verdict == "different"


def test_four_seeds_are_not_ranked_and_infinite_losses_say_so() -> None:
    few, infinite = judge([Pairs([0.1] * 4), Pairs([0.1] * 4 + [math.inf])])
    assert few.verdict == infinite.verdict == "not ranked"
    assert "at least 5" in few.reason
    assert "infinite" in infinite.reason


def test_losses_know_ratios_and_directions() -> None:
    assert loss(2.0, None, 1.0, "ratio") == pytest.approx(loss(0.5, None, 1.0, "ratio")) == pytest.approx(math.log(2))
    assert loss(0.0, None, 1.0, "ratio") == math.inf
    assert (loss(0.8, True), loss(0.8, False), loss(0.8, None, math.nan, "p")) == (-0.8, 0.8, None)
    assert loss(0.8, True, 1.0) == pytest.approx(0.2)
    assert loss(-0.3, False, math.nan) == -0.3


def test_an_attack_that_does_worse_than_guessing_has_leaked_nothing() -> None:
    assert loss(0.4, False, 0.5, "AUROC") == loss(0.5, False, 0.5, "AUROC") == 0
    assert loss(0.6, False, 0.5, "AUROC") == pytest.approx(0.1)
    assert (loss(-0.2, False, 0.0, "risk"), loss(1.2, True, 1.0, "ratio")) == (0, 0)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("dg.spread", 0.05), ("co", None), ("membership.worst", 0.03), ("membership.tpr", 0.01), ("density-ratio", 0.03), ("density-ratio.tpr", 0.01),
        ("neighbour.hop_1", 0.03), ("neighbour.rebuilt", 0.05), ("inference.singling_out", 0.03), ("proxies.share", 0.03),
        ("proxies.dcr", 0.05), ("audit.epsilon_lower", 0.25), ("audit.ceiling", None), ("pg.epsilon", None),
    ],
)  # fmt: skip
def test_margins_go_by_the_longest_prefix(metric: str, expected: float | None) -> None:
    assert margin(metric) == expected
    assert margin(metric, {metric: 0.5}) == 0.5


def test_the_critical_difference_is_demsars() -> None:
    """Demsar 2006, table 5: q = 2.728 for 5 classifiers; his example of 4 on 14 datasets: 2.569 sqrt(4 x 5 / (6 x 14)) = 1.25."""
    assert critical_difference(5, 30) == pytest.approx(2.728 * math.sqrt(5 * 6 / (6 * 30)), rel=1e-3)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.01)
    with pytest.raises(NotApplicable, match="at least 6"):
        critical_difference(4, 5)
