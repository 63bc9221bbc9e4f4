"""The shapes of the phantom: what no Gaussian can have, in every modality; joint conditions; gaps that follow the phenotype."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from scipy.stats import kurtosis
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsRegressor

from fpmg_bench.errors import DatasetError
from fpmg_bench.evaluation.valid import fault
from fpmg_bench.types import KINDS

SHAPES = ("ring", "moons", "rare-mixture")
# sha256 over all data of Phantom(patients=60, absent=0.1), before there were shapes
TODAY = "ddffd3f3b092897ee94d971949125951de29001974603e731b0176bb6fd80860"


def digest(cohort):
    whole = hashlib.sha256()
    for kind in cohort.schemas:
        part = cohort.data[kind]
        if kind == "table":
            whole.update(part.frame.to_csv().encode())
        elif kind == "series":
            whole.update(part.time.tobytes() + part.values.tobytes() + part.seen.tobytes())
        elif kind == "text":
            whole.update("\n".join(part.strings).encode())
        else:
            whole.update(part.array().tobytes())
        whole.update(cohort.present[kind].tobytes())
    whole.update(cohort.condition.tobytes() + cohort.silo.tobytes() + cohort.patient.tobytes())
    return whole.hexdigest()


def codes(cohort, kind):
    """Eight linear codes of a modality."""
    part = cohort.data[kind]
    if kind == "table":
        frame = pd.get_dummies(part.frame, dtype=float)
        x = frame.fillna(frame.mean())
        x = ((x - x.mean()) / x.std().replace(0, 1)).to_numpy()
    elif kind == "series":
        halves = [(part.values[:, rows], part.seen[:, rows]) for rows in (slice(0, 12), slice(12, 24))]
        x = np.concatenate([values.sum(1) / np.maximum(seen.sum(1), 1) for values, seen in halves], axis=1)
        x = (x - x.mean(0)) / x.std(0)
    elif kind == "text":
        from sklearn.feature_extraction.text import CountVectorizer

        x = CountVectorizer(min_df=20, binary=True).fit_transform(part.strings).toarray().astype(float)
    else:
        x = part.array().reshape(len(part), -1).astype(float)
    return PCA(min(8, x.shape[1]), random_state=0).fit_transform(x)


@pytest.fixture(scope="module", params=SHAPES)
def cohort(request):
    return Phantom(shape=request.param, patients=1500, missing=0.0, site_shift=0.0).load()


def phenotype(cohort):
    """u and v as the table tells them, nearly without noise."""
    frame = cohort.data["table"].frame
    return np.column_stack([(frame["cortisol"] - 16) / 7, (frame["melatonin"] - 60) / 28])


def test_gaussian_patients_are_the_same_bit_for_bit():
    assert digest(Phantom(patients=60, absent=0.1).load()) == TODAY


def test_data_are_valid_under_their_schemas(cohort):
    for kind, schema in cohort.schemas.items():
        assert not fault(schema, cohort.data[kind], len(cohort))


@pytest.mark.parametrize("kind", KINDS)
def test_every_modality_shows_the_phenotype(cohort, kind):
    """Its place in the plane is read from eight linear codes by neighbours."""
    read = cross_val_score(KNeighborsRegressor(8), codes(cohort, kind), phenotype(cohort), cv=3, scoring="r2").mean()
    assert read > 0.5


def whitened(x, conditions):
    """Residuals given label and all other conditions, linearly, whitened."""
    given = np.column_stack([np.eye(int(conditions[:, 0].max()) + 1)[conditions[:, 0].astype(int)], conditions[:, 1:]])
    left = x - LinearRegression().fit(given, x).predict(given)
    values, vectors = np.linalg.eigh(np.cov(left.T))
    keep = values > 1e-6 * values[-1]
    return (left - left.mean(0)) @ vectors[:, keep] / np.sqrt(values[keep])


def test_the_plane_given_the_conditions_is_far_from_gaussian(cohort):
    """Whitened: a Gaussian's excess kurtosis is 0 +- .13; patients of a Gaussian with its moments lie where nobody lies."""
    inner = whitened(phenotype(cohort), cohort.condition)
    assert np.abs(kurtosis(inner)).max() > 0.6
    rng, plane = np.random.default_rng(0), phenotype(cohort)
    fake = rng.multivariate_normal(plane.mean(0), np.cov(plane.T), len(plane))
    nearest = np.sqrt(((fake[:, None] - plane[None]) ** 2).sum(-1)).min(1)
    own = np.sort(np.sqrt(((plane[:, None] - plane[None]) ** 2).sum(-1)), axis=1)[:, 1]
    assert nearest.mean() > 2.5 * own.mean()


