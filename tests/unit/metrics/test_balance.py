"""Balance under its controls: swapped labels, a lost minority, conditions that are not followed."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.balance import conditions
from fpmg_plugins.metrics.balance.balance import Balance

from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for


@pytest.fixture(scope="module")
def prepared():
    dataset = Phantom(patients=1500, silos=3, modalities=("table", "series"))
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


def release(prepared, control, strength=1.0):
    dataset, made, _ = prepared
    return CONTROLS[control](made.train, dataset, strength, rng_for(0, control))


def measured(prepared, cohort):
    _, made, space = prepared
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    evidence = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: cohort})
    found = Balance(resamples=50)(evidence, rng_for(0, "m"))
    return {(s.key, s.scope): s for s in found if not s.scope.startswith("silo:")}


def test_the_simulator_itself_gives_what_was_asked_for(prepared):
    found = measured(prepared, release(prepared, "oracle"))
    assert found["balance", "all"].value < 0.05
    assert found["balance.mixture", "all"].value < 0.04
    assert found["balance.minority", "all"].value == pytest.approx(found["balance.minority", "all"].floor, abs=0.15)


def test_swapped_labels_are_further_from_what_was_asked_step_by_step(prepared):
    values = [measured(prepared, release(prepared, "label-swap", s))["balance", "all"].value for s in (0.0, 0.25, 0.5, 1.0)]
    assert values == sorted(values)
    assert values[-1] > values[0] + 0.3


def test_a_lost_minority_is_not_reached(prepared):
    good, lost = (measured(prepared, release(prepared, c))["balance.minority", "all"] for c in ("oracle", "drop-minority"))
    assert lost.high < good.low


def test_conditions_that_are_not_followed_are_read_no_better_than_by_chance(prepared):
    good = release(prepared, "oracle")
    wrong = good.condition.copy()
    wrong[:, 1:] = wrong[np.random.default_rng(0).permutation(len(wrong)), 1:]
    before, after = (measured(prepared, cohort) for cohort in (release(prepared, "copy"), replace(good, condition=wrong)))
    keys = [where for where in before if where[1].startswith("condition:")]
    assert keys
    for where in keys:
        chance = 0.5 if where[0] == "balance.flags" else 0.0
        assert abs(after[where].value - chance) < 0.15 < before[where].value - chance


def test_combinations_are_rare_below_five_percent_and_from_two_records_on():
    cohort = Phantom(patients=400, silos=2, modalities=("table",)).load()
    counts = {}
    for found in conditions.combinations(cohort):
        counts[found] = counts.get(found, 0) + 1
    expected = {found for found, n in counts.items() if 2 <= n < 20}
    assert conditions.rare(cohort) == expected


def test_what_a_silo_cannot_say_is_told_of_that_score_and_of_no_other(prepared):
    _, made, space = prepared
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    short = release(prepared, "oracle")
    bare = replace(short, condition=np.column_stack([short.condition[:, 0], np.full((len(short), 2), np.nan)]))
    evidence = Measured(**parts, third=None, space=space, silo_names=("a", "b"), released={0: short, 1: bare})
    found = Balance(resamples=20)(evidence, rng_for(0, "m"))
    assert {s.scope for s in found if s.key == "balance"} >= {"silo:a", "silo:b"}
    assert ("balance.flags", "silo:b") in {(gap.key, gap.scope) for gap in evidence.gaps}
    assert "balance" not in {gap.key for gap in evidence.gaps} and "*" not in {gap.key for gap in evidence.gaps}


def test_an_even_sample_reaches_more_of_the_minority_than_one_without_it(prepared):
    _, made, space = prepared
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    lost = release(prepared, "drop-minority")
    evidence = Measured(
        **parts, third=None, space=space, silo_names=("a",), released={0: lost}, balanced={0: release(prepared, "oracle")}
    )
    found = {s.key: s for s in Balance(resamples=20, even=True)(evidence, rng_for(0, "m")) if s.scope == "all"}
    assert found["balance.minority"].high < found["balance.minority.even"].low
    assert found["balance.minority"].floor == found["balance.minority.even"].floor
