"""Guesses that were fixed in advance, and words that never say more than was shown."""

import math

import numpy as np
import pytest

from fpmg_bench.audit.bound import JOINED, lower_bound, together
from fpmg_bench.audit.finding import closeness, copied, found, ranked
from fpmg_bench.evaluation import EvaluationSpace
from fpmg_bench.testing import fakes


def test_the_highest_are_in_the_lowest_out_and_the_middle_is_left_open():
    guess = ranked(np.array([3.0, -1.0, 0.5, 9.0, 0.4, 0.0, 7.0, -5.0]), 0.5)
    assert guess.tolist() == [0, -1, 0, 1, 0, 0, 1, -1]
    assert (ranked(np.random.default_rng(0).normal(size=200), 1.0) == 1).sum() == 100


def test_a_copy_is_told_from_a_stranger():
    train, others = fakes.cohort(90, 0, ("table", "image")), fakes.cohort(40, 1, ("table", "image"))
    space = EvaluationSpace.fit(train, 0)
    canaries = others
    score = closeness(canaries, [train, others.take(np.arange(20))], train, space)
    assert copied(score).tolist() == [1] * 20 + [-1] * 20


def test_fresh_patients_bound_nothing_in_94_of_100_runs():
    """Coins are tossed anew 200 times for a release that nobody's coin could change."""
    train, canaries = fakes.cohort(90, 0, ("table",)), fakes.cohort(100, 1, ("table",))
    score = closeness(canaries, [fakes.cohort(90, 2, ("table",))], train, EvaluationSpace.fit(train, 0))
    coins = np.random.default_rng(0).random((200, 100)) < 0.5
    for guess in (copied(score), ranked(score, 0.5)):
        right = ((guess == 1) == coins)[:, guess != 0].sum(1)
        zero = {int(v): lower_bound(100, int((guess != 0).sum()), int(v), 1e-5) == 0 for v in np.unique(right)}
        assert np.mean([zero[int(v)] for v in right]) >= 0.94


@pytest.mark.parametrize(
    ("right", "formal", "words"),
    [
        (200, math.inf, "no epsilon is claimed"),
        (200, 1.0, "VIOLATION: the lower bound is above the formal epsilon"),
        (100, 1.0, "not refuted"),
        (100, 8.0, "not falsifiable by this audit"),
        (200, 8.0, "not falsifiable by this audit"),
    ],
)
def test_words(right, formal, words):
    member = np.arange(200) < 100
    guess = np.where(member, 1, -1)
    guess[right:] *= -1
    result = found(member, {"gradients": guess.astype(np.int8)}, formal, 1e-5)
    assert (result.correct, result.guesses, result.words) == (right, 200, words)
    assert result.violated == words.startswith("VIOLATION")
    assert "pass" not in result.words.lower()


def test_open_guesses_count_neither_way_and_lower_the_ceiling():
    member = np.arange(200) < 100
    half = found(member, {"distance": ranked(np.where(member, 1.0, -1.0), 0.5)}, 1.0, 1e-5)
    whole = found(member, {"distance": ranked(np.where(member, 1.0, -1.0), 1.0)}, 1.0, 1e-5)
    assert (half.guesses, half.correct) == (100, 100)
    assert 3.0 < half.ceiling == half.epsilon_lower < whole.ceiling < 4.3
    assert {s.key: s.value for s in half.scores()} == {
        "audit.epsilon_lower": half.epsilon_lower, "audit.ceiling": half.ceiling,
        "audit.correct": 100, "audit.guesses": 100, "audit.canaries": 200,
    }  # fmt: skip


def test_the_worse_of_two_scorers_is_taken_and_they_share_the_confidence():
    """Gradients that tell nothing do not hide a release that is the canaries: 100 of 100 right at 97.5 % are 3.27 at 95 % less .2."""
    member = np.arange(200) % 2 == 0
    blind = ranked(np.arange(200) % 4 < 2, 0.75)
    both = found(member, {"gradients": blind, "distance": ranked(np.where(member, 1.0, -1.0), 0.5)}, 1.0, 1e-5)
    alone = found(member, {"distance": ranked(np.where(member, 1.0, -1.0), 0.5)}, 1.0, 1e-5)
    assert (both.scorer, both.correct, both.tried, both.violated) == ("distance", 100, 2, True)
    assert both.epsilon_lower == pytest.approx(lower_bound(200, 100, 100, 1e-5, 0.975))
    assert 1 < both.epsilon_lower < alone.epsilon_lower
    assert together(both.record(), 3)[0] == pytest.approx(lower_bound(200, 100, 100, 1e-5, 1 - 0.05 * (1 - JOINED) / 6))


def test_a_scorer_that_finds_nothing_leaves_the_first_ones_ceiling():
    member = np.arange(200) % 2 == 0
    blind = np.arange(200) % 4 < 2
    result = found(member, {"gradients": ranked(blind, 0.75), "distance": ranked(blind, 0.5)}, 1.0, 1e-5)
    assert (result.scorer, result.epsilon_lower, result.guesses) == ("gradients", 0.0, 150)
