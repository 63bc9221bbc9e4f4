"""A number that is the label is asked for within its stratum, as patients have it; the time of an event as its event has it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from fpmg_bench import strata
from fpmg_bench.conditions import Layout
from fpmg_bench.testing import fakes
from fpmg_bench.trial import requested
from fpmg_bench.types import Column

RNG = np.random.default_rng(0)
STAY = Column("days", "number", low=0.0, high=60.0, step=0.5)
CUTS = (1.0, 2.5, 5.0, 10.0)
DAYS = np.round(RNG.lognormal(1.0, 0.9, 3000).clip(0, 60) * 2) / 2
BASE = fakes.cohort(3000, modalities=("table",))
COHORT = replace(
    BASE, conditions=(strata.label_of(STAY, CUTS), STAY), condition=np.column_stack([strata.stratum(DAYS, CUTS), DAYS])
)


def test_numbers_lie_in_the_stratum_that_was_asked_for_and_follow_the_patients():
    made = requested.mixture(COHORT, np.sort(COHORT.label), 0)
    assert np.array_equal(strata.stratum(made[:, 1], CUTS), made[:, 0])
    assert np.array_equal(np.round(made[:, 1] * 2) / 2, made[:, 1]) and made[:, 1].max() <= 60
    assert ks_2samp(made[:, 1], DAYS).statistic < 0.03
    even = requested.uniform(COHORT, np.sort(COHORT.label), 0)
    assert np.array_equal(strata.stratum(even[:, 1], CUTS), even[:, 0]) and np.ptp(np.bincount(even[:, 0].astype(int))) <= 1


@pytest.mark.parametrize("step", [None, 0.5])
def test_noisy_counts_leave_them_there(step):
    number = replace(STAY, step=step)
    cohort = replace(COHORT, conditions=(strata.label_of(number, CUTS), number))
    layout = Layout.of(cohort, private=True)
    counts = layout.exact(cohort.condition) + np.random.default_rng(1).normal(0, 30, (5, layout.width))
    made = requested.mixture(cohort, np.sort(cohort.label), 0, counts)
    assert np.array_equal(strata.stratum(made[:, 1], CUTS), made[:, 0])


def test_exact_counts_are_the_sum_of_the_rows():
    import torch

    layout = Layout.of(COHORT, private=True)
    rows = layout.counted(torch.as_tensor(COHORT.condition))
    assert rows.sum(0).reshape(5, -1).numpy() == pytest.approx(layout.exact(COHORT.condition))


def test_times_are_those_of_the_event_or_of_the_censored():
    event = RNG.random(3000) < 0.4
    time = np.where(event, RNG.exponential(5, 3000), RNG.uniform(20, 60, 3000)).clip(0, 60)
    columns = (Column("died", "flag", stands_for="event"), replace(STAY, step=None))
    cohort = replace(BASE, conditions=columns, condition=np.column_stack([event, time]).astype(float))
    made = requested.mixture(cohort, np.sort(cohort.label), 0)
    for seen in (0, 1):
        assert ks_2samp(made[made[:, 0] == seen, 1], time[event == seen]).statistic < 0.05


def test_a_changed_label_takes_its_number_along():
    flipped = COHORT.condition.copy()
    flipped[:, 0] = 4 - flipped[:, 0]
    made = strata.consistent(COHORT.conditions, flipped)
    assert np.array_equal(strata.stratum(made[:, 1], CUTS), flipped[:, 0])
    kept = flipped[:, 0] == COHORT.condition[:, 0]
    assert np.array_equal(made[kept], COHORT.condition[kept]) and kept.any()
    assert strata.consistent(BASE.conditions, BASE.condition) is BASE.condition


def test_names_and_fifths():
    assert strata.label_of(STAY, CUTS).categories == ("below 1", "1 to 2.5", "2.5 to 5", "5 to 10", "from 10")
    assert strata.fifths(0.0, 60.0) == (12.0, 24.0, 36.0, 48.0)
    close = (1000000.1, 1000000.2)
    assert len(set(strata.label_of(STAY, close).categories)) == 3
    assert np.isnan(strata.stratum(np.array([np.nan]), CUTS)).all()
