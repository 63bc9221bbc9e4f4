"""Canaries are nobody who is measured, and their coins are fair and their own."""

from dataclasses import replace

import numpy as np
import pytest

from fpmg_bench.audit.canaries import influential, plant, spread
from fpmg_bench.errors import TrialError
from fpmg_bench.evaluation import EvaluationSpace, split
from fpmg_bench.spec import Audit
from fpmg_bench.testing import fakes

M = 60


@pytest.fixture(scope="module")
def parted():
    return split(fakes.cohort(300, modalities=("table", "image")), 0)


def test_canaries_and_their_donors_are_in_no_evaluation_split(parted):
    left, canaries = plant(parted, Audit(M), 0)
    people = {name: set(getattr(left, name).patient.tolist()) for name in ("train", "r1", "r2", "held_out")}
    assert not set(canaries.cohort.patient.tolist()) & set.union(*people.values())
    gone = set(parted.held_out.patient.tolist()) - people["held_out"]
    assert len(gone) == pytest.approx(len(set(parted.held_out.patient.tolist())) / 2, abs=1)
    assert people["held_out"] == people["r1"] | people["r2"]
    pixels = {image.tobytes() for image in left.held_out.data["image"].array()}
    assert not {image.tobytes() for image in canaries.cohort.data["image"].array()} & pixels
    assert left.train is parted.train


def test_every_canary_is_a_patient_of_its_own_whom_nobody_resembles(parted):
    _, canaries = plant(parted, Audit(M), 0)
    cohort = canaries.cohort
    assert len(set(cohort.patient.tolist())) == len(cohort) == M
    donors = parted.held_out
    ages = {
        (row.age, row.lactate): label for row, label in zip(donors.data["table"].frame.itertuples(), donors.label, strict=True)
    }
    frame = cohort.data["table"].frame
    own = [ages[row.age, row.lactate] for row in frame.itertuples()]
    assert not (cohort.label == own).any()
    whole = {
        (row.age, row.lactate, image.tobytes())
        for row, image in zip(frame.itertuples(), cohort.data["image"].array(), strict=True)
    }
    assert len(whole) == M


def test_coins_are_fair_and_come_from_the_seed(parted):
    tossed = np.array([plant(parted, Audit(40), seed)[1].member for seed in range(25)])
    assert tossed.mean() == pytest.approx(0.5, abs=0.05)  # of 1,000: standard error .016
    assert not (tossed[0] == tossed[1]).all()
    again = plant(parted, Audit(40), 3)[1]
    assert (again.member == tossed[3]).all()
    assert (again.cohort.condition == plant(parted, Audit(40), 3)[1].cohort.condition).all()


def test_those_with_heads_join_the_silos_and_the_others_stay_out(parted):
    left, canaries = plant(parted, Audit(M), 0)
    canaries = spread(canaries, left.train)
    assert np.bincount(canaries.cohort.silo).tolist() == [20, 20, 20]
    train = canaries.joined(left.train)
    assert len(train) == len(left.train) + canaries.member.sum()
    assert set(train.patient[canaries.of(train.patient)].tolist()) == set(canaries.cohort.patient[canaries.member].tolist())
    assert train.silo_names == left.train.silo_names


def test_a_silo_without_a_modality_gets_no_canary_with_it(parted):
    left, canaries = plant(parted, Audit(M), 0)
    present = dict(left.train.present) | {"image": left.train.silo != 1}
    cohort = spread(canaries, replace(left.train, present=present)).cohort
    assert not cohort.present["image"][cohort.silo == 1].any()
    assert cohort.present["image"][cohort.silo != 1].all()
    assert cohort.present["table"].all()


def test_more_canaries_than_donors_can_make_are_refused():
    small = split(fakes.cohort(60, modalities=("table",)), 0)
    with pytest.raises(TrialError, match=r"can make \d+ different canaries, not 200"):
        plant(small, Audit(200), 0)


def leverage(train, cohort):
    """Of each record alone in the training patients' phi, and of all together: log det of what they add."""
    space = EvaluationSpace.fit(train, 0)
    known, x = (space.phi(c).astype(float) for c in (train, cohort))
    own = x @ np.linalg.solve(known.T @ known + np.eye(known.shape[1]), x.T)
    return own.diagonal(), np.linalg.slogdet(np.eye(len(own)) + own)[1]


def test_the_influential_move_a_fit_more_and_their_coins_are_the_same(parted):
    left, some = plant(parted, Audit(M), 0)
    again, most = plant(parted, Audit(M, chosen="influence"), 0)
    assert (some.member == most.member).all() and len(most) == M
    assert set(again.held_out.patient.tolist()) == set(left.held_out.patient.tolist())
    (alone, together), (far, further) = (leverage(left.train, each.cohort) for each in (some, most))
    assert far.mean() > 1.1 * alone.mean()
    assert further > 1.1 * together
    assert len(set(most.cohort.patient.tolist())) == M


def test_one_after_the_other_is_what_a_search_by_determinants_takes(parted):
    _, candidates = plant(parted, Audit(12), 0)
    taken, found = [], influential(candidates.cohort, parted.train, 4)
    for each in found:
        rest = [i for i in range(12) if i not in taken]
        value = {i: leverage(parted.train, candidates.cohort.take(np.array([*taken, i])))[1] for i in rest}
        assert value[each] == pytest.approx(max(value.values()))
        taken.append(int(each))


def test_as_many_candidates_as_can_be_made_are_enough():
    """A table alone: every donor is one canary."""
    small = split(fakes.cohort(200, modalities=("table",)), 0)
    assert len(plant(small, Audit(20, chosen="influence"), 0)[1]) == 20
