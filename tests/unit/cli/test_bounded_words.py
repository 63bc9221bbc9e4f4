"""Words of the command line that are too much, or no words at all: exit 2, a short message, no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fpmg_bench.cli import console
from fpmg_bench.errors import SuiteError

ExitCode = Callable[..., int]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "smoke", "--deadline", "inf"), "--deadline inf"),
        (("plan", "smoke", "--deadline", "nan"), "deadline"),
        (("run", "smoke", "--deadline", "inf"), "--deadline inf"),
        (("plan", "smoke", "--deadline", "-1"), "deadline"),
        (("plan", "smoke", "--seeds", "7" * 5000), "no list of whole numbers"),
        (("plan", "smoke", "--seeds", "9007199254740993"), "none below 0 or above 2^53"),
        (("plan", "smoke", "--seeds", ",".join(map(str, range(100_000)))), "a plan has at most 10,000"),
        (("plan", "smoke", "-k", "(" * 5000), "nested deeper than 32 levels"),
        (("plan", "x" * 5000), "(5,000 characters)"),
        (("list", "dataset", "folder", "--set", "root=["), "--set root=[:1:"),
        (("list", "dataset", "folder", "--set", f"root={'[' * 5000}"), "nested deeper than 32 levels"),
        (("list", "dataset", "folder", "--set", "root"), "KEY=VALUE was expected"),
    ],
)
def test_it_is_said_in_a_few_lines(
    words: tuple[str, ...], said: str, exit_code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(*words) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert len(shown) < 5000 and "Traceback" not in shown


def test_a_setting_is_read_as_a_suite_reads_it() -> None:
    assert console.setting("size=64") == ("size", 64)
    assert console.setting("root=a=b") == ("root", "a=b")
    assert console.setting("modalities=[table, text]") == ("modalities", ["table", "text"])
    with pytest.raises(SuiteError, match="aliases are not allowed"):
        console.setting("x=[*a]")


SUITE = """version: 1
seeds: [0, 1]
datasets:
  - {{name: phantom, patients: 60, modalities: [table]}}
  - {{name: covid-cxr, optional: true}}
{more}
methods: {{copy: {{control: copy}}, half: {{control: half-spread}}, oracle: {{control: oracle}}}}
metrics: [rg]
"""


@pytest.mark.parametrize("command", ["plan", "run"])
def test_cohorts_that_nobody_brought_are_one_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exit_code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FPMG_DATA", raising=False)
    (tmp_path / "two.yaml").write_text(SUITE.format(more="  - {name: eicu-demo, optional: true}"))
    monkeypatch.setattr("fpmg_bench.runner.execute.Execution.__call__", lambda self: True)  # what runs is not looked at
    exit_code(command, str(tmp_path / "two.yaml"), *(["--out", str(tmp_path / "out")] if command == "run" else []))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "covid" in line]
    assert len(lines) == 1
    assert lines[0].startswith("skipped: 2 cohorts not here: covid-cxr, eicu-demo; set FPMG_DATA to the folder that holds them")
    assert "fpmg-bench data fetch NAME" in lines[0]


def test_one_that_nobody_brought_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exit_code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FPMG_DATA", raising=False)
    (tmp_path / "one.yaml").write_text(SUITE.format(more=""))
    assert exit_code("plan", str(tmp_path / "one.yaml")) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "covid" in line]
    assert lines == ["skipped: covid-cxr: not here; fpmg-bench data fetch covid-cxr, or a folder $FPMG_DATA/covid_cxr, or `root`"]


def test_one_that_is_there_and_broken_is_no_absent_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exit_code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "covid_cxr").mkdir()
    (tmp_path / "covid_cxr" / "manifest.csv").write_text("no,such,columns\n")
    monkeypatch.setenv("FPMG_DATA", str(tmp_path))
    (tmp_path / "two.yaml").write_text(SUITE.format(more="  - {name: eicu-demo, optional: true}"))
    assert exit_code("plan", str(tmp_path / "two.yaml")) == 0
    shown = capsys.readouterr().out
    assert "skipped: covid-cxr: " in shown and "has no column" in shown
    assert "skipped: eicu-demo: not here; " in shown


def test_refusals_with_one_reason_are_one_short_line(
    tmp_path: Path, exit_code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "few.yaml").write_text(SUITE.format(more="  - {name: nih-boxes, as: boxes}"))
    assert exit_code("plan", str(tmp_path / "few.yaml"), "-k", "boxes") in (0, 2)
    shown = capsys.readouterr().out
    assert "refused: boxes (copy, half, oracle), 6 trials: " in shown or "refused: boxes (copy, half), 4 trials: " in shown


def test_the_list_of_datasets_names_those_that_are_not_here(
    monkeypatch: pytest.MonkeyPatch, exit_code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FPMG_DATA", raising=False)
    exit_code("list", "datasets")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("not here: ")]
    assert "covid-cxr, covid-severity, eicu-demo" in line and "phantom" not in line and "FPMG_DATA" in line
