from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.nih_boxes import NihBoxes, _overlap, _raster

from fpmg_bench.types import Cohort


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return NihBoxes().load()


def test_counts_of_images_patients_and_classes(cohort: Cohort) -> None:
    assert len(cohort) == 787 and len(np.unique(cohort.patient)) == 661
    counts = dict(zip(cohort.classes, np.bincount(cohort.label).tolist(), strict=True))
    assert counts == {
        "Atelectasis": 149, "Cardiomegaly": 135, "Effusion": 102, "Infiltrate": 79,
        "Mass": 63, "Nodule": 76, "Pneumonia": 97, "Pneumothorax": 86,
    }  # fmt: skip
    assert cohort.dropped == {"boxed images with several findings": 880 - 787}
    assert cohort.silo_names == ()


def test_earlier_follow_ups_are_the_series(cohort: Cohort) -> None:
    steps = cohort.data["series"].seen.any(axis=2).sum(axis=1)
    assert cohort.present["series"].sum() == 672
    assert (steps >= 3).sum() == 548
    assert np.array_equal(steps > 0, cohort.present["series"])


def test_time_runs_towards_the_image_and_never_reaches_it(cohort: Cohort) -> None:
    series = cohort.data["series"]
    known = series.seen[:, :, 0]
    assert (series.time[known] < 0).all()
    both = known[:, 1:] & known[:, :-1]
    assert (np.diff(series.time, axis=1)[both] > 0).all()
    assert (series.values[~series.seen] == 0).all()


def test_every_record_has_a_box(cohort: Cohort) -> None:
    assert (cohort.data["image"].array().max(axis=(1, 2, 3)) > 0).all()


def test_a_box_covers_its_share_of_each_pixel() -> None:
    """A box from pixel 0 to 1.5 of 4 covers pixel 0 wholly and pixel 1 by half."""
    share = _overlap(np.array([0.0]), np.array([384.0]), np.linspace(0, 1024, 5))
    assert share.tolist() == [[1.0, 0.5, 0.0, 0.0]]


def test_two_boxes_of_one_image_join() -> None:
    boxes = pd.DataFrame({"image": ["a", "a"], "x": [0.0, 512.0], "y": [0.0, 0.0], "w": [256.0, 256.0], "h": [1024.0, 512.0]})
    image = _raster(boxes, pd.DataFrame({"image": ["a"]}), 4).array()[0, 0]
    assert image.tolist() == [[255, 0, 255, 0], [255, 0, 255, 0], [255, 0, 0, 0], [255, 0, 0, 0]]


def test_header_stays_in_its_declared_ranges(cohort: Cohort) -> None:
    frame = cohort.data["header"].frame
    for column in cohort.schemas["header"].columns:
        values = frame[column.name]
        assert (
            values.isin(column.categories).all() if column.type == "category" else values.between(column.low, column.high).all()
        )
