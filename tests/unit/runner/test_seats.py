"""Trials queue for devices, and one that finds its device full says by how much."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from fpmg_bench.errors import TrialError
from fpmg_bench.runner.devices import GIVEN, Seats, place_of, reason
from fpmg_bench.runner.order import Queue
from fpmg_bench.store import Planned

FULL = (
    "CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of 139.81 GiB of which 20.25 MiB is free. "
    "Process 7 has 139.79 GiB memory in use."
)


def test_devices_fill_evenly_up_to_their_jobs() -> None:
    seats, taken = Seats(("cuda:0", "cuda:1"), each=2), list[str]()
    while (device := seats.free("cuda", taken)) is not None:
        taken.append(device)
    assert taken == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    taken.remove("cuda:1")
    assert seats.free("cuda", taken) == "cuda:1"


def test_the_cpu_has_room_for_all_jobs() -> None:
    assert Seats(("cuda:0",)).free("cpu", ["cuda:0", "cpu", "cpu"]) == "cpu"


def _trial(name: str, device: str) -> Planned:
    spec = SimpleNamespace(device=device, privacy=None)
    return Planned(name, name, None, name, cast(Any, spec))


def test_a_control_passes_the_trials_that_wait_for_a_device() -> None:
    queue = Queue([_trial("a", "cuda"), _trial("b", "cuda"), _trial("c", "cpu")], lambda key: True)
    seats, running = Seats(("cuda:0",)), list[tuple[Planned, str]]()
    while True:
        taken = [device for _, device in running]
        trial = queue.take((t for t, _ in running), lambda t, taken=taken: seats.free(t.spec.device, taken) is not None)  # type: ignore[misc]
        if trial is None:
            break
        running.append((trial, cast(str, seats.free(trial.spec.device, taken))))
    assert [(trial.id, device) for trial, device in running] == [("a", "cuda:0"), ("c", "cpu")]
    assert [trial.id for trial in queue.waiting] == ["b"]


def test_a_process_takes_the_device_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    trial, control = _trial("a", "cuda").spec, _trial("c", "cpu").spec
    monkeypatch.delenv(GIVEN, raising=False)
    assert (place_of(trial), place_of(control)) == ("cuda", "cpu")
    monkeypatch.setenv(GIVEN, "cuda:1")
    assert (place_of(trial), place_of(control)) == ("cuda:1", "cpu")


def test_a_full_device_is_told_with_the_bytes_asked_and_free() -> None:
    told = reason(torch.OutOfMemoryError(FULL))
    assert told.startswith("the device is full: 1,610,612,736 bytes were asked for, 21,233,664 were free; --jobs-per-device 1")
    assert FULL in told


def test_other_failures_are_told_as_before() -> None:
    assert reason(ValueError("x")) == "ValueError: x"
    assert reason(TrialError("lost", "find it")) == str(TrialError("lost", "find it"))
    assert reason(torch.OutOfMemoryError("something else")) == "OutOfMemoryError: something else"
