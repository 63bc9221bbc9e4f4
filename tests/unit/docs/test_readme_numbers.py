"""README's numbers stand in the reports that it names beside them, and its figure is what its command draws of one."""

import re
from pathlib import Path

import pytest

import fpmg_bench as fb

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = "## What the numbers say today"


def claims():
    """The section's bullets that have decimal numbers, with the reports that they name."""
    section = README.partition(SECTION)[2].partition("\n## ")[0]
    for bullet in re.split(r"^\* ", section, flags=re.MULTILINE)[1:]:
        text = bullet.partition("\n\n")[0]
        if numbers(text):
            yield pytest.param(text, re.findall(r"\]\((reports/\w+\.md)\)", text), id=text.split("**")[1])


def numbers(text):
    return set(re.findall(r"(?<![\w.])\d*\.\d+(?!\w|\.\d)", text))


def test_the_section_makes_claims():
    assert len(list(claims())) >= 4


@pytest.mark.parametrize(("text", "reports"), list(claims()))
def test_a_number_of_readme_is_in_the_report_beside_it(text, reports):
    assert reports
    there = set().union(*(numbers((ROOT / name).read_text(encoding="utf-8")) for name in reports))
    assert numbers(text) - there == set()


def test_readme_fits_on_a_page():
    assert len(README.splitlines()) <= 120


def test_the_figure_is_what_its_command_draws(capsys):
    import runpy

    script = ROOT / "docs" / "figures" / "tradeoff.py"
    runpy.run_path(str(script), run_name="__main__")
    drawn = capsys.readouterr().out
    assert drawn == script.with_suffix(".svg").read_text(encoding="utf-8"), (
        "python docs/figures/tradeoff.py > docs/figures/tradeoff.svg"
    )
    assert f"]({script.relative_to(ROOT).with_suffix('.svg')})" in README


@pytest.mark.parametrize("cohort", ["phantom", "covid-cxr", "eicu-demo"])
def test_the_figure_shows_every_method_of_the_report(cohort):
    import runpy

    figure = runpy.run_path(str(ROOT / "docs" / "figures" / "tradeoff.py"))
    rows = figure["table"]((ROOT / "reports" / "leaderboard.md").read_text(encoding="utf-8"), cohort)
    assert set(rows) == {"real", *figure["MARKS"]}
    assert 0.5 < figure["column"](rows["fpmg"], "PG attack").mean < figure["column"](rows["local-only"], "PG attack").mean


def test_pictures_of_patients_are_drawn_from_a_run_and_the_committed_ones_are_small(run_here):
    import runpy

    from PIL import Image

    script = ROOT / "docs" / "figures" / "patients.py"
    figure = runpy.run_path(str(script))
    small = (
        figure["SUITE"]
        .replace("patients: 1000", "patients: 120")
        .replace("rounds: 15, local_steps: 20", "rounds: 1, local_steps: 1")
    )
    drawn = figure["sheet"](fb.load(run_here(small.replace("encoder_rounds: 8", "encoder_rounds: 1"))))
    assert drawn.crop((figure["WORDS"], 0, *drawn.size)).getextrema()[1] > 0
    committed = script.with_suffix(".png")
    with Image.open(committed) as picture:
        assert picture.size == drawn.size
    assert committed.stat().st_size < 300_000
