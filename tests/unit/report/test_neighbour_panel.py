"""The panel of leakage: who is recognised by whom, only where it was measured."""

import shutil

import pandas as pd
import pytest

from fpmg_bench.report import build

from .fake_run import add, make


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make(tmp_path_factory.mktemp("neighbour") / "fake", seeds=(0,))


def page_with(run, folder, leaky, keys=("neighbour.membership", "neighbour.hop_1"), status="ok"):
    """The page of the run where the methods have these scores: .9 for the leaky one, .5 for all others, in every round."""
    copied = folder / "run"
    shutil.copytree(run, copied)
    table = pd.read_parquet(copied / "results.parquet")
    base = table[(table.metric == "rg") & table.modality.isna() & (table.scope == "all") & (table["round"] == -1)]
    rows = []
    for key in keys:
        for scope, modality, round in (
            ("all", None, -1),
            ("silo:north", None, -1),
            ("all", "labs", -1),
            ("all", "labs", 0),
            ("all", "labs", 1),
        ):
            value = base.method.map(lambda method: 0.9 if method == leaky else 0.5)
            rows.append(base.assign(metric=key, scope=scope, modality=modality, round=round, value=value, low=value - 0.1, high=value + 0.05, floor=0.5, status=status, reason="why not"))  # fmt: skip
    add(copied, pd.concat(rows))
    return build(copied, folder / "report.html").read_text()


def test_there_is_no_panel_where_neighbours_were_not_asked_for(run, tmp_path):
    assert 'id="neighbour"' not in build(run, tmp_path / "report.html").read_text()


def test_a_method_whose_whole_interval_lies_above_guessing_is_named(run, tmp_path):
    page = page_with(run, tmp_path, "fedavg")
    assert "Who was trained on can be told, beyond the intervals, from the messages of fedavg." in page
    assert "leakage by silo and adversary" in page
    assert "Leakage by round" in page
    panel = page[page.index('id="neighbour"') :]
    assert "1 hop" in panel
    assert "3 hops" not in panel
    assert "north" in panel


def test_guessing_is_not_called_a_leak(run, tmp_path):
    assert "No method&#39;s messages are shown to tell who was trained on." in page_with(run, tmp_path, "nobody")


def test_what_is_not_applicable_says_why(run, tmp_path):
    page = page_with(run, tmp_path, "fedavg", keys=("neighbour",), status="not_applicable")
    assert "Nothing can be said of neighbours here: why not." in page
