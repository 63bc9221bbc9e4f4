"""MLflow: an experiment a suite, a run a trial, in <run>/mlruns or where MLFLOW_TRACKING_URI says."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ENDED = {"ok": "FINISHED", "interrupted": "KILLED"}


class MlflowLog:
    """One trial's run. Several are open at a time, so that the client is used and no run is the active one."""

    def __init__(self, client: Any, experiment: str, trial: str) -> None:
        self.client = client
        self.id = client.create_run(experiment, run_name=trial).info.run_id

    def settings(self, values: Mapping[str, str]) -> None:
        """Parameters."""
        from mlflow.entities import Param

        self.client.log_batch(self.id, params=[Param(name, value) for name, value in list(values.items())[:100]])

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Metrics, under names that MLflow takes."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = [Metric(name.replace(":", "."), value, now, step) for name, value in values.items()]
        for at in range(0, len(found), 1000):  # MLflow's largest batch
            self.client.log_batch(self.id, metrics=found[at : at + 1000])

    def close(self, status: str) -> None:
        """FINISHED, FAILED or KILLED."""
        self.client.set_terminated(self.id, ENDED.get(status, "FAILED"))


def opener(root: Path, suite: str) -> Callable[[str], MlflowLog]:
    """Raises ModuleNotFoundError without mlflow or mlflow-skinny."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read at the import; nothing leaves unasked
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # a folder beside the run needs no database and no server
    from mlflow import MlflowClient

    client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or (root / "mlruns").resolve().as_uri())
    found = client.get_experiment_by_name(suite)
    experiment = found.experiment_id if found else client.create_experiment(suite)
    return lambda trial: MlflowLog(client, experiment, trial)
