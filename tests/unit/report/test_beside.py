"""Real beside synthetic: nothing of fewer than ten patients reaches the page, and what does is right."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpmg_bench.report import beside
from fpmg_bench.report.beside import cells
from fpmg_bench.report.beside.pairs import Made, pair
from fpmg_bench.report.beside.sources import Gone, Loader, leading
from fpmg_bench.report.drawing.palette import style
from fpmg_bench.report.page import render
from fpmg_bench.types import Cohort, Column, Schema, Series, Table

from .small_view import rows, small

OUTLIER = 987654.3215
ZEBRA = "zebra syndrome"
TYPES = ("common", "usual", ZEBRA)


def cohort(n, seed, records=1, outlier=True):
    """n patients with so many records; the first patient is unlike all others."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n), records)
    size = len(patient)
    first = (patient == 0) & outlier
    dose = rng.lognormal(3.0, 0.7, size) + 0.1234567
    sick = rng.integers(0, 2, size).astype(float)
    kind = np.where(rng.random(size) < 0.5, "common", "usual").astype(object)
    pulse = rng.normal(80 + 15 * sick[:, None], 9, (size, 6)).astype(np.float32)
    frame = pd.DataFrame(
        {"dose": np.where(first, OUTLIER, dose), "kind": np.where(first, ZEBRA, kind), "rash": first.astype(float)}
    )
    time = np.tile(np.arange(6, dtype=np.float32), (size, 1))
    time[first] += 5000.0
    pulse[first] = OUTLIER
    drug = (Column("dose", "number", unit="mg"), Column("kind", "category", TYPES), Column("rash", "flag"))
    schemas = {"drug": Schema("table", drug), "ward": Schema("series", (Column("pulse", "number", unit="/min"),), (6,))}
    data = {"drug": Table(frame), "ward": Series(time, pulse[:, :, None], np.ones((size, 6, 1), bool))}
    present = {name: np.ones(size, bool) for name in schemas}
    label = Column("diagnosis", "category", ("healthy", "ill"))
    return Cohort(schemas, data, present, (label,), sick[:, None], patient, np.zeros(size, np.int64))


def stored(tmp_path, *methods):
    """A view of these methods (name, score), each with a stored release."""
    seen, group = small([row for name, score in methods for row in rows(name, "tstr", [score])], seeds=1)
    for method in group.methods:
        folder = tmp_path / method.name / "synthetic" / "all"
        folder.mkdir(parents=True)
        (folder / "cohort.yaml").touch()
    kept = [replace(m, trials=[replace(t, folder=tmp_path / m.name) for t in m.trials]) for m in group.methods]
    return replace(seen, groups=[replace(group, methods=kept)])


def shown(tmp_path, real, made):
    """The panel of a cohort that may not be published, as HTML."""
    seen = stored(tmp_path, ("fpmg", 0.8), ("local", 0.6))
    return render(beside.sections(seen, Loader(lambda group: real, lambda place: made)), title="")


@pytest.mark.parametrize("records", [1, 3])
def test_no_outlier_and_no_rare_category_reaches_the_page(tmp_path, records):
    real = cohort(90, 1, records)
    page = shown(tmp_path, real, cohort(50, 2, outlier=False))
    assert "column by column" in page and "one plane" in page and "over time" in page
    assert ZEBRA not in page and "zebra" not in page
    assert "98765" not in page.replace(",", "") and "5000" not in page.replace(",", "")
    exact = [f"{value:.5f}" for value in real.data["drug"].frame["dose"]]
    assert not [value for value in exact if value in page]
    assert "rash" in page.partition("so not drawn:")[2][:40]  # a flag of one patient is named, not drawn


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 70), st.integers(1, 4), st.integers(0, 10**6), st.floats(-1e5, 1e5))
def test_every_cell_has_ten_patients(n, records, seed, far):
    real = cohort(n, seed, records)
    synthetic = cohort(30, seed + 1)
    synthetic.data["drug"].frame["dose"] += far  # what is drawn beside may lie anywhere
    found = pair(real, [Made("m", style(0), synthetic)])
    assert {q.title for q in found.quantities} | set(found.undrawn) == {
        "diagnosis",
        "drug: dose",
        "drug: kind",
        "drug: rash",
        "ward: pulse, mean of a record",
    }
    for quantity in found.quantities:
        inside = [len(np.unique(real.patient[quantity.real == i])) for i in range(len(quantity.cells))]
        assert min(inside) >= cells.LEAST
        assert not [label for label in quantity.cells.labels if "zebra" in label]
        told = cells.shares(quantity.real, real.patient, len(quantity.cells))
        assert told.sum() == pytest.approx(1.0)
    assert n >= 2 * cells.LEAST or records > 1 or not found.quantities


def test_shares_count_patients_and_not_records():
    codes, patient = np.array([0] * 10 + [1] * 90), np.array([*range(10), *np.repeat(range(10, 20), 9)])
    assert cells.shares(codes, patient, 2) == pytest.approx([0.5, 0.5])


def test_correlations_are_pearsons_and_a_table_with_a_thin_cell_is_blank():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 6, 80)
    b = np.clip(a + rng.integers(-1, 2, 80), 0, 5)
    thin, other = (np.arange(80) < 15).astype(int), (np.arange(80) > 11).astype(int)  # three patients have both
    found = cells.correlated([a, b, thin, other], np.arange(80))
    assert found[0, 1] == pytest.approx(np.corrcoef(a, b)[0, 1], abs=0.006)
    assert np.isnan(found[2, 3]) and np.isfinite(found[2, 0])


def test_few_patients_in_a_cell_of_the_plane_are_none():
    cell = np.array([0] * 12 + [1] * 9 + [2] * 30)
    assert cells.counted(cell, np.array([*range(12), *range(9), *np.repeat(range(3), 10)]), 4).tolist() == [12, 0, 0, 0]


def test_a_cohort_that_is_gone_is_said(tmp_path):
    def gone(group):
        raise Gone("the cohort has changed since the run was planned")

    (section,) = beside.sections(stored(tmp_path, ("fpmg", 0.8)), Loader(gone, gone))
    assert "cannot be read here" in section.blocks[1].paragraphs[0] and "has changed since" in section.blocks[1].paragraphs[0]
    assert beside.sections(stored(tmp_path / "b", ("fpmg", 0.8)), None) == []


def test_the_best_two_by_the_headline_stand_beside_the_real(tmp_path):
    seen = stored(tmp_path, ("a", 0.6), ("b", 0.9), ("c", 0.8))
    assert [method.name for method, _ in leading(seen, seen.groups[0])] == ["b", "c"]
