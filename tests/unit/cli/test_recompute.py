"""The audit recomputes epsilon by its own code and catches ledgers that understate."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.audit import recompute as recomputing
from fpmg_bench.audit.recompute import MESH, STEP, epsilons, pld, recompute
from fpmg_bench.cli import main


@pytest.mark.parametrize(
    ("rate", "sigma", "steps", "delta", "rdp", "prv"),
    [(64 / 1000, 1.0, 312, 1e-4, 7.47, 6.64), (32 / 4000, 1.0, 1250, 1e-5, 1.86, 1.61)],
)
def test_known_answers(rate: float, sigma: float, steps: int, delta: float, rdp: float, prv: float) -> None:
    found = epsilons([(rate, sigma, steps)], delta)
    assert found[0] == pytest.approx(prv, abs=0.02)
    assert found[1] == pytest.approx(rdp, abs=0.01)


@pytest.mark.parametrize(
    ("entries", "delta"),
    [
        ([(64 / 1000, 1.0, 312)], 1e-4),
        ([(32 / 4000, 1.0, 1250)], 1e-5),
        ([(0.1, 7.4, 1000), (1.0, 20.0, 4)], 1e-4),
        ([(1.0, 12.0, 2)], 1e-5),
    ],
)
def test_three_accountants_agree_within_their_stated_errors(entries: Any, delta: float) -> None:
    """PRV gives the upper end of its error, PLD rounds every loss up by at most a step: both from above, neither above RDP."""
    pytest.importorskip("dp_accounting")
    third, (prv, rdp) = pld(entries, delta), epsilons(entries, delta)
    assert third is not None
    assert abs(third - prv) <= MESH + sum(count for _, _, count in entries) ** 0.5 * STEP
    assert third <= rdp and prv <= rdp + MESH


def test_a_third_accountant_that_says_otherwise_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recomputing, "pld", lambda entries, delta: 7.2)
    (audit,) = recompute(_trial(), _ledger(), _rounds())
    assert audit.violations == (
        "states epsilon 6.64, its entries cost 7.2 by PLD",
        "PLD 7.2, PRV 6.638 and RDP 7.467 do not agree; one of them is wrong",
    )


def test_without_dp_accounting_two_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recomputing, "find_spec", lambda name: None)
    (audit,) = recompute(_trial(), _ledger(), _rounds())
    assert audit.pld is None and audit.violations == ()


@pytest.mark.parametrize(
    ("asked", "said", "holds"),
    [
        ({"secure": True, "public_sizes": False}, {}, "secure"),
        ({}, {}, "simulated; zero-out, sizes and labels public"),  # of a trial from before sizes were private
        (
            {"public_sizes": False},
            {"noise": "simulated", "adjacency": "add/remove", "schema": "schema not confirmed"},
            "simulated; schema not confirmed",
        ),
    ],
)
def test_what_an_epsilon_takes_for_granted_stands_beside_it(asked: Any, said: Any, holds: str) -> None:
    trial = _trial() | {"privacy": said}
    trial["spec"]["privacy"] |= asked
    (audit,) = recompute(trial, _ledger(), _rounds())
    assert audit.holds == holds


def test_nothing_costs_nothing_and_no_noise_costs_everything() -> None:
    assert epsilons([(0.1, 1.0, 0)], 1e-5) == (0.0, 0.0)
    assert epsilons([(0.1, 0.0, 1)], 1e-5) == (math.inf, math.inf)


def _trial(epsilon: float = 8.0) -> dict[str, Any]:
    silo = {"index": 0, "name": "a", "sampling_rate": 0.064, "local_steps": 12}
    return {"id": "d/m/0", "key": "k", "spec": {"privacy": {"epsilon": epsilon, "delta": 1e-4}}, "silos": [silo]}


def _ledger(**changes: Any) -> dict[str, Any]:
    entry = {"stage": "stage2", "mechanism": "step", "sampling_rate": 0.064, "noise_multiplier": 1.0, "count": 312}
    silo = {"silo": 0, "name": "a", "epsilon": 6.64, "delta": 1e-4, "entries": [entry | changes.pop("entry", {})]}
    return {"delta": 1e-4, "silos": [silo | changes]}


def _rounds(n: int = 26) -> list[dict[str, Any]]:
    return [{"stage": "stage2", "round": r, "losses": {"0": {}}} for r in range(n)]


def test_an_honest_ledger_passes() -> None:
    (audit,) = recompute(_trial(), _ledger(), _rounds())
    assert audit.violations == ()
    assert audit.prv <= audit.rdp


def test_stage_1_is_held_to_its_own_rate_and_steps() -> None:
    trial, rounds = _trial(), [{"stage": "stage1:table", "round": 0, "losses": {"0": {}}}]
    ledger = _ledger(entry={"stage": "stage1:table", "sampling_rate": 0.3, "count": 2}, epsilon=8.0)
    trial["silos"][0]["encoder"] = {"sampling_rate": 0.4, "local_steps": 3}
    (audit,) = recompute(trial, ledger, rounds)
    assert "stage1:table: charged at rate 0.3, drawn at 0.4" in audit.violations
    assert "stage1:table: 3 local steps, 2 charged" in audit.violations


def test_a_silo_with_a_budget_of_its_own_is_held_to_it() -> None:
    trial = _trial()
    trial["spec"]["silos"] = {"a": {"epsilon": 2.0}}
    (audit,) = recompute(trial, _ledger(), _rounds())
    assert audit.budget == 2.0
    assert any("above the budget 2" in line for line in audit.violations)


@pytest.mark.parametrize(
    ("trial", "ledger", "rounds", "words"),
    [
        (_trial(), _ledger(epsilon=1.12), _rounds(), "its entries cost"),
        (_trial(epsilon=3.0), _ledger(), _rounds(), "above the budget"),
        (_trial(), _ledger(), _rounds(40), "480 local steps, 312 charged"),
        (_trial(), _ledger(entry={"sampling_rate": 0.01}, epsilon=6.64), _rounds(), "charged at rate"),
        (_trial(), _ledger(entry={"noise_multiplier": 0.0}), _rounds(), "its entries cost inf"),
        (_trial(), _ledger(delta=1e-2), _rounds(), "delta 0.01"),
        (_trial(), None, _rounds(), "no ledger.json"),
        (_trial(), {"delta": 1e-4, "silos": []}, _rounds(), "silos without an account: [0]"),
    ],
)
def test_a_dishonest_ledger_is_caught(trial: Any, ledger: Any, rounds: Any, words: str) -> None:
    found = [line for audit in recompute(trial, ledger, rounds) for line in audit.violations]
    assert any(words in line for line in found), found


def test_a_trial_without_privacy_claims_nothing() -> None:
    assert recompute({"id": "x", "spec": {"privacy": None}}, None, []) == []


@pytest.mark.parametrize(("stated", "code"), [(6.64, 0), (1.12, 6)])
def test_the_program_exits_with_6_on_a_violation(
    stated: float, code: int, tmp_path: Path, run_directory: Any, capsys: Any
) -> None:
    root = run_directory(tmp_path, {"fpmg-dp": [None]}, privacy={"epsilon": 8.0, "delta": 1e-4})
    (folder,) = (root / "trials").iterdir()
    result = json.loads((folder / "trial.json").read_text())
    (folder / "trial.json").write_text(json.dumps(result | {"silos": _trial()["silos"]}))
    (folder / "ledger.json").write_text(json.dumps(_ledger(epsilon=stated)))
    (folder / "rounds.jsonl").write_text("".join(json.dumps(record) + "\n" for record in _rounds()))
    with pytest.raises(SystemExit) as left:
        main(["audit", str(root)])
    assert int(left.value.code or 0) == code
    assert ("VIOLATION" in capsys.readouterr().out) == bool(code)
