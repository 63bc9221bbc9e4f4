"""A trial's folder: checkpoints, resuming, shared stage 1, measuring again, what is never stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from fpmg_bench.spec import Budget, Choice
from fpmg_bench.store import Planned, RunDir, TrialSink, read_json
from fpmg_bench.types import Cohort, Column, Schema, Table

Make = Callable[..., Planned]
Open = Callable[..., TrialSink]


def state(value: float) -> dict[str, torch.Tensor]:
    return {"net/w": torch.full((3,), value)}


def record(stage: str, round: int) -> dict[str, Any]:
    return {"stage": stage, "round": round, "bytes": 10}


def test_a_checkpoint_is_written_at_the_first_round_end_30_s_after_the_last(planned: Make, sink_on: Open) -> None:
    clock = [0.0]
    sink = sink_on(planned(), clock=clock)
    written = []
    for second in (10.0, 29.9, 30.0, 45.0, 61.0):
        clock.append(second)
        written.append(sink.checkpoint("stage2", 1, {0: state(1)}, {}, {}))
    assert written == [False, False, True, False, True]


def test_resuming_gives_the_checkpoint_back_and_cuts_the_rounds(planned: Make, sink_on: Open, tmp_path: Path) -> None:
    clock = [0.0]
    sink = sink_on(planned(), clock=clock)
    shared = state(1)
    sink.round(record("stage2", 0))
    clock.append(31.0)
    sink.checkpoint(
        "stage2", 1, {0: shared, 1: shared}, {"silos": {0: {"m": torch.ones(1)}, 1: {}}}, {"spent": [["stage2", "step", 20]]}
    )
    sink.round(record("stage2", 1))

    again = sink_on(planned())
    assert [line["round"] for line in again.rounds] == [0]
    point = again.restore("stage2")
    assert point is not None
    assert (point.round, point.extra) == (1, {"spent": [["stage2", "step", 20]]})
    assert point.states[0] is point.states[1]
    assert torch.equal(point.states[0]["net/w"], torch.ones(3))
    assert point.memories["silos"][1] == {}
    assert again.restore("stage1:labs") is None


def test_stages_that_ended_are_kept_in_later_checkpoints(planned: Make, sink_on: Open) -> None:
    clock = [0.0]
    sink = sink_on(planned(), clock=clock)
    sink.checkpoint("stage1:labs", 8, {0: state(8)}, {}, {})
    clock.append(40.0)
    sink.checkpoint("stage1:notes", 2, {0: state(2)}, {}, {})
    again = sink_on(planned())
    first, second = again.restore("stage1:labs"), again.restore("stage1:notes")
    assert first is not None
    assert second is not None
    assert (first.round, second.round) == (8, 2)
    assert torch.equal(first.states[0]["net/w"], torch.full((3,), 8.0))


def test_a_torn_checkpoint_is_ignored(planned: Make, sink_on: Open) -> None:
    clock = [0.0, 40.0]
    sink = sink_on(planned(), clock=[0.0])
    sink.clock = lambda: clock[-1]
    sink.round(record("stage2", 0))
    sink.checkpoint("stage2", 1, {0: state(1)}, {}, {})
    file = sink.folder / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    again = sink_on(planned())
    assert again.restore("stage2") is None
    assert list(again.rounds) == []


def test_a_checkpoint_whose_rounds_are_lost_is_not_trusted(planned: Make, sink_on: Open) -> None:
    clock = [0.0]
    sink = sink_on(planned(), clock=clock)
    sink.round(record("stage2", 0))
    sink.round(record("stage2", 1))
    clock.append(31.0)
    sink.checkpoint("stage2", 2, {0: state(1)}, {}, {})
    lines = (sink.folder / "rounds.jsonl").read_bytes().splitlines(keepends=True)
    (sink.folder / "rounds.jsonl").write_bytes(lines[0])
    again = sink_on(planned())
    assert again.restore("stage2") is None
    assert list(again.rounds) == []


def test_stage_1_is_shared_with_its_rounds_and_its_ledger(planned: Make, sink_on: Open, tmp_path: Path) -> None:
    first = sink_on(planned(method="fpmg"))
    assert first.load_stage1() is None
    first.round(record("stage1:labs", 0))
    first.save_stage1({0: {"labs": state(1)}, 1: {"labs": state(2)}}, {"spent": {"0": [["stage1:labs", "moments", 1]]}})

    other = planned(method="single-modal", generator=Choice("single"))
    second = sink_on(other)
    found = second.load_stage1()
    assert found is not None
    assert found.extra == {"spent": {"0": [["stage1:labs", "moments", 1]]}}
    assert torch.equal(found.states[1]["labs"]["net/w"], torch.full((3,), 2.0))
    assert [line["stage"] for line in second.rounds] == ["stage1:labs"]
    second.load_stage1()
    assert len(second.rounds) == 1


def test_a_damaged_shared_stage_1_is_computed_and_written_again(planned: Make, sink_on: Open, tmp_path: Path) -> None:
    sink = sink_on(planned())
    sink.save_stage1({0: {"labs": state(1)}}, {})
    folder = RunDir(tmp_path).stage1(sink.trial.stage1 or "")
    (folder / "state.safetensors").write_bytes(b"torn")
    assert sink.load_stage1() is None
    sink.save_stage1({0: {"labs": state(1)}}, {})
    assert sink.load_stage1() is not None


def test_another_metric_measures_stored_states_and_trains_nothing(planned: Make, sink_on: Open) -> None:
    sink = sink_on(planned())
    sink.round(record("stage2", 0))
    sink.save_trained({0: {"generator": state(4)}}, {"spent": {}})
    sink.finish({"scores": [], "seconds": {"load": 1.0, "stage2": 20.0, "measure": 2.0, "total": 23.0}})

    again = sink_on(planned(metrics=(Choice("rg"), Choice("dg"))))
    assert not again.run.finished(again.trial)
    trained = again.trained()
    assert trained is not None
    assert torch.equal(trained[0]["generator"]["net/w"], torch.full((3,), 4.0))
    assert again.trained_extra == {"spent": {}}
    assert [line["round"] for line in again.rounds] == [0]
    again.finish({"scores": [], "seconds": {"load": 1.5, "measure": 3.0, "total": 4.5}})
    result = again.run.result(again.trial.key)
    assert result is not None
    assert result["seconds"] == {"load": 1.5, "measure": 3.0, "total": 4.5}  # a trial's clock adds what training took


def test_another_metric_trains_again_where_metrics_look_at_training(planned: Make, sink_on: Open) -> None:
    watched = {"budget": Budget(evaluate_every=1)}
    sink = sink_on(planned(**watched))
    sink.save_trained({0: state(1)})
    assert sink_on(planned(**watched)).trained() is not None
    assert sink_on(planned(**watched, metrics=(Choice("dg"),))).trained() is None


def test_finishing_deletes_the_checkpoint_and_tells_last(planned: Make, sink_on: Open) -> None:
    events: list[Any] = []
    clock = [0.0]
    sink = sink_on(planned(), events, clock)
    clock.append(31.0)
    sink.checkpoint("stage2", 1, {0: state(1)}, {}, {})
    sink.finish({"scores": [{"metric": "rg", "key": "rg", "value": float("nan")}]})
    assert not (sink.folder / "checkpoint.safetensors").exists()
    assert sink.run.finished(sink.trial)
    assert events[-1] == {"event": "done", "status": "ok", "reason": ""}
    result = read_json(sink.folder / "trial.json")
    assert result is not None
    assert (result["id"], result["role"], result["spec"]["seed"]) == ("tiny/fpmg/0", "method", 0)
    assert result["scores"][0]["value"] is None


def test_a_failure_names_its_place_and_is_not_finished(planned: Make, sink_on: Open) -> None:
    sink = sink_on(planned())
    sink.event({"event": "stage", "name": "stage2", "total": 3})
    sink.round(record("stage2", 1))
    sink.fail("weights are not finite")
    result = sink.run.result(sink.trial.key)
    assert result is not None
    assert (result["status"], result["reason"], result["where"]) == ("failed", "weights are not finite", "stage2, round 1")
    assert not sink.run.finished(sink.trial)


def test_a_trial_with_a_failed_metric_is_measured_again(planned: Make, sink_on: Open) -> None:
    sink = sink_on(planned())
    sink.finish({"scores": [{"metric": "rg", "key": "rg", "value": None, "status": "failed", "reason": "ValueError"}]})
    assert not sink.run.finished(sink.trial)
    sink.finish({"scores": [{"metric": "rg", "key": "rg", "value": None, "status": "not_applicable", "reason": "no third set"}]})
    assert sink.run.finished(sink.trial)


CANARY = 987654.0


def cohort() -> Cohort:
    """Rows that must not be found on disk."""
    frame = pd.DataFrame({"lab": np.full(4, CANARY)})
    return Cohort(
        {"labs": Schema("table", (Column("lab", "number"),))},
        {"labs": Table(frame)},
        {"labs": np.ones(4, dtype=bool)},
        (Column("ill", "flag"),),
        np.zeros((4, 1)),
        np.arange(4),
        np.zeros(4, dtype=np.int64),
    )


def test_what_a_control_makes_of_private_patients_is_not_stored(planned: Make, sink_on: Open) -> None:
    sink = sink_on(planned(control=Choice("copy"), encoders={}, generator=None), publishable=False)
    sink.synthetic(cohort(), "A")
    assert not (sink.folder / "synthetic").exists()
    assert sink.trial.stage1 is None
    assert sink.load_stage1() is None


def test_a_release_is_stored_as_a_folder_cohort(planned: Make, sink_on: Open) -> None:
    sink = sink_on(planned())
    sink.synthetic(cohort(), "St. Mary/1")
    sink.synthetic(cohort(), "St. Mary/1")
    (folder,) = (sink.folder / "synthetic").iterdir()
    assert {"cohort.yaml", "manifest.parquet"} <= {file.name for file in folder.iterdir()}
    assert sink_on(planned(control=Choice("copy")), publishable=True).synthetic(cohort(), "A") is None


def test_two_writers_of_a_run_are_refused(tmp_path: Path) -> None:
    import pytest

    from fpmg_bench.errors import StoreError
    from fpmg_bench.store import only_writer

    with only_writer(tmp_path, wait=False), pytest.raises(StoreError, match="is writing here"), only_writer(tmp_path, wait=False):
        pass
    with only_writer(tmp_path, wait=False):
        pass


def test_silos_of_any_name_have_folders_of_their_own_inside(planned: Make, sink_on: Open) -> None:
    names = ["a", ".a", "..", ".", "", "../../ESCAPED", "x" * 5000, "x" * 4999, "%2ea"]
    sink = sink_on(planned())
    for name in names:
        sink.synthetic(cohort(), name)
    assert len(list((sink.folder / "synthetic").iterdir())) == len(names)
    assert not list(sink.folder.parent.rglob("ESCAPED"))
