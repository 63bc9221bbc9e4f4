"""Runs of a suite by date: those of other patients or seeds are told, and stand on no line with the rest."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from fpmg_bench.errors import StoreError
from fpmg_bench.report import build
from fpmg_bench.report.over_time import sections
from fpmg_bench.report.over_time.history import chains, history

VALUES = {"fpmg": [0.7, 0.8], "fedavg": [0.6, 0.7]}


@pytest.fixture
def runs(run_directory: Any, tmp_path: Any) -> Any:
    """make(name, day, values, cohort, commit) -> a run directory planned on that day of a month."""

    def make(name: str, day: int, values: Any = VALUES, cohort: str = "one", commit: str = "a" * 40) -> Any:
        root = run_directory(tmp_path / name, values)
        plan = json.loads((root / "plan.json").read_text())
        plan |= {"created": f"2026-12-{day:02}T10:00:00+00:00", "cohorts": {"phantom": {"fingerprint": cohort}}}
        (root / "plan.json").write_text(json.dumps(plan))
        (root / "environment.json").write_text(
            json.dumps({"fpmg_bench": f"0.{day}.0", "git": {"commit": commit, "dirty": day == 2}})
        )
        return root

    return make


def blocks(*paths: Any) -> dict[str, list[Any]]:
    (section,) = sections(paths)
    found: dict[str, list[Any]] = {}
    for block in section.blocks:
        found.setdefault(block.kind, []).append(block)
    return found


def test_runs_stand_by_date_with_version_and_commit(runs: Any) -> None:
    found = blocks(runs("late", 9, commit="c" * 40), runs("early", 2, {**VALUES, "fpmg": [0.5, 0.6]}))
    (table,), (figure,) = found["table"], found["figure"]
    said = [[cell.text for cell in row.cells] for row in table.rows]
    assert [row[:4] for row in said] == [
        ["1", "2026-12-02 10:00", "0.2.0", "aaaaaaaaaa with changes"],
        ["2", "2026-12-09 10:00", "0.9.0", "cccccccccc"],
    ]
    (plot,) = figure.plots
    assert {trace["name"]: trace["y"] for trace in plot.traces} == {
        "fpmg": pytest.approx([0.55, 0.75]), "fedavg": pytest.approx([0.65, 0.65]),
    }  # fmt: skip
    assert "prose" not in found and "<svg" in plot.svg


def test_other_patients_and_other_seeds_are_told_and_not_mixed(runs: Any) -> None:
    same = [runs("a", 1), runs("b", 2)]
    others = [runs("c", 3, cohort="two"), runs("d", 4, {"fpmg": [0.7], "fedavg": [0.6]})]
    found = blocks(*same, *others)
    (figure,) = found["figure"]
    assert [head.label for head in figure.table.heads[2:]] == ["run 1", "run 2"]
    told = [prose.paragraphs[0] for prose in found["prose"]]
    assert [text.partition(":")[0] for text in told] == ["phantom, run 4", "phantom, run 3", "phantom, runs 1 and 2"]
    assert "patients two and seeds 0 and 1" in told[1] and "patients one and seed 0." in told[0]
    (suite,) = history([*same, *others]).values()
    assert [len(chain.runs) for chain in chains(suite)] == [1, 1, 2]


def test_a_mean_that_lacks_a_seed_is_in_the_table_and_not_drawn(runs: Any) -> None:
    whole = [runs("a", 1), runs("b", 2)]
    (figure,) = blocks(*whole, runs("c", 3, {"fpmg": [0.7, math.nan], "fedavg": [0.6, 0.7]}))["figure"]
    assert next(trace["y"] for trace in figure.plots[0].traces if trace["name"] == "fpmg") == [0.75, 0.75, None]
    row = next(row for row in figure.table.rows if row.cells[0].text == "fpmg")
    assert (row.cells[-1].text, row.cells[-1].small) == ("0.700", "1 of 2 seeds")


def test_the_command_writes_one_page_and_a_report_of_two_runs_of_a_suite_is_refused(
    runs: Any, exit_code: Any, tmp_path: Any
) -> None:
    a, b = runs("a", 1), runs("b", 2)
    assert exit_code("report", "--over-time", a, b, "--out", tmp_path / "page.html") == 0
    assert 'class="chart"' in (tmp_path / "page.html").read_text()
    assert exit_code("report", "--over-time", a, b, "--officer", tmp_path / "o.html") == 2
    with pytest.raises(StoreError, match="another run of suite 'made'"):
        build([a, b], tmp_path / "both.html")
