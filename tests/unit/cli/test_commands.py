"""list, doctor, data and plan print what is true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.cohorts.draft import draft
from fpmg_bench.errors import DatasetError

SUITE = """\
version: 1
seeds: [0]
datasets: [{name: phantom, patients: 200, silos: 3, modalities: [table]}]
budget: {rounds: 2, local_steps: 3, sampling_rate: 0.2, encoder_rounds: 2}
methods:
  ring: {encoders: {table: autoencoder}, generator: parallel-cgan, topology: ring, aggregator: fedavg}
  private: {extends: ring, privacy: {epsilon: 8, delta: 1.0e-3}}
  pooled: {extends: ring, partition: pooled}
metrics: [co]
"""


def test_list_shows_kinds_parameters_and_cards(exit_code: Any, capsys: Any) -> None:
    assert exit_code("list", "--json") == 0
    kinds = {entry["kind"] for entry in json.loads(capsys.readouterr().out)["components"]}
    assert kinds == {"dataset", "encoder", "generator", "aggregator", "topology", "metric"}
    assert exit_code("list", "topologies", "ring", "--json") == 0
    card = json.loads(capsys.readouterr().out)
    assert {p["name"] for p in card["parameters"]} >= {"relay", "merge", "hops"}
    assert card["origin"].endswith(".py:" + card["origin"].rpartition(":")[2])
    assert exit_code("list", "metric", "rg") == 0
    assert "nn(S -> R1) / nn(R2 -> R1)" in capsys.readouterr().out


def test_doctor_finds_a_wrong_data_folder(exit_code: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FPMG_DATA", "/no/such/folder")
    assert exit_code("doctor", "--json") in (1, 4)
    findings = {f["what"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["FPMG_DATA"]["ok"] is False
    assert findings["python"]["ok"] is True


def test_plan_loads_a_cohort_once(tmp_path: Path, exit_code: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from fpmg_plugins.datasets.phantom import Phantom

    loaded, load = [], Phantom.load
    monkeypatch.setattr(Phantom, "load", lambda self: loaded.append(self.patients) or load(self))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SUITE)
    assert exit_code("plan", "s.yaml", "--json") == 0
    assert loaded == [200]


def test_plan_prints_bytes_noise_and_graph_and_writes_nothing(
    tmp_path: Path, exit_code: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SUITE)
    assert exit_code("plan", "s.yaml", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    ring, private, pooled = (
        next(f for f in plan["forecasts"] if f["id"] == f"phantom/{m}/0") for m in ("ring", "private", "pooled")
    )
    assert [stage["per_round"] for stage in ring["stages"]] == [3 * 2 * stage["message"] for stage in ring["stages"]]
    assert ring["bytes"] == sum(s["per_round"] * s["rounds"] + s["statistics"] + s["keys"] for s in ring["stages"])
    assert ring["edges"] == [[0, 1], [1, 2], [2, 0]]
    assert pooled["bytes"] == pooled["raw_upload"] > 0
    assert all(7.5 < silo["epsilon"] <= 8.0 and silo["noise"] > 0 for silo in private["silos"])
    assert all(silo["epsilon"] == "inf" for silo in ring["silos"])
    (graph,) = plan["graphs"]
    assert (graph["methods"], graph["connectivity"], graph["rounds"]) == (["phantom/ring", "phantom/private"], 1, 1)
    assert (graph["per_round"], graph["rules"][0]["proven_for"]) == (3 * 2 * graph["message"], "none")
    assert exit_code("plan", "s.yaml", "-k", "private", "-v", "--graph", "--liars", "2") == 0
    said = capsys.readouterr().out
    assert "sigma" in said and "0 . x ." in said and "for 2 liars" in said and "coordinate-median" in said
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]


def test_a_draft_reads_back_as_a_cohort(tmp_path: Path, exit_code: Any) -> None:
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import Choice

    rows = [f"p{i},{'AB'[i % 2]},{'xy'[i % 2]},{20 + i},{i % 2},{0.5 * i}" for i in range(12)]
    (tmp_path / "patients.csv").write_text("subject,site,diagnosis,age,fever,lactate\n" + "\n".join(rows) + "\n")
    words = ("data", "new", str(tmp_path / "patients.csv"), "--patient", "subject", "--label", "diagnosis", "--silo", "site")
    assert exit_code(*words) == 0
    cohort = Registry.discover().build("dataset", Choice("folder", {"root": str(tmp_path)})).load()
    assert len(cohort) == 12
    assert cohort.classes == ("x", "y")
    assert cohort.silo_names == ("A", "B")
    columns = {c.name: c for c in cohort.schemas["table"].columns}
    assert (columns["age"].low, columns["age"].high, columns["age"].step) == (20.0, 31.0, 1.0)
    assert columns["fever"].type == "flag"
    assert exit_code(*words) == 2  # never overwritten


def test_a_draft_names_the_missing_column(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="no column 'patient'"):
        draft(tmp_path / "p.csv", "patient", "b")


def test_real_patients_are_not_exported_by_accident(tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    assert exit_code("data", "export", "nih-boxes", str(tmp_path / "out")) == 2
    assert "--allow-real" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
