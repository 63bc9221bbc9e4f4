"""RG of a modality is never shown without the score that sees what RG does not."""

import pytest

from fpmg_bench.report.quality import fidelity

from . import small_view
from .small_view import missing, rows, small

SCHEMAS = {"film": {"kind": "image"}, "note": {"kind": "text"}, "lab": {"kind": "table"}, "vitals": {"kind": "series"}}
SIGHT = {
    "film": ("spectra.distance", "spectra.coherence"), "note": ("legibility", "legibility.distinct"), "lab": ("possible", "missingness"),
    "vitals": ("step-change.off", "missingness"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def cohort(monkeypatch):
    monkeypatch.setattr(small_view, "COHORT", {**small_view.COHORT, "schemas": SCHEMAS})


def shown(found):
    view, _ = small(found)
    (figure,) = [block for block in fidelity.panel(view).blocks if block.kind == "figure"]
    return figure


def of_rg(method="fpmg"):
    return [row for m in SCHEMAS for row in rows(method, "rg", [0.82, 0.84], modality=m)]


def test_every_rg_has_its_sight_score_beside_it():
    sight = [row for m, keys in SIGHT.items() for key in keys for row in rows("fpmg", key, [12.0, 13.0], modality=m, floor=0.4)]
    table = shown([*of_rg(), *sight]).table
    labels = [head.label.rstrip(" °✗") for head in table.heads[1:]]
    assert labels == [
        "film: RG", "film: spectra, dB", "film: coherence", "lab: RG", "lab: impossible", "lab: gaps",
        "note: RG", "note: legibility", "note: distinct", "vitals: RG", "vitals: step change", "vitals: gaps",
    ]  # fmt: skip
    (row,) = table.rows
    assert [cell.text for cell in row.cells[1:]] == ["0.830", "12.5", "12.5"] * 4
    assert all("real 0.4" in cell.small for i, cell in enumerate(row.cells[1:]) if i % 3)
    assert table.notes == []


def test_where_the_run_did_not_measure_it_the_column_says_so():
    figure = shown(of_rg())
    (row,) = figure.table.rows
    assert [cell.text for i, cell in enumerate(row.cells[1:]) if i % 3] == ["not measured"] * 8
    assert "did not measure what would: film, lab, note, vitals" in figure.table.notes[0]
    assert [plot.title for plot in figure.plots] == ["film: RG", "lab: RG", "note: RG", "vitals: RG"]


def test_a_reason_is_told_as_such():
    (row,) = missing("fpmg", "legibility", "3 records have the text 'note'; 10 are needed")
    table = shown([*of_rg(), {**row, "modality": "note"}]).table
    assert "note" not in table.notes[0]
    assert table.rows[0].cells[8].why == "3 records have the text 'note'; 10 are needed"


def test_a_modality_of_unknown_kind_has_an_empty_column_too(monkeypatch):
    monkeypatch.setattr(small_view, "COHORT", {"classes": ["a"], "label_counts": [1]})
    labels = [head.label.rstrip(" °✗") for head in shown(of_rg()).table.heads[1:]]
    assert labels[:2] == ["film: RG", "film: sight"]
