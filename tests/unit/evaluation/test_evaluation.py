import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.errors import DatasetError, SuiteError
from fpmg_bench.evaluation import EvaluationSpace, Measured, nearest, split


@pytest.fixture(scope="module")
def cohort():
    return Phantom(patients=1200, silos=4, modalities=("table", "series", "image"), visits=2).load()


def patients(part):
    return set(part.patient.tolist())


def test_no_patient_is_in_two_parts_and_shares_are_as_stated(cohort):
    made = split(cohort, seed=0)
    parts = [patients(made.train), patients(made.r1), patients(made.r2), patients(made.third)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 1200
    assert [len(p) / 1200 for p in parts] == pytest.approx([0.6, 0.15, 0.15, 0.1], abs=0.01)
    assert patients(made.held_out) == parts[1] | parts[2]


def test_parts_have_the_same_label_mixture(cohort):
    made = split(cohort, seed=0)
    shares = [np.mean(p.label == 0) for p in (made.train, made.r1, made.r2)]
    assert max(shares) - min(shares) < 0.04


def test_below_a_thousand_patients_there_is_no_third_set(cohort):
    small = cohort.take(np.isin(cohort.patient, np.unique(cohort.patient)[:600]))
    made = split(small, seed=0)
    assert made.third is None
    assert len(patients(made.train)) / 600 == pytest.approx(0.65, abs=0.01)


def test_seeds_change_the_split_and_methods_do_not(cohort):
    assert patients(split(cohort, 0).train) == patients(split(cohort, 0).train) != patients(split(cohort, 1).train)


def test_tuning_never_sees_an_evaluation_patient(cohort):
    tuning, rest = split(cohort, 0, holdout=0.3, tuning=True), split(cohort, 5, holdout=0.3)
    seen = [patients(p) for made in (tuning, rest) for p in (made.train, made.held_out, made.third) if p is not None]
    middle = 2 if tuning.third is None else 3
    assert not set.union(*seen[:middle]) & set.union(*seen[middle:])


def test_small_cohorts_are_not_tuned(cohort):
    small = cohort.take(np.isin(cohort.patient, np.unique(cohort.patient)[:200]))
    with pytest.raises(SuiteError, match="no development set"):
        split(small, 0, holdout=0.3, tuning=True)


def test_a_label_seen_once_stays_in_training_and_is_counted(cohort):
    few = cohort.take(np.isin(cohort.patient, np.unique(cohort.patient)[:100]))
    label = few.condition.copy()
    label[:, 0] = 0
    label[few.patient == few.patient[0], 0] = 1
    from dataclasses import replace

    made = split(replace(few, condition=label, silo=np.zeros(len(few), np.int64)), 0)
    assert made.unstratified == 1
    assert few.patient[0] in made.train.patient


def test_nobody_to_hold_out_is_an_error(cohort):
    with pytest.raises(DatasetError, match="no stratum"):
        split(cohort.take(np.isin(cohort.patient, np.unique(cohort.patient)[:3])), 0)


def test_nearest_neighbours_equal_brute_force_far_from_the_origin():
    rng = np.random.default_rng(0)
    a = (rng.standard_normal((700, 9)) + 1000).astype(np.float32)
    b = (rng.standard_normal((1300, 9)) + 1000).astype(np.float32)
    found, at = nearest(a, b)
    table = np.sqrt(((a[:, None].astype(float) - b[None].astype(float)) ** 2).sum(-1))
    np.testing.assert_allclose(found, table.min(1), rtol=1e-3)
    assert np.mean(at == table.argmin(1)) > 0.999


def test_a_copy_is_at_distance_zero():
    x = np.random.default_rng(0).standard_normal((500, 64)).astype(np.float32) * 100
    assert float(nearest(x, x)[0].max()) == 0.0


def test_every_block_of_the_space_has_mean_pairwise_distance_one(cohort):
    made = split(cohort, 0)
    space = EvaluationSpace.fit(made.train, 0)
    for modality in cohort.schemas:
        x = space.phi(made.train, modality)[:400].astype(float)
        gaps = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
        assert gaps[np.triu_indices(len(x), 1)].mean() == pytest.approx(1.0, rel=0.06)


def test_the_space_is_the_blocks_side_by_side_and_does_not_move(cohort):
    made = split(cohort, 0)
    one, two = (EvaluationSpace.fit(made.train, 0) for _ in range(2))
    joint = one.phi(made.r1)
    np.testing.assert_array_equal(joint, two.phi(made.r1))
    np.testing.assert_array_equal(joint, np.concatenate([one.phi(made.r1, m) for m in cohort.schemas], axis=1))
    assert one.project(joint).shape == (len(made.r1), 8)


def test_the_balanced_sample_is_drawn_once_and_only_when_asked_for():
    made = split(Phantom(patients=120, silos=2, modalities=("table",)).load(), 0)
    drawn = []
    evidence = Measured(
        train=made.train, r1=made.r1, r2=made.r2, held_out=made.held_out, third=None, space=EvaluationSpace.fit(made.train, 0),
        silo_names=("a",), released={0: made.train}, balanced=lambda: drawn.append(1) or {0: made.r1},
    )  # fmt: skip
    assert evidence.phi(made.r1).shape[0] == len(made.r1) and drawn == []
    assert evidence.balanced[0] is evidence.balanced[0] is made.r1
    assert drawn == [1]
