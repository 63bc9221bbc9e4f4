"""Two runs side by side: means, paired differences, and no verdict without enough seeds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.cli.compare import _worse
from fpmg_bench.comparison import Row, Side, alike, compare
from fpmg_bench.comparison.rows import NONE
from fpmg_bench.errors import StoreError
from fpmg_bench.types import OWN_SPACE

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


def test_one_of_many_scores_that_differs_by_chance_fails_no_check_unless_it_was_named() -> None:
    def row(p: float, verdict: Any) -> Row:
        return Row("phantom", "fpmg", "tstr", NONE, NONE, 0.0, 0.0, 0.0, 5, verdict, p, None, 0.0)

    rows = [row(0.03, "worse"), *(row(0.5, "undecided") for _ in range(19)), row(math.nan, "undecided")]
    assert _worse(rows, named=True)
    assert not _worse(rows, named=False)
    assert _worse([row(0.002, "worse"), *rows], named=False)


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


def test_what_b_failed_is_shown_and_is_a_regression(tmp_path: Path, run_directory: Any, exit_code: Any, capsys: Any) -> None:
    a = run_directory(tmp_path / "a", {"fpmg": LOW, "fedavg": LOW})
    b = run_directory(tmp_path / "b", {"fpmg": [math.nan] * 5, "fedavg": LOW})
    rows = {row.method: row for row in compare(Side(a), Side(b))}
    assert (rows["fedavg"].verdict, rows["fedavg"].lost) == ("equivalent", 0)
    assert (rows["fpmg"].verdict, rows["fpmg"].lost, rows["fpmg"].seeds) == ("failed", 5, 0)
    assert rows["fpmg"].a[0] == pytest.approx(0.608)
    assert rows["fpmg"].reason == "phantom/fpmg: B has no value for seed 0, 1, 2, 3, 4: failed: it diverged"
    assert exit_code("compare", str(a), str(b), "--check") == 6
    assert "failed" in capsys.readouterr().out
    assert exit_code("compare", str(a), str(b)) == 0
    assert exit_code("compare", str(a), f"{b}:fpmg", "--check") == 6
    assert [row.method for row in compare(Side(b), Side(a))] == ["fedavg"]  # what A failed is no loss


def test_a_seed_that_b_alone_lost_is_a_regression(tmp_path: Path, run_directory: Any, exit_code: Any) -> None:
    six = [*LOW, 0.61]
    a, b = run_directory(tmp_path / "a", {"fpmg": six}), run_directory(tmp_path / "b", {"fpmg": [*LOW, math.nan]})
    (row,) = compare(Side(a), Side(b))
    assert (row.verdict, row.seeds, row.lost) == ("equivalent", 5, 1)
    assert "seed 5: failed: it diverged" in row.reason
    assert exit_code("compare", str(a), str(b), "--check") == 6
    assert exit_code("compare", str(b), str(a), "--check") == 0


def test_what_is_not_applicable_is_shown_and_no_regression(tmp_path: Path, run_directory: Any) -> None:
    a, b = (run_directory(tmp_path / name, {"fpmg": LOW}) for name in ("a", "b"))
    for file in (b / "trials").glob("*/trial.json"):
        trial = json.loads(file.read_text())
        trial["scores"][0] |= {"value": None, "status": "not_applicable", "reason": "one class"}
        file.write_text(json.dumps(trial))
    (row,) = compare(Side(a), Side(b))
    assert (row.verdict, row.lost) == ("not measured", 0)
    assert "not applicable: one class" in row.reason


def test_scores_in_a_methods_own_vectors_say_where_encoders_differ(tmp_path: Path, run_directory: Any) -> None:
    run = run_directory(tmp_path / "a", {"fpmg": LOW, "flow": HIGH, "other": LOW})
    plan = json.loads((run / "plan.json").read_text())
    for entry in plan["trials"]:
        entry["stage1"] = "theirs" if "other" in entry["id"] else "ours"
    (run / "plan.json").write_text(json.dumps(plan))
    for file in run.glob("trials/*/trial.json"):
        trial = json.loads(file.read_text())
        (score,) = trial["scores"]
        trial["scores"].append(score | {"metric": "latent.energy", "key": "latent.energy", "source": f"Szekely; {OWN_SPACE}"})
        file.write_text(json.dumps(trial))
    found = {name: {row.metric: row.reason for row in compare(Side(run, "fpmg"), Side(run, name))} for name in ("flow", "other")}
    assert OWN_SPACE in found["other"]["latent.energy"]
    assert not any(OWN_SPACE in reason for reason in (found["flow"]["latent.energy"], found["other"]["tstr"]))


def test_the_same_release_on_both_sides_is_told(tmp_path: Path, run_directory: Any, exit_code: Any, capsys: Any) -> None:
    run = run_directory(tmp_path / "run", {"fpmg": LOW[:2], "fedavg": LOW[:2]})
    for trial, text in (("fpmg0", "x"), ("fedavg0", "x"), ("fpmg1", "x"), ("fedavg1", "y")):
        folder = run / "trials" / trial / "synthetic" / "all"
        folder.mkdir(parents=True)
        (folder / "cohort.yaml").write_text(text)
    words = "phantom/fpmg -> fedavg: B releases the same patients as A, record by record, in 1 of 2 seeds"
    assert list(alike(Side(run, "fpmg"), Side(run, "fedavg"))) == [words]
    assert list(alike(Side(run), Side(run))) == []
    assert exit_code("compare", f"{run}:fpmg", f"{run}:fedavg") == 0
    assert words in capsys.readouterr().out


def _with_epsilon(run: Path, value: float) -> Path:
    """The same run, whose trials measured a formal epsilon too."""
    for path in run.glob("trials/*/trial.json"):
        trial = json.loads(path.read_text())
        trial["scores"].append(
            {"metric": "pg.epsilon", "key": "pg.epsilon", "value": value, "status": "ok", "unit": "epsilon", "best": 0.0}
        )
        path.write_text(json.dumps(trial))
    return run


def test_beside_an_epsilon_stands_whose_noise_it_is(tmp_path: Path, run_directory: Any, exit_code: Any, capsys: Any) -> None:
    budget = {"epsilon": 1.0, "delta": 1e-5}
    a = _with_epsilon(run_directory(tmp_path / "a", {"fpmg": LOW}, budget), 0.9)
    b = _with_epsilon(run_directory(tmp_path / "b", {"fpmg": LOW}, budget | {"secure": True}), 0.8)
    rows = {row.metric: row for row in compare(Side(a), Side(b))}
    assert rows["pg.epsilon"].holds[0].startswith("simulated") and rows["pg.epsilon"].holds[1].startswith("secure")
    assert rows["tstr"].holds == ("", "")
    assert exit_code("compare", a, b) == 0
    assert "A: simulated" in " ".join(capsys.readouterr().out.split())
    assert exit_code("compare", a, a, "--json") == 0
    assert '"simulated' in capsys.readouterr().out
    free = _with_epsilon(run_directory(tmp_path / "c", {"fpmg": LOW}), math.inf)
    (row,) = compare(Side(a), Side(free), ["pg.epsilon"])
    assert row.holds == (rows["pg.epsilon"].holds[0], "")
    assert exit_code("compare", a, free, "--metric", "pg.epsilon") == 0
    assert "B: nothing is claimed" in " ".join(capsys.readouterr().out.split())
