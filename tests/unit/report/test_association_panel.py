"""The panel says what is lost only where the floor lets it be told."""

import shutil

import pandas as pd
import pytest

from fpmg_bench.report import build

from .fake_run import add, make


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make(tmp_path_factory.mktemp("association") / "fake")


def page_with(run, folder, value, floor):
    """The page of the run with an association error for the scores that it has of rg."""
    copied = folder / "run"
    shutil.copytree(run, copied)
    table = pd.read_parquet(copied / "results.parquet")
    extra = table[(table.metric == "rg") & table.modality.isna() & (table.scope == "all")].copy()
    extra["metric"], extra["higher_is_better"], extra["status"] = "association", False, "ok"
    extra["value"], extra["floor"] = value + 0.001 * extra.seed, floor
    add(copied, extra)
    return build(copied, folder / "report.html").read_text()


def test_there_is_no_panel_where_association_was_not_measured(run, tmp_path):
    assert 'id="association"' not in build(run, tmp_path / "report.html").read_text()


def test_an_error_above_its_floor_is_named_as_lost(run, tmp_path):
    page = page_with(run, tmp_path, 0.8, 0.3)
    assert 'id="association"' in page
    assert "Association between modalities is lost, beyond the interval, by" in page


def test_an_error_at_its_floor_is_not(run, tmp_path):
    page = page_with(run, tmp_path, 0.3, 0.302)
    assert "Association between modalities is lost" not in page
    assert "No method&#39;s association error is shown to lie above its floor." in page


def test_a_floor_like_no_association_tells_nothing(run, tmp_path):
    assert "Nothing can be told here" in page_with(run, tmp_path, 1.0, 1.02)
