"""Partitions: by patient, complete, repeatable; realised skew against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from fpmg_bench.errors import SuiteError
from fpmg_bench.partition import merged_sites, partition, skew
from fpmg_bench.types import Cohort, Column

LABEL = Column("label", "category", ("a", "b", "c"))


def cohort(patients: int, records: int, seed: int = 0, sites: tuple[str, ...] = ()) -> Cohort:
    """Records of patients with gaps in their numbers; a patient's label and site are the same in all records."""
    rng = np.random.default_rng(seed)
    patient = np.concatenate([np.arange(patients), rng.integers(0, patients, records - patients)]) * 7 + 3
    label = rng.integers(0, 3, patients)[(patient - 3) // 7]
    silo = rng.integers(0, max(len(sites), 1), patients)[(patient - 3) // 7]
    return Cohort({}, {}, {}, (LABEL,), label[:, None].astype(float), patient, silo, sites)


def check_is_partition(data: Cohort, spec: dict, seed: int = 0) -> np.ndarray:
    """Every record is placed, no patient is in two silos, the same call gives the same answer."""
    silo, names = partition(data, spec, seed)
    assert silo.shape == (len(data),)
    assert set(np.unique(silo)) <= set(range(len(names)))
    assert len(np.unique(np.stack([data.patient, silo]), axis=1).T) == len(np.unique(data.patient))
    assert np.array_equal(silo, partition(data, spec, seed)[0])
    return silo


def sizes(data: Cohort, silo: np.ndarray, silos: int) -> np.ndarray:
    """Patients a silo."""
    _, first = np.unique(data.patient, return_index=True)
    return np.bincount(silo[first], minlength=silos)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 12), st.integers(12, 80), st.integers(0, 80), st.integers(0, 2**31))
def test_iid_spreads_patients_evenly(silos, patients, more, seed):
    data = cohort(patients, patients + more, seed)
    silo = check_is_partition(data, {"kind": "iid", "silos": silos}, seed)
    counts = sizes(data, silo, silos)
    assert counts.max() - counts.min() <= 1


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 6), st.integers(60, 150), st.integers(0, 60), st.floats(0.3, 100), st.integers(1, 4), st.integers(0, 2**31))
def test_dirichlet_keeps_its_promise_or_says_that_it_cannot(silos, patients, more, alpha, least, seed):
    data = cohort(patients, patients + more, seed)
    spec = {"kind": "dirichlet", "alpha": alpha, "silos": silos, "min_patients": least}
    try:
        silo = check_is_partition(data, spec, seed)
    except SuiteError as error:
        assert "no Dirichlet draw" in error.message  # noqa: PT017 - either outcome is right
    else:
        assert sizes(data, silo, silos).min() >= least


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 9), st.integers(9, 60), st.integers(1, 9), st.integers(1, 12), st.integers(0, 2**31))
def test_natural_sites_stay_whole_and_small_ones_merge(sites, patients, silos, least, seed):
    data = cohort(patients, patients + 20, seed, tuple(f"site {i}" for i in range(sites)))
    spec = {"kind": "natural", "silos": silos, "min_patients": least}
    silo = check_is_partition(data, spec, seed)
    _, names = partition(data, spec, seed)
    assert len(names) <= silos
    assert set(np.unique(silo)) == set(range(len(names)))
    for site in np.unique(data.silo):
        assert len(np.unique(silo[data.silo == site])) == 1
    for index, name in enumerate(names):
        if name != "other":
            assert sizes(data, silo, len(names))[index] >= least


