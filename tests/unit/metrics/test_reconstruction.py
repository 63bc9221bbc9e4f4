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


def measured(prepared, trips, widths=WIDTHS):
    made, space = prepared
    evidence = Measured(
        train=made.train, r1=made.r1, r2=made.r2, held_out=made.held_out, third=made.third, space=space, silo_names=("a", "b"),
        released={}, round_trip=(lambda: trips) if trips else None, widths=widths,
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