@pytest.mark.parametrize("shape", SHAPES)
def test_place_and_marker_together_tell_the_class_and_neither_alone(shape):
    cohort = Phantom(shape=shape, patients=3000, modalities=("table",), missing=0.0, site_shift=0.0).load()
    plane, marker, label = phenotype(cohort), cohort.condition[:, 3:4], cohort.label
    trees = HistGradientBoostingClassifier(max_depth=4, max_iter=60, random_state=0)
    told = [cross_val_score(trees, x, label, cv=3, scoring="roc_auc").mean() for x in (np.hstack([plane, marker]), plane, marker)]
    assert told[0] > 0.68 and max(told[1:]) < 0.62
    alike = np.hstack([plane, plane**2, plane[:, :1] * plane[:, 1:], marker])
    assert cross_val_score(LogisticRegression(), alike, label, cv=3, scoring="roc_auc").mean() < 0.62


def test_a_rare_mode_is_rare_and_there():
    cohort = Phantom(shape="rare-mixture", patients=3000, modalities=("table",), missing=0.0).load()
    plane = phenotype(cohort)
    centre = 0.9 * np.array([np.cos(2 * np.pi * 5 / 6), np.sin(2 * np.pi * 5 / 6)])
    share = (np.linalg.norm(plane - centre, axis=1) < 0.45).mean()
    assert 0.008 < share < 0.04


def test_conditions_are_joint_and_bimodal():
    cohort = Phantom(shape="ring", patients=4000, modalities=("table",)).load()
    names = [c.name for c in cohort.conditions]
    values = dict(zip(names, cohort.condition.T, strict=True))
    assert names == ["label", "severity", "diabetes", "marker", "asthma", "fibrosis"]
    for label in (0, 1):
        mine = values["label"] == label
        marker, fibrosis = values["marker"][mine], values["fibrosis"][mine]
        assert kurtosis(marker) < -1.0 and ((marker > 0.4) & (marker < 0.56)).mean() < 0.05
        assert np.corrcoef(fibrosis, marker > 0.5)[0, 1] > 0.25
    assert values["fibrosis"][values["label"] == 1].mean() > values["fibrosis"][values["label"] == 0].mean() + 0.1


def test_gaps_follow_the_phenotype_and_come_together():
    full = Phantom(shape="ring", patients=3000, modalities=("table",), missing=0.0).load()
    holes = Phantom(shape="ring", patients=3000, modalities=("table",), missing=0.05).load().data["table"].frame
    high = phenotype(full)[:, 0] > 0.3
    gone = holes["cortisol"].isna()
    assert gone[high].mean() > 4 * gone[~high].mean() > 0.0
    assert (holes.loc[gone, ["melatonin", "ferritin", "eosinophils", "dlco", "bmi"]].isna()).all(axis=None)
    cohort = Phantom(shape="ring", patients=2000, absent=0.3, missing=0.0).load()
    up = phenotype(cohort)[:, 1] > 0
    low = phenotype(cohort)[:, 1] < -0.3
    seen = [cohort.data["series"].seen[rows].mean() for rows in (low, ~low)]
    assert seen[0] < 0.6 * seen[1]
    rates = [1 - np.mean([cohort.present[kind][rows].mean() for kind in KINDS]) for rows in (up, ~up)]
    assert rates[0] > 2 * rates[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_oracle_keeps_labels_and_follows_the_same_law(shape):
    phantom = Phantom(shape=shape, patients=1500, modalities=("table", "text"), missing=0.0)
    labels = np.repeat([0, 1], 750)
    fresh, real = phantom.simulate(1500, 3, labels), phantom.load()
    assert np.array_equal(fresh.label, labels)
    for label in (0, 1):
        a, b = (phenotype(c)[c.label == label] for c in (fresh, real))
        assert a.mean(0) == pytest.approx(b.mean(0), abs=0.12)
        assert np.abs(np.cov(a.T) - np.cov(b.T)).max() < 0.1


def test_two_diseases_are_withheld_from_training_together_and_meet_among_the_held_out():
    phantom = Phantom(shape="ring", patients=800, held_out=800, withhold=True, modalities=("table",))
    both = {
        part: (c.condition[:, 4] * c.condition[:, 5]).mean() for part in ("train", "held_out") if (c := phantom.fresh(0, part))
    }
    assert both["train"] == 0.0 and both["held_out"] > 0.03
    assert (phantom.simulate(800, 1).condition[:, 4:].sum(1) == 2).any()
    train = phantom.fresh(0, "train").condition
    assert train[:, 4].mean() > 0.1 < train[:, 5].mean()


@pytest.mark.parametrize("wrong", [{"held_out": 100}, {"shape": "ring"}])
def test_withholding_needs_a_shape_and_fresh_people(wrong):
    with pytest.raises(DatasetError, match="withhold"):
        Phantom(withhold=True, modalities=("table",), **wrong).load()


def test_visits_keep_the_phenotype():
    cohort = Phantom(shape="moons", patients=200, visits=3, modalities=("table",), missing=0.0).load()
    frame = cohort.data["table"].frame.assign(patient=cohort.patient)
    spread = frame.groupby("patient")["melatonin"].agg(lambda x: x.max() - x.min())
    assert len(frame) > 250 and spread.max() < 25 < frame["melatonin"].max() - frame["melatonin"].min()
