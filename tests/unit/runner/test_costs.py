"""What calls spent around their trials: added up, and where the file was damaged said so and counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpmg_bench.cli import main
from fpmg_bench.runner.usage import keep_costs
from fpmg_bench.store import RunDir, read_json


def test_calls_are_added_up_and_nothing_is_said(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    assert keep_costs(run, {"zygote": 1.0}, []) == keep_costs(run, {"zygote": 2.0}, ["a/b/0"]) == ""
    found = read_json(tmp_path / "costs.json")
    assert found and [call["cpu"]["zygote"] for call in found["calls"]] == [1.0, 2.0]
    assert "damaged" not in found


@pytest.mark.parametrize("text", ["", "{", '{"calls": 3}', '{"calls": [{"again": []}]}'])
def test_what_a_damaged_file_said_is_counted_as_lost(tmp_path: Path, text: str) -> None:
    run = RunDir(tmp_path)
    keep_costs(run, {"zygote": 1.0}, [])
    (tmp_path / "costs.json").write_text(text)
    assert "costs.json" in (told := keep_costs(run, {"zygote": 2.0}, [])) and "processor time of earlier calls is lost" in told
    found = read_json(tmp_path / "costs.json")
    assert found and (len(found["calls"]), found["damaged"]) == (1, 1)
    (tmp_path / "costs.json").write_bytes((tmp_path / "costs.json").read_bytes()[:-9])
    keep_costs(run, {}, [])
    keep_costs(run, {}, [])
    found = read_json(tmp_path / "costs.json")
    assert found and (len(found["calls"]), found["damaged"]) == (2, 1)  # how often before was in the file that is lost


def test_shares_of_a_run_say_that_some_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`plan --profile`, of a run with one finished trial."""
    (tmp_path / "s.yaml").write_text(
        "version: 1\nname: s\nseeds: [0]\ndatasets: [{name: phantom, patients: 60, silos: 1, modalities: [table]}]\n"
        "partition: natural\nmethods: {copy: {control: copy}}\nmetrics: [rg]\n"
    )
    with pytest.raises(SystemExit) as left:
        main(["run", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "out"), "--no-report", "--isolate", "fresh"])
    assert left.value.code == 0
    (tmp_path / "out" / "costs.json").write_text("{")
    with pytest.raises(SystemExit):
        main(["plan", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "out"), "--profile"])
    assert "damaged 1 x" in capsys.readouterr().out
