"""Steps 7 and 8 in a process that holds no patient: it gets released states, conditions and a form, and gives records."""

from __future__ import annotations

import json
import socket
import struct
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import FpmgError, TrialError
from fpmg_bench.runner import parcel
from fpmg_bench.store.atomic import plain
from fpmg_bench.trial.release import Drawn, form_note, form_of, release, undecoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.trial.cost import Clock
    from fpmg_bench.trial.judging import Judge
    from fpmg_bench.trial.learning import Models
    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.types import Cohort


class Gone(BaseException):
    """The process at the other end has ended without a word. No failure of a metric or trial, so nothing that records those takes it."""


def send(end: socket.socket, data: bytes) -> None:
    """One message. Raises Gone."""
    try:
        end.sendall(struct.pack("<Q", len(data)) + data)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise Gone from error


def receive(end: socket.socket) -> bytes | None:
    """The next message; None where the other end has closed."""
    head = _exactly(end, 8)
    return None if head is None else _exactly(end, struct.unpack("<Q", head)[0])


def _exactly(end: socket.socket, size: int) -> bytes | None:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        try:
            count = end.recv_into(view[got:])
        except ConnectionResetError:
            return None
        if not count:
            return None
        got += count
    return bytes(data)


@dataclass(frozen=True, slots=True)
class Sampler:
    """`judging.Draw` by another process. form: a cohort whose form releases have; clock: of the trial, which takes what it costs."""

    end: socket.socket
    form: Cohort
    seed: int
    clock: Clock

    def __call__(self, models: Models, requested: NDArray[np.float64], decode: bool = True) -> dict[int, Drawn]:
        """Raises TrialError with the sampler's own words, Gone where it ended."""
        form = self.form if decode else undecoded(self.form)
        note = {"form": form_note(form), "seed": self.seed}
        send(self.end, parcel.asked(models, requested, note))
        answer = receive(self.end)
        if answer is None:
            raise Gone
        released, said = parcel.read(answer, form)
        self.clock.add("sample", said["cpu"])
        if "error" in said:
            raise TrialError(said["error"], said["hint"])
        return released


def serve(end: socket.socket, parts: Parts) -> None:
    """Answer until the other end closes."""
    while (data := receive(end)) is not None:
        send(end, _answer(data, parts))


def _answer(data: bytes, parts: Parts) -> bytes:
    began = time.process_time()
    models, requested, note = parcel.read_asked(data)
    released: Mapping[int, Drawn] = {}
    try:
        released, said = release(models, parts, form_of(note["form"]), requested, note["seed"]), {}
    except Exception as error:  # noqa: BLE001 - a generator's or decoder's: told to whoever records the trial's failure
        said = complaint(error)
    return parcel.written(released, said | {"cpu": time.process_time() - began})


def complaint(error: Exception) -> dict[str, str]:
    """What went wrong, as JSON for the process that records it as the trial's failure."""
    if isinstance(error, FpmgError):
        return {"error": error.message, "hint": error.hint}
    traceback.print_exception(error)
    return {"error": f"{type(error).__name__}: {error}", "hint": ""}


@dataclass(frozen=True, slots=True)
class Onlooker:
    """`learning.Look` by another process: a measurer's, who sees everybody, while the process that trains does not."""

    end: socket.socket

    def __call__(
        self, models: Models, requested: NDArray[np.float64], rounds: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Raises TrialError with the onlooker's own words, Gone where it ended."""
        send(self.end, parcel.asked(models, requested, {"rounds": [plain(record) for record in rounds]}))
        answer = receive(self.end)
        if answer is None:
            raise Gone
        said = json.loads(answer)
        if "error" in said:
            raise TrialError(said["error"], said["hint"])
        rows: list[dict[str, Any]] = said["rows"]
        return rows


def look_for(end: socket.socket, judge: Callable[[], Judge]) -> None:
    """An onlooker's part: score what is asked for, until the other end closes."""
    while (data := receive(end)) is not None:
        models, requested, note = parcel.read_asked(data)
        try:
            said: dict[str, Any] = {"rows": judge().look(models, requested, note["rounds"])}
        except Exception as error:  # noqa: BLE001 - told to who trains, whose trial fails with it
            said = complaint(error)
        send(end, json.dumps(said).encode())
