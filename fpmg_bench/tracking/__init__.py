"""Experiment trackers of others (extras `tensorboard`, `mlflow`, `wandb`), told by the hooks that any plug-in has."""

from fpmg_bench.tracking.observer import TRACKERS, tracked

__all__ = ["TRACKERS", "tracked"]
