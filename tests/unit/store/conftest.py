"""A planned trial and sinks on a fresh run directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.keys import digest
from fpmg_bench.spec import Budget, Choice, TrialSpec
from fpmg_bench.store import Planned, RunDir, TrialSink


@pytest.fixture
def planned() -> Callable[..., Planned]:
    """A trial whose keys follow its specification; keyword arguments replace fields of the specification."""

    def make(**changes: Any) -> Planned:
        fields: dict[str, Any] = {
            "dataset": Choice("tiny", {"n": 10}),
            "dataset_name": "tiny",
            "method": "fpmg",
            "seed": 0,
            "partition": {"kind": "iid", "silos": 2},
            "encoders": {"labs": Choice("pca", {"dim": 2})},
            "generator": Choice("gan", {"lr": 0.1}),
            "topology": Choice("ring"),
            "aggregator": Choice("fedavg"),
            "budget": Budget(rounds=3),
            "metrics": (Choice("rg"),),
        }
        spec = TrialSpec(**{**fields, **changes})
        key = digest([spec.dataset, spec.seed, spec.generator, spec.control])
        return Planned(spec.id, key, None if spec.control else digest([spec.dataset, spec.seed]), digest(spec.metrics), spec)

    return make


@pytest.fixture
def sink_on(tmp_path: Path) -> Callable[..., TrialSink]:
    """Opens a sink; `events` collects what it tells, `clock` is a list whose last number is the time."""

    def make(
        trial: Planned, events: list[Any] | None = None, clock: list[float] | None = None, publishable: bool = False
    ) -> TrialSink:
        times = clock if clock is not None else [0.0]
        tell = events.append if events is not None else (lambda event: None)
        return TrialSink(RunDir(tmp_path), trial, publishable, tell, every=30.0, clock=lambda: times[-1])

    return make
