"""What the commands say of a third party's `rg`, of a hook that pluggy never calls, and of private trials that failed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.calibration import mark, summary
from fpmg_bench.cli import main

THEIRS = """
    @hookimpl
    def fpmg_metrics():
        return [Component("rg", "theirs:Rg", "another realism")]

    def fpmg_generators():
        return []

    class Rg:
        '''Not ours.'''
        from fpmg_bench.types import Scale
        family = "RG"
        scales = {"rg": Scale(1.0, None, source="ours")}

        def __call__(self, evidence, rng):
            return []
"""


def said(capsys: Any, *words: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    assert int(left.value.code or 0) == code
    return str(capsys.readouterr().out)


def test_the_reference_run_is_about_what_ships() -> None:
    assert mark("rg").word == "passed"
    assert mark("rg", origin="third-party").text == "not calibrated: a metric of third-party, on which no reference run was made"
    assert mark("co.total", origin="third-party").word == "not calibrated"
    assert mark("amp.gap.rg", origin="third-party").word == "not calibrated"
    assert (summary("rg") != "not calibrated", summary("rg", "third-party")) == (True, "not calibrated")


def test_list_gives_a_foreign_metric_no_verdict_of_ours(install: Any, capsys: Any) -> None:
    install("third-party", "theirs", THEIRS)
    ours, theirs = (json.loads(said(capsys, "list", "metric", name, "--json")) for name in ("rg", "third-party:rg"))
    assert (ours["distribution"], theirs["distribution"]) == ("fpmg-bench", "third-party")
    assert "passed" in ours["scales"][0]["calibration"]
    assert theirs["scales"][0]["calibration"].startswith("not calibrated: a metric of third-party")
    rows = [line for line in said(capsys, "list", "metrics").splitlines() if "third-party:rg" in line]
    assert len(rows) == 1 and "not calibrated" in rows[0]


def test_doctor_tells_a_hook_without_its_mark(install: Any, capsys: Any) -> None:
    install("third-party", "theirs", THEIRS)
    findings = json.loads(said(capsys, "doctor", "--json", code=4))["findings"]
    (unmarked,) = [f for f in findings if "@hookimpl" in f["found"]]
    assert unmarked["found"] == "fpmg_generators has no @hookimpl: it is never called"
    assert not unmarked["ok"]
    assert "metric 'rg' is fpmg-bench's; write 'third-party:rg' for the other" in {f["found"] for f in findings}


def test_a_failed_private_trial_is_no_violation(tmp_path: Path, run_directory: Any, capsys: Any) -> None:
    root = run_directory(tmp_path, {"fpmg-dp": [math.nan]}, privacy={"epsilon": 8.0, "delta": 1e-4})
    text = said(capsys, "audit", str(root), code=1)
    assert "not audited, failed: phantom/fpmg-dp/0: it diverged" in text
    assert "0 in violation" in text and "VIOLATION" not in text and "1 private trial failed" in text
    assert json.loads(said(capsys, "audit", str(root), "--json", code=1))["failed"] == {"phantom/fpmg-dp/0": "it diverged"}


def test_a_failed_trial_without_privacy_is_nothing_to_audit(tmp_path: Path, run_directory: Any, capsys: Any) -> None:
    root = run_directory(tmp_path, {"fpmg": [math.nan]})
    assert "0 private trials failed" in said(capsys, "audit", str(root))
