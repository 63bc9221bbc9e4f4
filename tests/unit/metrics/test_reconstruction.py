"""The round trip's scores on cases with known answers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics import table_fidelity
from fpmg_plugins.metrics.round_trip import pixel_fidelity, series_fidelity
from fpmg_plugins.metrics.round_trip.reconstruction import Reconstruction

from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for
from fpmg_bench.types import Column, Pixels, Series, Table, Text

WIDTHS = {"table": 8, "series": 16, "text": 16, "image": 16}


@pytest.fixture(scope="module")
def prepared():
    made = split(Phantom(patients=400, silos=2, modalities=tuple(WIDTHS)).load(), 0)
    return made, EvaluationSpace.fit(made.train, 0)


def measured(prepared, trips, widths=WIDTHS, members=None, **of):
    made, space = prepared
    evidence = Measured(
        train=made.train, r1=made.r1, r2=made.r2, held_out=made.held_out, third=made.third, space=space, silo_names=("a", "b"),
        released={}, round_trip=(lambda: trips) if trips else None, widths=widths,
        member_trip=(lambda: members) if members else None, **of,
    )  # fmt: skip
    found = Reconstruction()(evidence, rng_for(0, "m"))
    return {(s.modality, s.key.removeprefix("reconstruction."), s.scope): s.value for s in found}, evidence.gaps


def test_a_perfect_round_trip_reaches_every_best_value(prepared):
    found, _ = measured(prepared, dict.fromkeys((0, 1), prepared[0].held_out))
    best = {key.removeprefix("reconstruction."): scale.best for key, scale in Reconstruction.scales.items()}
    reached = {(m, k): v for (m, k, scope), v in found.items() if scope == "all" and k.partition("_")[2] not in ("pca", "locf")}
    for (modality, key), value in reached.items():
        if key not in ("auroc", "finding_f1_commonest"):
            assert value == pytest.approx(best[key], abs=1e-9), (modality, key)
    assert found["series", "rmse_locf", "all"] > 0 < found["image", "ssim_pca", "all"] < 1


def test_noise_is_worse_in_every_modality_and_each_silo_is_shown(prepared):
    held = prepared[0].held_out
    rng = np.random.default_rng(0)
    order = rng.permutation(len(held))
    noisy = replace(held, data={name: part.take(order) for name, part in held.data.items()})
    noisy.data["image"] = Pixels.of(rng.integers(0, 256, held.data["image"].array().shape, dtype=np.uint8))
    found, _ = measured(prepared, {0: held, 1: noisy})
    for modality, key in [("image", "ssim"), ("text", "finding_f1"), ("table", "auroc")]:
        assert found[modality, key, "silo:b"] < found[modality, key, "silo:a"]
        assert found[modality, key, "all"] == pytest.approx((found[modality, key, "silo:a"] + found[modality, key, "silo:b"]) / 2)
    assert found["series", "rmse", "silo:b"] > 0.5
    assert found["series", "label_kept", "silo:b"] < 0.3


def test_an_unreadable_label_and_a_missing_modality_are_said(prepared):
    held = prepared[0].held_out
    absent = dict(held.present) | {"image": np.zeros(len(held), bool)}
    _, gaps = measured(prepared, {0: replace(held, present=absent)})
    assert any("0 held-out records have the modality 'image'" in gap.reason for gap in gaps)
    with pytest.raises(NotApplicable, match="no encoders"):
        measured(prepared, None)


def test_carried_forward_by_hand():
    seen = np.array([[[1], [0], [1], [1]]], bool)
    series = Series(np.arange(4, dtype=np.float32)[None], np.array([[[1], [0], [3], [7]]], np.float32), seen)
    scale = series_fidelity.units(series)
    assert scale.mean[0] == pytest.approx(11 / 3)
    raw = series_fidelity.Units(np.zeros(1), np.ones(1))
    guess = series_fidelity.carried_forward(series, raw)
    assert guess[0, :, 0].tolist() == [0, 1, 1, 3]
    assert series_fidelity.masked_error(series, guess, raw) == pytest.approx(np.sqrt((1 + 4 + 16) / 3))
    gap = Series(series.time, np.array([[[1], [0], [0], [7]]], np.float32), np.array([[[1], [0], [0], [1]]], bool))
    assert series_fidelity.rmse(series, gap, raw) == pytest.approx(2 / np.sqrt(3))  # 5 is read where 3 was seen


def test_the_mean_picture_is_blurred_and_all_components_are_exact():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (12, 1, 64, 64), dtype=np.uint8)
    real = Pixels.of(frames)
    mean = Pixels.of(np.broadcast_to(frames.mean(0).astype(np.uint8), frames.shape))
    assert pixel_fidelity.compare(real, mean).sharpness < 0.2
    assert pixel_fidelity.principal(real, real, 11) == pytest.approx(1.0, abs=1e-3)
    assert pixel_fidelity.principal(real, real, 2) < 0.9


def test_cells_outside_the_schema_are_counted():
    columns = [Column("sex", "category", ("F", "M")), Column("dead", "flag"), Column("age", "number", low=0, high=100)]
    frame = Table(pd.DataFrame({"sex": ["F", "x", None], "dead": [0.0, 2.0, np.nan], "age": [5.0, 101.0, np.nan]})).frame
    assert table_fidelity.invalid(columns, frame) == 3


def test_the_commonest_words_are_the_text_rival(prepared):
    held = prepared[0].held_out
    same = replace(held, data=dict(held.data) | {"text": Text(("",) * len(held))})
    found, _ = measured(prepared, {0: same}, {"text": 16})
    assert found["text", "finding_f1", "all"] == 0.0 < found["text", "finding_f1_commonest", "all"]
    assert found["text", "well_formed", "all"] == 0.0


def remembered(found, scope="all"):
    return {modality: value for (modality, key, at), value in found.items() if key == "membership" and at == scope}


def disturbed(cohort, seed):
    """Every second column, cell, word and pixel of another record."""
    order = np.random.default_rng(seed).permutation(len(cohort))
    other = {name: part.take(order) for name, part in cohort.data.items()}
    frame, wrong = cohort.data["table"].frame.copy(), other["table"].frame
    for column in frame.columns[::2]:
        frame[column] = wrong[column]
    text = tuple(
        f"{a[: len(a) // 2]} {b[: len(b) // 2]}" for a, b in zip(cohort.data["text"].strings, other["text"].strings, strict=True)
    )
    half = (cohort.data["image"].array() // 2 + other["image"].array() // 2).astype(np.uint8)
    series = cohort.data["series"]
    moved = Series(series.time, (series.values + other["series"].values) / 2, series.seen & other["series"].seen)
    return replace(cohort, data={"table": Table(frame), "text": Text(text), "image": Pixels.of(half), "series": moved})


def test_members_who_come_back_as_they_are_among_others_who_do_not_are_recognised(prepared):
    made = prepared[0]
    train, held = made.train, made.held_out
    found, _ = measured(prepared, {0: disturbed(held, 0), 1: held}, members={0: train, 1: train})
    assert min(remembered(found, "silo:a").values()) > 0.95
    assert set(remembered(found, "silo:a")) == set(WIDTHS)
    assert all(value == pytest.approx(0.5) for value in remembered(found, "silo:b").values())
    blind, _ = measured(prepared, {0: disturbed(held, 0)}, members={0: disturbed(train, 1)})
    assert all(0.35 < value < 0.65 for value in remembered(blind).values())


def test_where_nothing_travels_only_a_silos_own_patients_are_members(prepared):
    made = prepared[0]
    own = disturbed(made.train, 1)
    at = np.flatnonzero(made.train.silo == 0)
    strings = np.array(own.data["text"].strings, dtype=object)
    strings[at] = np.array(made.train.data["text"].strings, dtype=object)[at]
    back = replace(own, data={**own.data, "text": Text(tuple(strings))})
    trips, members = {0: disturbed(made.held_out, 0)}, {0: back}
    alone, _ = measured(prepared, trips, {"text": 16}, members, bytes={"messages": 0})
    together, _ = measured(prepared, trips, {"text": 16}, members, bytes={"messages": 4})
    assert remembered(alone)["text"] > 0.95 > remembered(together)["text"]


def test_without_the_training_patients_membership_is_a_gap(prepared):
    found, gaps = measured(prepared, {0: prepared[0].held_out}, {"table": 8})
    assert not remembered(found)
    assert any(gap.key == "reconstruction.membership" for gap in gaps)
