"""The calibration page and the marks in table heads say what the verdicts say."""

import pytest
from planted import REAL, seen

from fpmg_bench.calibration import responses
from fpmg_bench.calibration.verdicts import Failure, Verdict
from fpmg_bench.hookspecs import CORE
from fpmg_bench.report import markdown
from fpmg_bench.report.appendix import calibration
from fpmg_bench.report.blocks import Head
from fpmg_bench.report.measures import TSTR, marked
from fpmg_bench.report.page import render

MADE = {
    "command": "fpmg-bench calibrate runs/x --write",
    "git": {"commit": "abc"},
    "runs": {"smoke": {"seeds": [0, 1], "cohorts": ["phantom"], "metrics": ["dg"]}},
}


@pytest.fixture
def table():
    return [
        *seen("copy", 1.0, REAL, key="dg.phi"),
        *seen("collapse", 0.5, [1.01] * 5, key="dg.phi"),
        *seen("collapse", 1.0, [1.02] * 5, key="dg.phi"),
    ]


def test_the_page_shows_the_missed_bar_and_loads_no_plotting_library(table):
    page = render([calibration.section(responses(table))], title="calibration")
    assert "collapse on phantom: dg.phi 1.02, expected at least 1.3" in page
    assert "<polyline" in page
    assert len(page) < 100_000


def test_the_same_in_words(table):
    text = markdown.render([calibration.section(responses(table), MADE)], title="Calibration")
    assert "| dg.phi | demoted | 0 of 1 | collapse on phantom: dg.phi 1.02" in text
    assert "commit abc" in text and "smoke: seeds 0 and 1" in text
    assert "| dg.phi | 1.000 [0.952, 1.048] |" in text
    assert "1.000 → 1.010 → 1.020 (1) *missed*" in text and "(1) expected at least 1.3" in text


def test_a_demoted_measure_is_marked_in_its_head_and_decides_nothing():
    verdict = Verdict("dg.phi", "demoted", 0, 1, (Failure("collapse", "phantom", "dg.phi", "at least 1.3", "1.02"),))
    head = marked(Head("DG in phi", hint="Diversity."), verdict)
    assert head.label == "DG in phi ✗"
    assert "collapse on phantom: dg.phi 1.02" in head.hint
    assert not verdict.counts


class Empty:
    """A view in which nothing was measured."""

    has = measured = staticmethod(lambda *_: False)
    origin = staticmethod(lambda *_: CORE)


def test_every_headline_measure_has_its_verdict_in_the_head():
    assert "Calibration: " in TSTR.head(Empty, None).hint


def test_the_calibration_suites_run_every_metric_that_scores_a_release():
    from fpmg_bench.registry import Registry
    from fpmg_bench.suite import load_suite

    unreachable = {"fc", "co", "reconstruction", "neighbour"}  # of weights, messages and encoders, which a bare control lacks
    unreachable |= {"shadow"}  # a control trains nothing that could be trained again: its known answers are in test_shadow
    unreachable |= {"survival"}  # no cohort of these suites has a time to event: its controls are in test_other_labels
    unreachable |= {"cooccurrence", "label-choice"}  # of worlds made for them: their controls are in their own tests
    unreachable |= {"latent"}  # of vectors: controls behind encoders have a suite of their own
    assert "latent" in {choice.name for choice in load_suite("calibration_latent").metrics}
    shipped = {entry.name for entry in Registry.discover().entries("metric") if entry.distribution == "fpmg-bench"} - unreachable
    for suite, without in (("calibration", set()), ("calibration_n", {"frozen-space"})):
        assert {choice.name for choice in load_suite(suite).metrics} == shipped - without


def test_nobody_leads_by_a_demoted_measure(monkeypatch):
    from fpmg_bench.report import measures
    from fpmg_bench.report.verdicts import leaders

    demoted = Verdict("tstr", "demoted", 0, 1)
    monkeypatch.setattr(measures, "mark", lambda key, modality=None, origin=None: demoted)
    assert leaders.standing(Empty, None, TSTR) is None  # before it looks at any method