def test_seeds_give_different_partitions():
    data = cohort(60, 80)
    first, second = (partition(data, {"kind": "iid", "silos": 3}, seed)[0] for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_a_small_alpha_skews_labels_and_a_large_one_does_not():
    data = cohort(3000, 3000)
    js = {}
    for alpha in (0.1, 1.0, 1000.0):
        spec = {"kind": "dirichlet", "alpha": alpha, "silos": 5}
        js[alpha] = np.mean([skew(data.label, partition(data, spec, seed)[0])["js"] for seed in range(5)])
    assert js[0.1] > 0.5
    assert 0.15 < js[1.0] < 0.5
    assert js[1000.0] < 0.05


@pytest.mark.parametrize(
    ("spec", "silos"),
    [
        ({"kind": "iid", "silos": 3}, "11002201021211"),
        ({"kind": "dirichlet", "alpha": 1.0, "silos": 3}, "11121011221011"),
        ({"kind": "natural", "silos": 2}, "00111010011010"),
    ],
)
def test_a_partition_is_the_same_in_every_version(spec, silos):
    """What was published of a seed must be found again."""
    assert "".join(map(str, partition(cohort(12, 14, 0, ("a", "b", "c")), spec, 7)[0])) == silos


def test_pooled_is_one_silo():
    silo, names = partition(cohort(5, 9), {"kind": "pooled"}, 0)
    assert names == ("pooled",)
    assert silo.tolist() == [0] * 9


def test_a_patient_seen_at_two_sites_stays_at_the_first():
    data = cohort(2, 2, sites=("north", "south"))
    two = Cohort({}, {}, {}, (LABEL,), np.zeros((3, 1)), np.array([3, 3, 10]), np.array([1, 0, 0]), data.silo_names)
    silo, names = partition(two, {"kind": "natural"}, 0)
    assert [names[index] for index in silo] == ["south", "south", "north"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "natural"}, "no natural silos"),
        ({"kind": "iid", "silos": 9}, "8 training patients cannot fill 9 silos"),
        (
            {"kind": "dirichlet", "alpha": 1.0, "silos": 3, "min_patients": 4},
            "8 training patients cannot fill 3 silos of at least 4",
        ),
        ({"kind": "dirichlet", "alpha": 1e-6, "silos": 4, "min_patients": 2}, "no Dirichlet draw in 200"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(spec, message):
    with pytest.raises(SuiteError, match=message) as caught:
        partition(cohort(8, 12), spec, 0)
    assert caught.value.hint


def test_merged_sites_keep_the_largest():
    patients = {"a": 5, "b": 40, "c": 0, "d": 20, "e": 1}
    assert merged_sites(patients, {"kind": "natural"}) == {"a": "a", "b": "b", "d": "d", "e": "e"}
    assert merged_sites(patients, {"min_patients": 6}) == {"a": "other", "b": "b", "d": "d", "e": "other"}
    assert merged_sites(patients, {"silos": 2}) == {"a": "other", "b": "b", "d": "other", "e": "other"}
    assert merged_sites(patients, {"silos": 1}) == dict.fromkeys("abde", "other")


def test_skew_has_known_answers():
    same = skew(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]))
    assert same == pytest.approx({"js": 0.0, "gini": 0.0}, abs=1e-12)
    apart = skew(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    assert apart == pytest.approx({"js": 1.0, "gini": 0.0})
    # p = (1, 0), q = (1/2, 1/2): JSD = H(3/4, 1/4) - 1/2 = 0.311278 bits
    half = skew(np.array([0, 0, 0, 1]), np.array([0, 0, 4, 4]))
    assert half["js"] == pytest.approx(np.sqrt(0.311278), abs=1e-6)
    assert skew(np.zeros(12, dtype=np.int64), np.repeat([0, 1, 2, 3], [1, 1, 1, 9]))["gini"] == pytest.approx(0.5)
    assert skew(np.array([0, 1]), np.array([2, 2])) == {"js": 0.0, "gini": 0.0}


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 5), st.integers(0, 2**31))
def test_skew_agrees_with_scipy(silos, seed):
    rng = np.random.default_rng(seed)
    silo = np.concatenate([np.arange(silos), rng.integers(0, silos, 50)])
    label = rng.integers(0, 4, len(silo))
    shares = [np.bincount(label[silo == index], minlength=4) for index in range(silos)]
    pairs = [jensenshannon(shares[a], shares[b], base=2) for a in range(silos) for b in range(a)]
    counts = np.array([share.sum() for share in shares])
    gini = np.abs(counts[:, None] - counts[None]).sum() / (2 * silos**2 * counts.mean())
    assert skew(label, silo) == pytest.approx({"js": np.mean(pairs), "gini": gini}, abs=1e-7)
