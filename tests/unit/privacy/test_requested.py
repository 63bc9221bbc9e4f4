"""What a release is asked for besides labels comes from charged counts under privacy."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fpmg_bench.errors import PrivacyError
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.testing import fakes
from fpmg_bench.trial import requested
from fpmg_bench.types import Charges, Column

AGE = Column("age", "number", low=0.0, high=100.0, step=1.0)
TWO = fakes.cohort(600, modalities=("table",), silos=2)
AGES = np.random.default_rng(0).normal(40 + 10 * TWO.label, 8).clip(0, 100)
COHORT = replace(TWO, conditions=(*TWO.conditions, AGE), condition=np.column_stack([TWO.condition, AGES]))
LABELS = np.sort(COHORT.label)


def counts(cohort, sigma):
    shards = {}
    for silo in (0, 1):
        rows = np.flatnonzero(cohort.silo == silo)
        book = Ledger(silo, "s", len(rows), 0.1, Privacy(8.0, 1e-4), Noise(1.0, sigma, 1.0), {"conditions": Charges(counts=1)})
        data = {"condition": torch.as_tensor(cohort.condition[rows])}
        shards[silo] = LocalShard(data, cohort.patient[rows], 0.1, "conditions", book)
    found = requested.counted(cohort, shards, 0)
    assert all(shard._ledger.spent == {("conditions", "counts"): 1} for shard in shards.values())
    return torch.stack(list(found.values())).sum(0).reshape(len(cohort.classes), -1).numpy()


def test_with_little_noise_flags_and_numbers_are_asked_for_as_often_as_patients_have_them():
    drawn = requested.mixture(COHORT, LABELS, 0, counts(COHORT, 1e-9))
    assert np.array_equal(drawn[:, 0], LABELS)
    for j, column in enumerate(COHORT.conditions[1:], start=1):
        for label in np.unique(COHORT.label):
            real = COHORT.condition[COHORT.label == label, j]
            made = drawn[drawn[:, 0] == label, j]
            scale = (column.high - column.low) if column.type == "number" else 1.0
            assert np.nanmean(made) == pytest.approx(np.nanmean(real), abs=0.12 * scale)


def test_under_much_noise_conditions_stay_within_what_is_declared():
    drawn = requested.uniform(COHORT, LABELS, 0, counts(COHORT, 1e4))
    for j, column in enumerate(COHORT.conditions):
        if column.type == "number":
            assert column.low <= drawn[:, j].min() <= drawn[:, j].max() <= column.high
        else:
            assert set(drawn[:, j]) <= set(range(max(column.width, 2)))


def test_a_class_that_noise_left_empty_is_asked_for_evenly():
    nothing = np.full((len(COHORT.classes), sum(requested._width(c) for c in COHORT.conditions[1:])), -5.0)
    flag = next(j for j, c in enumerate(COHORT.conditions) if j and c.type == "flag")
    assert requested.mixture(COHORT, LABELS, 0, nothing)[:, flag].mean() == pytest.approx(0.5, abs=0.1)


def test_a_number_without_a_declared_range_is_refused():
    open_ended = tuple(replace(c, low=None, high=None) for c in COHORT.conditions)
    with pytest.raises(PrivacyError, match="no declared range"):
        counts(replace(COHORT, conditions=open_ended), 1.0)


def test_the_label_alone_costs_nothing():
    assert requested.charges(COHORT.conditions[:1]) == {}
    assert requested.charges(COHORT.conditions) == {"conditions": Charges(counts=1)}
