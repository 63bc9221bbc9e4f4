"""The example of docs/others-generators.md is run, and its table of keys is complete."""

import json
import re
import sys
from pathlib import Path

import pytest

from fpmg_bench.external.recipes import recipes
from fpmg_bench.suite.external import KEYS

PAGE = (Path(__file__).parents[3] / "docs" / "others-generators.md").read_text(encoding="utf-8")


def block(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is forked")
def test_the_example_gives_three_rows_in_one_table(tmp_path, program):
    (tmp_path / "synth.py").write_text(block("python"))
    (tmp_path / "beside.yaml").write_text(block("yaml"))
    code, printed = program("run", tmp_path / "beside.yaml", "--out", tmp_path / "out")
    assert code == 0, printed
    trials = {t["method"]: t for t in (json.loads(p.read_text()) for p in (tmp_path / "out" / "trials").glob("*/trial.json"))}
    assert {name: trial["role"] for name, trial in trials.items()} == {
        "fpmg": "method", "theirs": "external", "theirs-by-silo": "external",
    }  # fmt: skip
    report = (tmp_path / "out" / "report.html").read_text()
    assert "made elsewhere, outside the boundary: no ledger, no federation; pools all patients" in report
    assert "made elsewhere, outside the boundary: no ledger, no federation; one a silo" in report


def test_every_key_and_every_recipe_has_its_row():
    rows = {word for line in PAGE.splitlines() if line.startswith("| `") for word in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert rows == {*KEYS, *(recipe.name for recipe in recipes())}
