"""Targets, and the attack that is chosen on one half of them and scored on the other."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.metrics.privacy.targets import LEAST, Targets, matched
from fpmg_plugins.metrics.privacy.worst_attack import Tried

from fpmg_bench.errors import NotApplicable
from fpmg_bench.testing import fakes


def relabelled(cohort, label):
    return replace(cohort, condition=np.column_stack([label, cohort.condition[:, 1]]).astype(float))


def targets(n):
    """n members and n others of one label, halves in turn."""
    return Targets(np.arange(2 * n), np.arange(2 * n) < n, np.zeros(2 * n, int), np.arange(2 * n) % 2)


def tried(scores, n, draws=50):
    who = targets(n)
    return Tried(who, {(name, None): score for name, score in scores.items()}, who.weights(draws, 0))


def test_as_many_members_as_others_of_every_label_in_equal_halves():
    members = relabelled(fakes.cohort(200, 0, ("table",)), np.arange(200) % 4 == 0)
    others = relabelled(fakes.cohort(100, 1, ("table",), offset=1000), np.arange(100) % 2)
    found = matched(members, others, 3)
    sizes = {
        (label, member, half): int(((found.label == label) & (found.member == member) & (found.half == half)).sum())
        for label in (0, 1)
        for member in (True, False)
        for half in (0, 1)
    }
    assert set(sizes.values()) == {25}  # 50 of each label among the others, 50 of label 1 among the members


def test_too_few_patients_of_common_labels_are_said_so():
    members = relabelled(fakes.cohort(100, 0, ("table",)), np.arange(100) < LEAST - 1)
    others = relabelled(fakes.cohort(100, 1, ("table",), offset=1000), np.ones(100))
    with pytest.raises(NotApplicable, match=f"{LEAST - 1} members"):
        matched(members, others, 0)


def test_a_patient_scores_as_their_likeliest_record():
    who = Targets(np.array([3, 5, 9]), np.array([True, False, False]), np.zeros(3, int), np.zeros(3, int))
    found = who.most(np.array([5, 5, 3, 7, 9]), np.array([1.0, 4.0, np.nan, 8.0, -2.0]))
    np.testing.assert_array_equal(found, [np.nan, 4.0, -2.0])


def test_the_best_of_many_guesses_guesses():
    """Fifty attacks that know nothing: the largest AUC is far above .5, the one chosen on the other half is not."""
    n, worst, largest = 100, [], []
    for seed in range(40):
        scores = {str(i): score for i, score in enumerate(np.random.default_rng(seed).normal(size=(50, 2 * n)))}
        found = tried(scores, n, 1)
        worst.append(found.worst()[0][0])
        largest.append(max(found.area(name)[0][0] for name in found.scores))
    assert np.mean(largest) > 0.57
    assert np.mean(worst) == pytest.approx(0.5, abs=0.02)


def test_the_attack_that_knows_is_chosen_and_has_its_textbook_area():
    n = 2000
    rng = np.random.default_rng(0)
    knows = rng.normal(size=2 * n) + (np.arange(2 * n) < n)
    found = tried({"knows": knows, "guesses": rng.normal(size=2 * n)}, n, 200)
    area, patients = found.worst()
    assert patients == n
    assert area[0] == pytest.approx(0.760, abs=0.02)  # Phi(1 / sqrt 2)
    assert area[1:].std() == pytest.approx(0.0075, rel=0.25)  # Hanley and McNeil 1982
    assert found.advantage()[0] == pytest.approx(0.383, abs=0.03)  # 2 Phi(1 / 2) - 1
    assert found.tpr()[0] == pytest.approx(0.092, abs=0.03)  # 1 - Phi(z_.99 - 1)


def test_advantage_of_a_guess_is_none_though_the_largest_difference_is_positive():
    n = 100
    found = [tried({"guess": np.random.default_rng(seed).normal(size=2 * n)}, n, 1).advantage()[0] for seed in range(60)]
    assert np.mean(found) == pytest.approx(0.0, abs=0.04)


def test_no_true_positive_rate_below_a_thousand_non_members_to_set_the_threshold_on():
    assert tried({"a": np.arange(1998.0)}, 999).tpr() is None


def test_patients_unknown_to_an_attack_are_no_evidence_for_it():
    n = 100
    score = np.where(np.arange(2 * n) % 4 < 2, np.nan, np.arange(2 * n) < n)
    area, known = tried({"a": score}, n).area(("a", None))
    assert (area[0], known) == (1.0, 50)
    with pytest.raises(NotApplicable, match="0 members"):
        tried({"a": np.full(2 * n, np.nan)}, n).area(("a", None))
    with pytest.raises(NotApplicable, match="no attack knows"):
        tried({"a": np.full(2 * n, np.nan)}, n).worst()


def test_intervals_hold_a_half_where_nothing_leaks_although_an_attack_was_chosen():
    """56 patients a side, three looks that have half of their variance in common: 90 of 100 intervals did, given the choice alone."""
    n, held, rng = 56, 0, np.random.default_rng(0)
    for _ in range(150):
        common = rng.normal(size=2 * n)
        looks = {name: common + rng.normal(size=2 * n) for name in "abc"}
        draws = tried(looks, n, draws=100).worst()[0][1:]
        low, high = np.quantile(draws, (0.025, 0.975))
        held += bool(low <= 0.5 <= high)
    assert held >= 143
