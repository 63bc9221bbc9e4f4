"""`fpmg-bench audit RUN...`: the canaries of several runs in one bound, each seed once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.audit.finding import Finding
from fpmg_bench.cli import main


def _audit(right: int) -> dict[str, Any]:
    told = {"gradients": {"guesses": 150, "correct": right}}
    return Finding(200, 150, right, 0.0, 4.0, 1.0, 1e-5, "gradients", scorers=told).record()


def _run(root: Path, run_directory: Any, audits: dict[int, int]) -> Path:
    """Trials of these seeds with audits: so many right of 150."""
    run_directory(root, {"fpmg": [0.5] * (max(audits) + 1)}, {"epsilon": 1.0, "delta": 1e-5})
    for path in root.glob("trials/*/trial.json"):
        made = json.loads(path.read_text())
        made |= {"seed": made["spec"]["seed"], "method": "fpmg", "dataset": "phantom", "privacy": {"epsilon": 1.0, "delta": 1e-5}}
        if made["spec"]["seed"] in audits:
            made["audit"] = _audit(audits[made["spec"]["seed"]])
        path.write_text(json.dumps(made))
    return root


def test_the_command_joins_the_seeds_of_all_runs(tmp_path: Path, run_directory: Any, capsys: Any) -> None:
    a = _run(tmp_path / "a", run_directory, {0: 118, 1: 120})
    b = _run(tmp_path / "b", run_directory, {2: 122})
    with pytest.raises(SystemExit):
        main(["audit", str(a), str(b), "--json"])
    printed = json.loads(capsys.readouterr().out)
    (one,) = printed["joined"]
    assert (one["runs"], one["correct"], one["violated"]) == (3, 360, True)
    assert one["holds"].startswith("simulated")
    assert len(printed["canaries"]) == 3 and not any(each["violated"] for each in printed["canaries"])
    with pytest.raises(SystemExit) as left:
        main(["audit", str(a), str(b), str(a)])
    assert left.value.code == 6
    text = " ".join(capsys.readouterr().out.split())
    assert "Canaries of several runs joined" in text and "phantom/fpmg 3 gradients 360 450 600" in text
    assert "left out: the same trial, or the same seed of a claim, once more" in text
