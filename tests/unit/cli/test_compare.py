"""Two runs side by side: means, paired differences, and no verdict without enough seeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.comparison import Side, compare
from fpmg_bench.errors import StoreError

LOW, HIGH = [0.60, 0.61, 0.62, 0.61, 0.60], [0.70, 0.71, 0.72, 0.71, 0.705]


def test_five_seeds_give_a_verdict(tmp_path: Path, run_directory: Any) -> None:
    a = run_directory(tmp_path / "a", {"fpmg": LOW})
    b = run_directory(tmp_path / "b", {"fpmg": HIGH})
    (row,) = compare(Side(a), Side(b))
    assert (row.dataset, row.method, row.metric, row.seeds) == ("phantom", "fpmg", "tstr", 5)
    assert row.difference == pytest.approx(0.101)
    assert row.verdict == "better"
    assert compare(Side(b), Side(a))[0].verdict == "worse"


def test_fewer_seeds_are_not_ranked(tmp_path: Path, run_directory: Any) -> None:
    a = run_directory(tmp_path / "a", {"fpmg": LOW[:3]})
    b = run_directory(tmp_path / "b", {"fpmg": HIGH[:3]})
    (row,) = compare(Side(a), Side(b))
    assert row.verdict == "not ranked"
    assert "at least 5" in row.reason


def test_methods_of_one_run_are_compared_by_name(tmp_path: Path, run_directory: Any) -> None:
    run = run_directory(tmp_path / "a", {"fpmg": HIGH, "fedavg": LOW})
    (row,) = compare(Side.parse(f"{run}:fedavg"), Side.parse(f"{run}:fpmg"))
    assert (row.method, row.verdict) == ("fedavg -> fpmg", "better")


def test_runs_that_share_nothing_say_so(tmp_path: Path, run_directory: Any) -> None:
    a = run_directory(tmp_path / "a", {"fpmg": LOW})
    b = run_directory(tmp_path / "b", {"fedavg": HIGH})
    with pytest.raises(StoreError, match="share no measured"):
        compare(Side(a), Side(b))
    with pytest.raises(StoreError, match="nothing measured for method 'none'"):
        compare(Side(a, "none"), Side(b))


def test_check_exits_with_6_where_b_is_worse(tmp_path: Path, run_directory: Any, exit_code: Any, capsys: Any) -> None:
    a = str(run_directory(tmp_path / "a", {"fpmg": LOW}))
    b = str(run_directory(tmp_path / "b", {"fpmg": HIGH}))
    assert exit_code("compare", a, b, "--check", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["verdict"] == "better"
    assert exit_code("compare", b, a, "--check", "--metric", "tstr") == 6
    assert exit_code("compare", b, a, "--check", "--metric", "tstr", "--margin", "tstr=0.5") == 0
    assert exit_code("compare", b, a, "--metric", "rg") == 2
    assert exit_code("compare", b, a, "--margin", "tstr") == 2
    assert exit_code("compare", b, a, "--check") == 6
    assert exit_code("compare", b, a) == 0


def test_equal_runs_are_equivalent_and_noisy_ones_undecided(tmp_path: Path, run_directory: Any) -> None:
    a, same = run_directory(tmp_path / "a", {"fpmg": LOW}), run_directory(tmp_path / "b", {"fpmg": LOW})
    noisy = run_directory(tmp_path / "c", {"fpmg": [0.5, 0.75, 0.55, 0.7, 0.6]})
    assert compare(Side(a), Side(same))[0].verdict == "equivalent"
    (row,) = compare(Side(a), Side(noisy))
    assert row.verdict == "undecided"
    assert row.detectable > 0.1 > row.margin


def test_a_check_that_could_test_nothing_does_not_pass(tmp_path: Path, run_directory: Any, exit_code: Any) -> None:
    a = str(run_directory(tmp_path / "a", {"fpmg": LOW[:3]}))
    b = str(run_directory(tmp_path / "b", {"fpmg": HIGH[:3]}))
    assert exit_code("compare", a, b, "--check") == 5
    assert exit_code("compare", a, b) == 0
