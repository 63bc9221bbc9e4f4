from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from fpmg_plugins.datasets.phantom import FRESH, Phantom
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import KINDS, Cohort


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return Phantom(patients=1500).load()


def _features(cohort: Cohort, modality: str) -> np.ndarray:
    part = cohort.data[modality]
    if modality == "table":
        dummies = pd.get_dummies(part.frame, dtype=float)
        return dummies.fillna(dummies.mean()).to_numpy()
    if modality == "series":
        return part.values.sum(axis=1) / np.maximum(part.seen.sum(axis=1), 1)
    if modality == "text":
        return CountVectorizer(ngram_range=(1, 2), min_df=5, binary=True).fit_transform(part.strings).toarray()
    pixels = part.array().reshape(len(part), -1).astype(float)
    return PCA(16, svd_solver="randomized", random_state=0).fit_transform(pixels)


def _out_of_fold(cohort: Cohort, modality: str) -> np.ndarray:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=300))
    return cross_val_predict(model, _features(cohort, modality), cohort.label, cv=3, method="predict_proba")[:, 1]


@pytest.mark.parametrize("modality", KINDS)
def test_every_modality_tells_the_class_but_not_all_of_it(cohort: Cohort, modality: str) -> None:
    auc = roc_auc_score(cohort.label, _out_of_fold(cohort, modality))
    assert 0.75 < auc < 0.95


def test_modalities_of_one_patient_agree_on_severity_within_a_class(cohort: Cohort) -> None:
    """Association runs through severity: shuffling patients of a class would destroy it."""
    sick = cohort.label == 1
    image, table = (_out_of_fold(cohort, name)[sick] for name in ("image", "table"))
    assert np.corrcoef(image, table)[0, 1] > 0.25
    rng = np.random.default_rng(0)
    assert abs(np.corrcoef(image, rng.permutation(table))[0, 1]) < 0.15


def test_the_side_of_the_disease_is_the_same_in_text_image_and_video(cohort: Cohort) -> None:
    said = np.array(["in the right" in s for s in cohort.data["text"].strings]).astype(int)
    rows = (
        np.array(["lower lobe" in s for s in cohort.data["text"].strings]) & (cohort.condition[:, 1] > 0.4) & (cohort.label == 1)
    )
    for name in ("image", "video"):
        pixels = cohort.data[name].array()[rows].astype(float)
        half = pixels.shape[-1] // 2
        balance = pixels[..., half:].mean(axis=tuple(range(1, pixels.ndim))) - pixels[..., :half].mean(
            axis=tuple(range(1, pixels.ndim))
        )
        assert roc_auc_score(said[rows], balance) > 0.8


def test_class_shares_without_site_shift_follow_imbalance() -> None:
    labels = Phantom(patients=4000, imbalance=0.5, site_shift=0.0, modalities=("table",)).load().label
    assert labels.mean() == pytest.approx(1 / 3, abs=0.03)


def test_site_shift_moves_class_shares_and_pixels_between_sites() -> None:
    def spread(shift: float) -> tuple[float, float]:
        cohort = Phantom(patients=2000, site_shift=shift, modalities=("image",)).load()
        sites = [cohort.silo == k for k in range(5)]
        bright = cohort.data["image"].array().mean(axis=(1, 2, 3))
        return float(np.std([cohort.label[s].mean() for s in sites])), float(np.std([bright[s].mean() for s in sites]))

    (label_0, bright_0), (label_1, bright_1) = spread(0.0), spread(1.0)
    assert label_1 > 2 * label_0
    assert bright_1 > 3 * bright_0


