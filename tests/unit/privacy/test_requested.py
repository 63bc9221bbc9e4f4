"""What a release is asked for besides labels is drawn jointly: from exact counts, under privacy from charged ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, spearmanr

from fpmg_bench.conditions import CELLS, Layout
from fpmg_bench.errors import PrivacyError
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.testing import fakes
from fpmg_bench.trial import requested
from fpmg_bench.types import Charges, Cohort, Column

AGE = Column("age", "number", low=0.0, high=100.0, step=1.0)
TWO = fakes.cohort(600, modalities=("table",), silos=2)
AGES = np.random.default_rng(0).normal(40 + 10 * TWO.label, 8).clip(0, 100)
COHORT = replace(TWO, conditions=(*TWO.conditions, AGE), condition=np.column_stack([TWO.condition, AGES]))
LABELS = np.sort(COHORT.label)
MARKER, DOSE, FLAG = (
    Column("marker", "number", low=0.0, high=1.0),
    Column("dose", "number", low=0.0, high=10.0),
    Column("f", "flag"),
)


def counts(cohort, sigma, silos=(0, 1)):
    shards = {}
    for silo in silos:
        rows = np.flatnonzero(cohort.silo == silo)
        book = Ledger(silo, "s", len(rows), 0.1, Privacy(8.0, 1e-4), Noise(1.0, sigma, 1.0), {"conditions": Charges(counts=1)})
        data = {"condition": torch.as_tensor(cohort.condition[rows])}
        shards[silo] = LocalShard(data, cohort.patient[rows], 0.1, "conditions", book)
    found = requested.counted(cohort, shards, 0)
    assert all(shard._ledger.spent == {("conditions", "counts"): 1} for shard in shards.values())
    return torch.stack(list(found.values())).sum(0).reshape(len(cohort.classes), -1).numpy()


def joint(n: int = 4000) -> Cohort:
    """A number of two modes, a flag that follows it and the label, a second number that follows the first."""
    base, rng = fakes.cohort(n, modalities=("table",), silos=2), np.random.default_rng(3)
    high = rng.random(n) < np.where(base.label > 0, 0.6, 0.3)
    marker = np.where(high, rng.normal(0.75, 0.06, n), rng.normal(0.25, 0.05, n)).clip(0, 1)
    dose = (2 + 6 * marker + rng.normal(0, 0.7, n)).clip(0, 10)
    flag = rng.random(n) < np.where(high, 0.85, 0.1) - 0.08 * (base.label > 0)
    condition = np.column_stack([base.condition[:, 0], marker, dose, flag]).astype(float)
    return replace(base, conditions=(base.conditions[0], MARKER, DOSE, FLAG), condition=condition)


JOINT = joint()


def phi(condition, label):
    rows = condition[condition[:, 0] == label]
    return np.corrcoef(rows[:, 3], rows[:, 1] > 0.5)[0, 1]


@pytest.mark.parametrize(("sigma", "distance", "apart"), [(None, 0.05, 0.05), (3.0, 0.15, 0.12)])
def test_a_number_of_two_modes_and_a_flag_that_follows_it_come_out_as_such(sigma, distance, apart):
    found = None if sigma is None else counts(JOINT, sigma)
    drawn = requested.mixture(JOINT, np.sort(JOINT.label), 0, found)
    for label in (0, 1):
        real, made = (c[c[:, 0] == label] for c in (JOINT.condition, drawn))
        assert ks_2samp(real[:, 1], made[:, 1]).statistic < distance
        assert ks_2samp(real[:, 2], made[:, 2]).statistic < distance
        assert phi(drawn, label) == pytest.approx(phi(JOINT.condition, label), abs=apart)
        between = ((made[:, 1] > 0.42) & (made[:, 1] < 0.58)).mean()
        assert between < (0.01 if sigma is None else 0.08)  # a Gaussian of these moments has .16 to .2 there
        assert made[:, 3].mean() == pytest.approx(real[:, 3].mean(), abs=apart)


def test_numbers_keep_their_correlation_and_some_of_it_within_a_mode():
    drawn = requested.mixture(JOINT, np.sort(JOINT.label), 0)
    for label in (0, 1):
        both = [c[c[:, 0] == label] for c in (JOINT.condition, drawn)]
        ranks = [spearmanr(c[:, 1], c[:, 2])[0] for c in both]
        assert ranks[1] == pytest.approx(ranks[0], abs=0.05)
        within = [np.corrcoef(c[c[:, 1] > 0.5, 1:3].T)[0, 1] for c in both]
        assert within[1] > 0.5 * within[0] > 0.2


def test_nobodys_row_is_asked_for_again():
    """Counts say in which of 256 parts a number lies; below five patients not even that."""
    drawn = requested.mixture(JOINT, np.sort(JOINT.label), 0)
    assert not np.isin(drawn[:, 1], JOINT.condition[:, 1]).any() and not np.isin(drawn[:, 2], JOINT.condition[:, 2]).any()
    few = JOINT.take(np.concatenate([np.flatnonzero(JOINT.label == 0)[:2], np.flatnonzero(JOINT.label == 1)[:3]]))
    made = requested.mixture(few, np.repeat([0, 1], 500), 0)
    for label in (0, 1):
        own, new = few.condition[few.label == label, 1], made[made[:, 0] == label, 1]
        assert own.min() - 1 / 256 <= new.min() and new.max() <= own.max() + 1 / 256
        if np.ptp(own) > 0.1:
            assert (np.abs(new[:, None] - own).min(axis=1) > 0.02).mean() > 0.3


def test_exact_counts_are_what_the_shards_count():
    layout = Layout.of(JOINT, private=True)
    rows = layout.counted(torch.as_tensor(JOINT.condition))
    assert np.array_equal(rows.sum(0).reshape(3, -1).numpy(), layout.exact(JOINT.condition))
    assert rows.norm(dim=1).max().item() == pytest.approx(layout.clip)
    assert layout.clip == pytest.approx((1 + 2 + 3 * 0.25) ** 0.5)  # cells, two numbers; twice a number by the flag, a pair
    assert np.allclose(counts(JOINT, 1e-9), layout.exact(JOINT.condition), atol=1e-4)


def test_unknown_values_leave_the_law_of_the_known_ones():
    condition = JOINT.condition.copy()
    condition[np.random.default_rng(0).random(len(condition)) < 0.4, 3] = np.nan
    drawn = requested.mixture(replace(JOINT, condition=condition), np.sort(JOINT.label), 0)
    assert not np.isnan(drawn).any()
    assert phi(drawn, 1) == pytest.approx(phi(JOINT.condition, 1), abs=0.06)
    condition[:, 3] = np.nan
    assert np.isnan(requested.mixture(replace(JOINT, condition=condition), np.sort(JOINT.label), 0)[:, 3]).all()


def test_two_flags_that_never_meet_are_never_asked_for_together_and_an_unknown_one_follows_the_other():
    rng = np.random.default_rng(1)
    a = rng.random(len(JOINT)) < 0.4
    b = ~a & (rng.random(len(JOINT)) < 0.5)
    condition = np.column_stack([JOINT.condition[:, 0], a, b]).astype(float)
    condition[rng.random(len(JOINT)) < 0.3, 2] = np.nan
    cohort = replace(JOINT, conditions=(JOINT.conditions[0], FLAG, replace(FLAG, name="g")), condition=condition)
    drawn = requested.mixture(cohort, np.sort(JOINT.label), 0)
    assert not (drawn[:, 1] * drawn[:, 2]).any()
    assert drawn[drawn[:, 1] == 0, 2].mean() == pytest.approx(0.5, abs=0.05)
    assert requested.said(cohort) == {"joint": ["f", "g"]}


def test_what_does_not_fit_into_one_table_is_drawn_given_the_label_and_said():
    many = tuple(Column(f"c{i}", "category", tuple("abcdefgh")) for i in range(5))
    rng = np.random.default_rng(0)
    condition = np.column_stack([JOINT.condition[:, 0], rng.integers(0, 8, (len(JOINT), 5))]).astype(float)
    cohort = replace(JOINT, conditions=(JOINT.conditions[0], *many), condition=condition)
    assert requested.said(cohort) == {"joint": ["c0", "c1"], "independent_given_label": ["c2", "c3", "c4"]}
    assert 3 * 9 * 9 <= CELLS < 3 * 9 * 9 * 9
    drawn = requested.mixture(cohort, np.sort(JOINT.label), 0)
    assert all(set(drawn[:, j]) == set(range(8)) for j in range(1, 6))


def test_with_little_noise_flags_and_numbers_are_asked_for_as_often_as_patients_have_them():
    drawn = requested.mixture(COHORT, LABELS, 0, counts(COHORT, 1e-9))
    assert np.array_equal(drawn[:, 0], LABELS)
    for j, column in enumerate(COHORT.conditions[1:], start=1):
        for label in np.unique(COHORT.label):
            real = COHORT.condition[COHORT.label == label, j]
            made = drawn[drawn[:, 0] == label, j]
            scale = (column.high - column.low) if column.type == "number" else 1.0
            assert np.nanmean(made) == pytest.approx(np.nanmean(real), abs=0.12 * scale)


def test_whole_numbers_stay_whole_and_spikes_stay():
    scores = np.random.default_rng(0).choice([0.0, 1.0, 3.0], len(COHORT), p=[0.7, 0.2, 0.1])
    column = Column("score", "number", low=0.0, high=3.0, step=1.0)
    cohort = replace(COHORT, conditions=(COHORT.conditions[0], column), condition=np.column_stack([COHORT.label, scores]))
    made = requested.mixture(cohort, LABELS, 0)[:, 1]
    assert set(made) <= {0.0, 1.0, 3.0}
    assert (made == 0).mean() == pytest.approx(0.7, abs=0.06)


def test_under_much_noise_conditions_stay_within_what_is_declared():
    drawn = requested.uniform(COHORT, LABELS, 0, counts(COHORT, 1e4))
    for j, column in enumerate(COHORT.conditions):
        known = drawn[~np.isnan(drawn[:, j]), j]  # noise may say that all are unknown, too
        if column.type == "number":
            assert ((column.low <= known) & (known <= column.high)).all()
        else:
            assert set(known) <= set(range(max(column.width, 2)))


def test_a_class_that_noise_left_empty_is_asked_for_evenly():
    nothing = np.full((len(COHORT.classes), Layout.of(COHORT, private=True).width), -5.0)
    flag = next(j for j, c in enumerate(COHORT.conditions) if j and c.type == "flag")
    assert requested.mixture(COHORT, LABELS, 0, nothing)[:, flag].mean() == pytest.approx(0.5, abs=0.1)


def test_a_number_without_a_declared_range_is_refused_under_privacy_and_ranges_over_its_patients_elsewhere():
    open_ended = replace(COHORT, conditions=tuple(replace(c, low=None, high=None) for c in COHORT.conditions))
    with pytest.raises(PrivacyError, match="no declared range"):
        counts(open_ended, 1.0)
    made = requested.mixture(open_ended, LABELS, 0)[:, -1]
    assert AGES.min() - 0.5 <= made.min() and made.max() <= AGES.max() + 0.5
    constant = replace(open_ended, condition=np.column_stack([COHORT.condition[:, :-1], np.full(len(COHORT), 7.0)]))
    assert np.allclose(requested.mixture(constant, LABELS, 0)[:, -1], 7.0)


def test_the_label_alone_costs_nothing():
    assert requested.charges(COHORT.conditions[:1]) == {}
    assert requested.charges(COHORT.conditions) == {"conditions": Charges(counts=1)}
    alone = replace(COHORT, conditions=COHORT.conditions[:1], condition=COHORT.condition[:, :1])
    assert requested.said(alone) == {} and np.array_equal(requested.mixture(alone, LABELS, 0)[:, 0], LABELS)


def odd_cohort(rng):
    """Few patients, columns of all types, some without a spread, ranges beyond or inside of the values, gaps up to all of a column."""
    n, classes = int(rng.integers(1, 40)), int(rng.integers(1, 4))
    columns, values = [Column("y", "category", tuple("abc"[:classes]))], [rng.integers(0, classes, n).astype(float)]
    for j in range(int(rng.integers(0, 9))):
        kind = rng.choice(["number", "category", "flag"])
        if kind == "number":
            low, high = [(0.0, 1.0), (-5.0, 100.0), (2.0, 3.0)][rng.integers(3)]
            columns.append(Column(f"n{j}", "number", low=low, high=high, step=[None, 1.0, 0.1][rng.integers(3)]))
            values.append(rng.choice([rng.normal(0.5, 1, n), np.full(n, 0.25), rng.integers(0, 4, n).astype(float)]))
        else:
            width = int(rng.integers(1, 40)) if kind == "category" else 2
            columns.append(Column(f"c{j}", str(kind), tuple(map(str, range(width))) if kind == "category" else ()))
            values.append(rng.integers(0, width, n).astype(float))
        values[-1][rng.random(n) < rng.choice([0.0, 0.3, 1.0])] = np.nan
    base = fakes.cohort(n, modalities=("table",), silos=1)
    return replace(base, conditions=tuple(columns), condition=np.column_stack(values))


@pytest.mark.parametrize("seed", range(40))
def test_any_columns_and_any_few_patients_give_values_that_were_declared(seed):
    rng = np.random.default_rng(seed)
    cohort = odd_cohort(rng)
    noise = counts(cohort, 5.0, silos=(0,)) if len(cohort.conditions) > 1 else None
    for found in (None, noise):
        for drawn in (
            requested.mixture(cohort, np.sort(cohort.label), seed, found),
            requested.uniform(cohort, np.sort(cohort.label), seed, found),
        ):
            for j, column in enumerate(cohort.conditions):
                known = drawn[~np.isnan(drawn[:, j]), j]
                if column.type == "number":
                    assert ((known >= column.low) & (known <= column.high)).all()
                else:
                    assert set(known) <= set(range(max(column.width, 2 if column.type == "flag" else 1)))
                for label in np.unique(drawn[:, 0]) if found is None else ():
                    real = cohort.condition[cohort.label == label, j]
                    assert np.isnan(drawn[drawn[:, 0] == label, j]).all() == np.isnan(real).all()
