"""Quantity, feature and modality skew: by patient, in their bounds, repeatable, and as strong as they were asked to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpmg_bench.errors import SuiteError
from fpmg_bench.partition import absent, feature_skew, partition, skew, sorted_skew, withheld
from fpmg_bench.partition.features import first_component
from fpmg_bench.partition.skew import difference
from fpmg_bench.spec import Budget, Choice, TrialSpec
from fpmg_bench.trial.silos import place
from fpmg_bench.types import Cohort, Column, Pixels, Schema, Series, Table, Text

NAMES = ("table", "series", "text", "image")
SCHEMAS = {
    "table": Schema("table", (Column("age", "number"), Column("weight", "number"), Column("sex", "category", ("f", "m")))),
    "series": Schema("series", (Column("pulse", "number"),), (3,)),
    "text": Schema("text", (), (9,)),
    "image": Schema("image", (), (1, 2, 2)),
}


def cohort(patients: int, records: int, seed: int = 0, unknown: float = 0.0, sites: int = 4, absent: float = 0.0) -> Cohort:
    """Records whose age, pulse, length of text and brightness rise with one number of the patient."""
    rng = np.random.default_rng(seed)
    owner = np.concatenate([np.arange(patients), rng.integers(0, patients, records - patients)])
    level = rng.random(patients)[owner]
    frame = pd.DataFrame({"age": 20 + 60 * level, "weight": rng.normal(70, 9, records), "sex": np.where(level > 0.5, "m", "f")})
    frame.loc[rng.random(records) < unknown, "age"] = np.nan
    values = (60 + 40 * level).astype(np.float32)[:, None, None].repeat(3, 1)
    data = {
        "table": Table(frame),
        "series": Series(np.zeros((records, 3), np.float32), values, np.ones((records, 3, 1), bool)),
        "text": Text(tuple("x" * round(9 * share) for share in level)),
        "image": Pixels.of((250 * level).astype(np.uint8)[:, None, None, None].repeat(2, 2).repeat(2, 3)),
    }
    present = {name: rng.random(records) >= absent for name in NAMES}
    label = rng.integers(0, 2, patients)[owner]
    conditions = (Column("label", "category", ("a", "b")), Column("level", "number"))
    silo = rng.integers(0, sites, patients)[owner]
    return Cohort(
        SCHEMAS, data, present, conditions, np.stack([label, level], 1), owner * 7 + 3, silo, tuple(f"s{i}" for i in range(sites))
    )


def trial(spec: dict, seed: int = 0) -> TrialSpec:
    return TrialSpec(Choice("toy"), "toy", "method", seed, spec, {}, None, None, None, Budget(), ())


def sizes(data: Cohort, silo: np.ndarray, silos: int) -> np.ndarray:
    """Patients a silo; no patient in two."""
    pairs = np.unique(np.stack([data.patient, silo]), axis=1)
    assert pairs.shape[1] == len(np.unique(data.patient))
    return np.bincount(pairs[1], minlength=silos)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 6), st.integers(40, 120), st.floats(0.3, 100), st.integers(1, 4), st.integers(0, 2**31))
def test_quantity_skew_holds_its_minimum_or_says_that_it_cannot(silos, patients, beta, least, seed):
    data = cohort(patients, patients + 20, seed)
    spec = {"kind": "quantity", "beta": beta, "silos": silos, "min_patients": least}
    try:
        silo, names = partition(data, spec, seed)
    except SuiteError as error:
        assert "no Dirichlet draw of sizes" in error.message  # noqa: PT017 - either outcome is right
    else:
        assert len(names) == silos
        assert sizes(data, silo, silos).min() >= least
        assert np.array_equal(silo, partition(data, spec, seed)[0])


def test_a_small_beta_gives_unequal_silos_whose_labels_are_alike():
    data = cohort(2000, 2000)
    drawn = {
        beta: [
            skew(data.label, partition(data, {"kind": "quantity", "beta": beta, "silos": 5, "min_patients": 50}, s)[0])
            for s in range(5)
        ]
        for beta in (0.5, 1000.0)
    }
    gini = {beta: np.mean([found["gini"] for found in skews]) for beta, skews in drawn.items()}
    assert gini[0.5] > 0.3
    assert gini[1000.0] < 0.05
    assert max(found["js"] for skews in drawn.values() for found in skews) < 0.2


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 8),
    st.integers(16, 80),
    st.floats(0, 1),
    st.floats(0, 0.5),
    st.sampled_from([None, *NAMES]),
    st.integers(0, 99),
)
def test_feature_skew_places_every_patient_once_in_silos_of_one_size(silos, patients, strength, unknown, by, seed):
    data = cohort(patients, 2 * patients, seed, unknown)
    spec = {"kind": "feature", "strength": strength, "silos": silos} | ({"by": by} if by else {})
    silo, _ = partition(data, spec, seed)
    count = sizes(data, silo, silos)
    assert count.max() - count.min() <= 1
    assert np.array_equal(silo, partition(data, spec, seed)[0])


@pytest.mark.parametrize("by", ["age", "table.age", "level", "series", "text", "image", None])
def test_strength_one_sorts_patients_by_the_feature(by):
    data = cohort(90, 90)
    silo, _ = partition(data, {"kind": "feature", "strength": 1.0, "silos": 3, "by": by}, 0)
    level = data.condition[:, 1]
    if by is None:  # the first component of age and weight, which have nothing to do with each other
        level = first_component(data.data["table"].frame[["age", "weight"]].to_numpy())
    means = [level[silo == index] for index in range(3)]
    assert means[0].max() <= means[1].min() + 0.12  # texts of one length and equal grey values are ties
    assert means[1].max() <= means[2].min() + 0.12


def test_a_category_sorts_by_its_place_and_ties_go_at_random():
    data = cohort(200, 200)
    silo, _ = partition(data, {"kind": "feature", "strength": 1.0, "silos": 4, "by": "sex"}, 0)
    sex = data.data["table"].frame["sex"].to_numpy()
    assert [set(sex[silo == index]) for index in (0, 3)] == [{"f"}, {"m"}]
    other, _ = partition(data, {"kind": "feature", "strength": 1.0, "silos": 4, "by": "sex"}, 1)
    assert not np.array_equal(silo, other)


def test_realised_skew_rises_with_strength_from_what_chance_gives():
    data = cohort(400, 400)
    found = []
    for strength in (0.0, 0.4, 0.8, 1.0):
        spec = {"kind": "feature", "strength": strength, "silos": 4, "by": "age"}
        skews = [sorted_skew(replace(data, silo=partition(data, spec, seed)[0]), spec)["by"] for seed in range(6)]
        found.append(float(np.mean(skews)))
    assert found == sorted(found)
    chance = np.sqrt(2 / np.pi * 2 / 100)
    assert found[0] == pytest.approx(chance, rel=0.5)
    assert found[1] > 2 * chance
    # the quarters of a uniform: mean distance (3 * 1 + 2 * 2 + 1 * 3) / 6 quarters in units of 1 / sqrt(12)
    assert found[3] == pytest.approx(10 / 6 / 4 * np.sqrt(12), rel=0.03)


def test_strength_is_the_correlation_with_the_feature():
    data = cohort(3000, 3000)
    silo, _ = partition(data, {"kind": "feature", "strength": 0.6, "silos": 3000, "by": "age", "min_patients": 1}, 0)
    rank = np.argsort(np.argsort(data.condition[:, 1]))
    # Spearman's rho of a bivariate normal with correlation r is 6/pi asin(r/2)
    assert np.corrcoef(rank, silo)[0, 1] == pytest.approx(6 / np.pi * np.arcsin(0.3), abs=0.03)


def test_patients_without_the_feature_go_at_random_and_are_counted():
    data = cohort(1200, 1200, unknown=0.5)
    spec = {"kind": "feature", "strength": 1.0, "silos": 3, "by": "age"}
    silo, _ = partition(data, spec, 0)
    unknown = data.data["table"].frame["age"].isna().to_numpy()
    level = data.condition[:, 1]
    assert difference(level[unknown], silo[unknown])[0] < 0.15
    assert difference(level[~unknown], silo[~unknown])[0] > 1.2
    assert sorted_skew(replace(data, silo=silo), spec)["without_feature"] == unknown.sum()


def test_the_first_component_is_known_and_leaves_gaps_as_gaps():
    x = np.arange(20.0)
    score = first_component(np.stack([x, 2 * x + 1, np.ones(20)], 1))
    assert score == pytest.approx((x - x.mean()) / x.std() * np.sqrt(2))
    gaps = np.stack([x, -x], 1)
    gaps[3, 0] = np.nan
    assert np.flatnonzero(np.isnan(first_component(gaps))).tolist() == [3]
    mostly = np.stack([x, np.where(x < 5, np.nan, x)], 1)  # a column that many lack is left out, not its patients
    assert np.isfinite(first_component(mostly)).all()
    assert np.isnan(first_component(np.ones((4, 2)))).all()


SITES = {"kind": "natural"}


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 6), st.floats(0, 1), st.floats(0, 0.5), st.integers(0, 2**31))
def test_a_modality_always_has_a_holder_and_a_silo_always_a_modality(sites, lack, gone, seed):
    data = cohort(20 * sites, 25 * sites, seed, sites=sites, absent=gone)
    spec = {"kind": "modality", "lack": lack, "of": SITES}
    try:
        lost = withheld(data, spec, seed)
    except SuiteError as error:
        assert "of a silo" not in error.message and "leaves every modality a holder" in error.message  # noqa: PT017
        return
    silo, _ = partition(data, spec, seed)
    assert np.array_equal(silo, partition(data, SITES, seed)[0])
    left = {m: mask & ~lost.get(m, np.zeros(len(data), bool)) for m, mask in data.present.items()}
    has = np.array([[bool((left[m] & (silo == s)).any()) for m in NAMES] for s in np.unique(silo)])
    had = np.array([[bool((data.present[m] & (silo == s)).any()) for m in NAMES] for s in np.unique(silo)])
    assert has.any(0).all() and has.any(1).all()
    assert had.sum() - has.sum() == round(lack * had.sum())
    for m, mask in lost.items():  # a silo lacks a modality as a whole
        for s in np.unique(silo[mask]):
            assert not left[m][silo == s].any()
    again = withheld(data, spec, seed)
    assert all(np.array_equal(lost[m], again[m]) for m in lost) and set(lost) == set(again)


def test_placing_withholds_counts_and_leaves_out_who_has_nothing_left():
    data = cohort(300, 400, absent=0.5)
    spec = {"kind": "modality", "lack": 0.5, "of": {"kind": "iid", "silos": 4}}
    placed, silos, realised = place(data, trial(spec))
    assert realised["absent"] == pytest.approx(0.5)
    assert all(np.any(list(placed.present.values()), axis=0))
    nothing = ~np.any(list(data.present.values()), axis=0)
    assert realised["left_out"] == len(data) - len(placed) > nothing.sum()
    for modality, count in realised["withheld"].items():
        assert data.present[modality].sum() - placed.present[modality].sum() == sum(count.values())
        holders = {silo.name for silo in silos if modality in silo.summary(placed)["modalities"]}
        assert holders == {silo.name for silo in silos} - set(count)
    assert sum(silo.patients for silo in silos) == len(np.unique(placed.patient))


def test_pooled_of_a_modality_skew_holds_what_its_silos_hold():
    data = cohort(200, 200)
    skewed = {"kind": "modality", "lack": 0.4, "of": SITES}
    spread, _, _ = place(data, trial(skewed))
    pooled, silos, realised = place(data, trial({"kind": "pooled", "of": skewed}))
    assert len(silos) == 1
    assert {m: mask.sum() for m, mask in pooled.present.items()} == {m: mask.sum() for m, mask in spread.present.items()}
    assert place(data, trial({"kind": "pooled"}))[0].present["text"].all()
    assert {m: sum(count.values()) for m, count in realised["withheld"].items()} == {
        m: len(data) - mask.sum() for m, mask in spread.present.items() if not mask.all()
    }


def test_modalities_go_from_the_same_silos_in_whatever_order_a_method_names_them():
    data = cohort(200, 200)
    spec = {"kind": "modality", "lack": 0.4, "of": SITES}
    lost, other = withheld(data, spec, 0), withheld(data.only(NAMES[::-1]), spec, 0)
    assert set(lost) == set(other) and all(np.array_equal(lost[m], other[m]) for m in lost)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "quantity", "beta": 1.0, "silos": 41}, "40 training patients cannot fill 41 silos of at least 2"),
        ({"kind": "quantity", "beta": 0.001, "silos": 4, "min_patients": 5}, "no Dirichlet draw of sizes in 200 with beta 0.001"),
        ({"kind": "feature", "strength": 1.0, "silos": 50}, "40 training patients cannot fill 50 silos"),
        ({"kind": "feature", "strength": 1.0, "silos": 2, "by": "aeg"}, "partition by 'aeg': the cohort has no such column"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(spec, message):
    with pytest.raises(SuiteError, match=message) as caught:
        partition(cohort(40, 50), spec, 0)
    assert caught.value.hint


def test_a_table_of_categories_has_nothing_to_sort_by():
    schemas = {"table": Schema("table", (Column("sex", "category", ("f", "m")),))}
    with pytest.raises(SuiteError, match="partition by 'table': it has categories only") as caught:
        partition(replace(cohort(40, 40), schemas=schemas), {"kind": "feature", "strength": 1.0, "silos": 2}, 0)
    assert caught.value.hint == "by: table, label, level, sex, table.sex"


def test_too_much_to_take_away_is_refused_with_a_way_out():
    with pytest.raises(SuiteError, match="takes 14 of 16 modalities of silos away") as caught:
        withheld(cohort(40, 40), {"kind": "modality", "lack": 0.9, "of": SITES}, 0)
    assert "a smaller lack" in caught.value.hint


def test_standardised_differences_have_known_answers():
    assert difference(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1]))[0] == pytest.approx(np.sqrt(3))
    assert difference(np.ones(4), np.array([0, 0, 1, 1])) is None
    assert difference(np.array([1.0, 2.0]), np.array([0, 0])) is None
    rng = np.random.default_rng(0)
    values, chance = rng.normal(size=90), np.repeat([0, 1, 2], [15, 30, 45])
    drawn = [difference(values, rng.permutation(chance)) for _ in range(400)]
    assert np.mean([real for real, _ in drawn]) == pytest.approx(drawn[0][1], rel=0.05)


def test_features_of_equal_silos_differ_as_chance_has_it_and_absences_are_counted():
    data = cohort(400, 400)
    iid = replace(data, silo=partition(data, {"kind": "iid", "silos": 4}, 0)[0])
    near = feature_skew(iid)
    assert near["features"] == pytest.approx(near["features_by_chance"], rel=0.8)
    far = feature_skew(replace(data, silo=partition(data, {"kind": "feature", "strength": 1.0, "silos": 4, "by": "age"}, 0)[0]))
    assert far["features"] > 5 * far["features_by_chance"]
    assert feature_skew(replace(data, silo=np.zeros(400, np.int64))) == {"features": 0.0, "features_by_chance": 0.0}
    assert absent(iid) == 0.0
    assert absent(replace(iid, present=data.present | {"text": iid.silo < 3, "image": iid.silo < 0})) == pytest.approx(1 / 12)