def test_fresh_patients_follow_the_same_distribution_and_are_other_people() -> None:
    phantom = Phantom(patients=2000, modalities=("table", "series"))
    known, fresh = phantom.load(), phantom.simulate(2000, torch.Generator().manual_seed(7))
    assert fresh.patient.min() >= FRESH and not set(fresh.patient) & set(known.patient)
    assert fresh.schemas == known.schemas
    assert fresh.label.mean() == pytest.approx(known.label.mean(), abs=0.05)
    assert fresh.condition[:, 1].mean() == pytest.approx(known.condition[:, 1].mean(), abs=0.03)
    for column in ("crp", "spo2", "age"):
        a, b = known.data["table"].frame[column], fresh.data["table"].frame[column]
        assert a.mean() == pytest.approx(b.mean(), abs=4 * a.std() / np.sqrt(1000))
    assert not known.data["table"].frame.equals(fresh.data["table"].frame)


def test_requested_labels_are_kept_and_sites_follow_them() -> None:
    phantom = Phantom(patients=10, modalities=("table",), site_shift=1.0)
    labels = np.repeat([0, 1], 3000)
    fresh = phantom.simulate(6000, 3, labels)
    assert np.array_equal(fresh.label, labels)
    world = phantom.world()
    joint = world.share[:, None] * world.classes
    expected = joint / joint.sum(axis=0)
    for y in (0, 1):
        share = np.bincount(fresh.silo[labels == y], minlength=5) / 3000
        assert share == pytest.approx(expected[:, y], abs=0.03)


def test_wrong_labels_are_refused() -> None:
    with pytest.raises(DatasetError, match="class indices below 2"):
        Phantom(modalities=("table",)).simulate(3, 0, [0, 1, 2])


def test_simulation_leaves_global_generators_alone() -> None:
    torch.manual_seed(0)
    before, state = torch.get_rng_state(), np.random.get_state()[1].copy()
    Phantom(patients=20).simulate(20, torch.Generator().manual_seed(1))
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(state, np.random.get_state()[1])


def test_fewer_modalities_change_none_of_the_others() -> None:
    everything, some = Phantom(patients=50).load(), Phantom(patients=50, modalities=("text", "video")).load()
    assert some.data["text"].strings == everything.data["text"].strings
    assert np.array_equal(some.data["video"].array(), everything.data["video"].array())


def test_visits_repeat_patients_who_stay_in_their_silo() -> None:
    cohort = Phantom(patients=200, visits=4, modalities=("table",)).load()
    assert len(np.unique(cohort.patient)) == 200 and 400 < len(cohort) < 600
    frame = pd.DataFrame(
        {"patient": cohort.patient, "silo": cohort.silo, "label": cohort.label, "age": cohort.data["table"].frame["age"]}
    )
    assert (frame.groupby("patient").nunique() == 1).all(axis=None)


def test_absent_modalities_are_marked_and_no_record_lacks_all() -> None:
    cohort = Phantom(patients=1000, absent=0.3).load()
    present = np.column_stack([cohort.present[name] for name in KINDS])
    assert present.mean() == pytest.approx(0.7, abs=0.02)
    assert present.any(axis=1).all()


def test_missing_zero_fills_every_cell() -> None:
    frame = Phantom(patients=300, missing=0.0, modalities=("table",)).load().data["table"].frame
    assert frame.notna().all(axis=None)
    assert 0.1 < Phantom(patients=300, missing=0.3, modalities=("table",)).load().data["table"].frame["crp"].isna().mean() < 0.6


def test_reports_hold_findings_and_negations_within_their_length(cohort: Cohort) -> None:
    strings = cohort.data["text"].strings
    assert max(map(len, strings)) <= cohort.schemas["text"].shape[0]
    assert 0.2 < np.mean(["no focal consolidation" in s or "no acute infiltrate" in s for s in strings]) < 0.7


def test_three_classes_are_all_there() -> None:
    cohort = Phantom(patients=300, classes=3, modalities=("text",)).load()
    assert cohort.classes == ("healthy", "pneumonia", "effusion")
    assert set(cohort.label) == {0, 1, 2}


def test_unknown_modalities_are_refused() -> None:
    with pytest.raises(DatasetError, match="cannot be simulated"):
        Phantom(modalities=()).load()
