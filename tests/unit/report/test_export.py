"""Figures and tables as files: LaTeX that LaTeX reads, CSV with the numbers of the page, drawings that need no page around them."""

import csv
import io
import re
import shutil
from xml.etree import ElementTree

import pytest

from fpmg_bench.errors import StoreError
from fpmg_bench.report.blocks import Cell, Head, Key, Raw, Row, Section, Specimens, Tab, Table, Tabs
from fpmg_bench.report.drawing.palette import style
from fpmg_bench.report.export import folder
from fpmg_bench.report.export.latex import escaped, latex
from fpmg_bench.report.export.numbers import as_csv
from fpmg_bench.report.export.picture import picture
from fpmg_bench.report.export.plots import Plots

from .small_view import rows, small

HEADS = [Head("Method", numeric=False), Head("TSTR", "↑ higher", "AUROC", "Utility of 90 % & more"), Head("CO", "↓ lower")]
ROWS = [
    Row(
        [
            Cell("a_b", "baseline", swatch="<svg/>"),
            Cell("-0.71", "[-0.80,\u00a0-0.62]\n2 of 3 seeds", sort=-0.7123),
            Cell("1.2\u00a0MB", sort=1_234_567),
        ]
    ),
    Row([Cell("gone"), Cell("failed", "no money", span=2, why="it broke, 100 %")]),
    Row([Cell("real"), Cell("0.9", sort=0.9), Cell("–")], pinned=True),
]
TABLE = Table("scores", "Scores: 50 % & {more}", HEADS, ROWS, ["of_all"])


def drawn():
    view, group = small(
        [
            *rows("fpmg", "tstr", [0.7] * 5),
            *rows("fpmg", "membership.worst", [0.5] * 5),
            *rows("b<c", "tstr", [0.6] * 5),
            *rows("b<c", "membership.worst", [0.6] * 5),
        ]
    )
    return view, group


def test_a_table_in_latex_keeps_intervals_reasons_and_reference_rows_and_is_escaped():
    text = latex(TABLE, "scores")
    body = text[text.index(r"\begin{table}") : text.index(r"\end{table}")]
    assert r"\caption{Scores: 50 \% \& \{more\}}" in body and r"\label{tab:scores}" in body
    assert r"\fpmgcell[l]{a\_b}{baseline} & \fpmgcell[r]{$-$0.71}{[$-$0.80,~$-$0.62], 2 of 3 seeds} & 1.2~MB \\" in body
    assert r"gone & \multicolumn{2}{l}{\fpmgcell[l]{failed\textsuperscript{1}}{no money}} \\" in body
    assert body.index("real & 0.9") < body.index(r"a\_b")
    assert r"\textsuperscript{1}~it broke, 100 \%" in body and r"of\_all" in body
    for line in body.splitlines():
        if line.endswith(r"\\"):
            spans = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line))
            assert len(re.findall(r"(?<!\\)&", line)) + spans == len(HEADS) - 1


def test_every_character_that_latex_reads_is_escaped():
    assert escaped(r"a\b~c^d|e<f>g#h$i") == (
        r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d\textbar{}e\textless{}f\textgreater{}g\#h\$i"
    )
    assert escaped("ε ≤ 8 → ∞") == r"$\varepsilon$ $\leq$ 8 $\rightarrow$ $\infty$"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not on PATH")
def test_latex_reads_it(tmp_path):
    import subprocess

    (tmp_path / "t.tex").write_text(
        rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{latex(TABLE, 'scores')}\end{{document}}"
    )
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "t.tex"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout[-800:]


def test_a_table_as_csv_has_unrounded_numbers_and_columns_for_intervals_and_notes():
    found = list(csv.reader(io.StringIO(as_csv(TABLE))))
    assert found[0] == ["Method", "Method note", "TSTR (AUROC)", "TSTR interval", "TSTR note", "CO"]
    assert found[1] == ["a_b", "baseline", "-0.7123", "[-0.80, -0.62]", "2 of 3 seeds", "1234567"]
    assert found[2] == ["gone", "", "failed", "", "no money; it broke, 100 %", ""]


def test_a_drawing_alone_is_xml_without_variables_with_its_legend():
    view, _ = drawn()
    made = Plots(view).frontier("cohort")
    root = ElementTree.fromstring(made.svg)
    assert "var(" not in made.svg and (float(root.get("width")), float(root.get("height"))) == made.size
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == made.title and texts[-2:] == ["fpmg", "b<c"]
    assert made._repr_svg_() == made.svg


def test_a_long_legend_goes_on_in_the_next_line_and_what_is_no_drawing_is_refused():
    few, many = ([Key(f"method number {i}", style(i).swatch) for i in range(n)] for n in (2, 12))
    (_, low), (_, lower) = (
        picture('<svg class="chart" viewBox="0 0 440 100"><g/></svg>', "t", "a", keys).size for keys in (few, many)
    )
    assert low == 100 + 6 + 18 and lower > low
    with pytest.raises(ValueError, match="not one <svg>"):
        picture("<p>no</p>", "t", "a")


def test_a_picture_of_a_cohort_that_is_not_there_or_was_not_attacked_is_told(tmp_path):
    view, _ = drawn()
    with pytest.raises(StoreError, match="no cohort 'chort'") as caught:
        Plots(view).frontier("chort")
    assert "cohort" in caught.value.hint
    with pytest.raises(StoreError, match="not both measured"):
        Plots(small(rows("fpmg", "tstr", [0.7] * 5))[0]).frontier()
    with pytest.raises(StoreError, match=r"saved as \.svg or \.pdf"):
        Plots(view).frontier().save(tmp_path / "f.png")


def test_a_folder_has_every_table_once_and_says_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    samples = Specimens("s", "Samples", [])
    sections = [
        Section(
            "panel",
            "Panel",
            blocks=[Tabs("t", "Cohorts", [Tab("one", "One", [TABLE, samples])]), TABLE, Raw("<p>secret</p>", "")],
        )
    ]
    index = folder.write(sections, tmp_path / "made", "run").read_text()
    assert sorted(path.name for path in (tmp_path / "made" / "tables").iterdir()) == [
        f"panel-scores{n}.{kind}" for n in ("-2", "") for kind in ("csv", "tex")
    ]
    assert (
        "No PDFs: PDFs of figures: no browser" in index
        and "Only in the page: 1 gallery of patients and 1 panel of a plug-in." in index
    )
    assert not any("secret" in path.read_text() for path in (tmp_path / "made").rglob("*.*"))
    with pytest.raises(StoreError, match="not an empty folder"):
        folder.write(sections, tmp_path / "made", "run")


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not on PATH")
def test_a_browser_makes_a_pdf_of_the_pictures_size(tmp_path):
    made = Plots(drawn()[0]).frontier()
    page = made.save(tmp_path / "frontier.pdf").read_bytes()
    (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", page)
    assert page.startswith(b"%PDF") and [float(side) for side in box] == pytest.approx(
        [side * 72 / 96 for side in made.size], abs=1
    )
