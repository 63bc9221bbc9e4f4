"""TensorBoard and MLflow, each read back by its own reader; where one is not installed, what to install is said."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.errors import PluginError
from fpmg_bench.registry import Registry
from fpmg_bench.tracking import tracked

TRIAL = "phantom/fpmg/0"
ROUNDS = [{"stage": "stage2", "losses": {"0": {"loss": loss}}, "bytes": 8, "seconds": 0.5} for loss in (3.0, 1.0)]
RESULT = {
    "status": "ok",
    "spec": {"budget": {"rounds": 2}, "method": "fpmg"},
    "scores": [
        {"metric": "tstr", "key": "tstr", "value": 0.75},
        {"metric": "rg", "key": "rg", "value": None, "status": "failed"},
    ],
}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def told(name: str, root: Path) -> None:
    """Two rounds and the end of one trial, and one that is interrupted."""
    with tracked([name], Registry((), ()), root, "smoke") as observed:
        notes = [note for record in ROUNDS for note in observed.notify("fpmg_round_end", trial=TRIAL, record=record)]
        notes += observed.notify("fpmg_round_end", trial="phantom/fpmg/1", record=ROUNDS[0])
        assert notes + observed.notify("fpmg_trial_end", trial=TRIAL, result=RESULT) == []


def test_tensorboard_has_rounds_and_scores_by_step(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    told("tensorboard", tmp_path)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(tmp_path / "tensorboard" / TRIAL), size_guidance={"tensors": 0}).Reload()
    assert set(log.Tags()["tensors"]) == {"stage2/loss", "stage2/bytes", "stage2/seconds", "tstr"}
    values = {tag: [(e.step, float(e.tensor_proto.float_val[0])) for e in log.Tensors(tag)] for tag in ("stage2/loss", "tstr")}
    assert values == {"stage2/loss": [(0, 3.0), (1, 1.0)], "tstr": [(2, 0.75)]}


def test_mlflow_has_settings_rounds_scores_and_how_a_trial_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    told("mlflow", tmp_path)
    from mlflow import MlflowClient

    client = MlflowClient((tmp_path / "mlruns").as_uri())
    runs: dict[str, Any] = {
        run.info.run_name: run for run in client.search_runs([client.get_experiment_by_name("smoke").experiment_id])
    }
    assert {name: run.info.status for name, run in runs.items()} == {TRIAL: "FINISHED", "phantom/fpmg/1": "KILLED"}
    done = runs[TRIAL]
    assert done.data.metrics["tstr"] == 0.75 and "rg" not in done.data.metrics
    assert done.data.params["budget.rounds"] == "2"
    history = client.get_metric_history(done.info.run_id, "stage2/loss")
    assert [(each.step, each.value) for each in history] == [(0, 3.0), (1, 1.0)]


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_says_what_installs_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("tensorboard", "tensorboard.summary", "mlflow", "wandb"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PluginError, match=f"--track {name}") as caught, tracked([name], Registry((), ()), tmp_path, "s"):
        pass
    assert f"fpmg-bench[{name}]" in caught.value.hint
