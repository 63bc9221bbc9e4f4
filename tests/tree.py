"""The processes of a run as the system lists them, by what they do. Only on Linux."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil

KINDS = ("zygote", "scene", "training scene", "trainer", "onlooker", "sampler", "measurer")
WARM = "warm.log"
TRIAL = "log.txt"


class Seen:
    """All processes of a run that looks have met: number -> when it was born (numbers come again)."""

    def __init__(self) -> None:
        self.born: dict[int, float] = {}

    def look(self, runner: int) -> dict[str, list[int]]:
        """The tree now."""
        now = tree(runner)
        for process in (process for each in now.values() for process in each):
            with contextlib.suppress(psutil.Error):
                self.born.setdefault(process, psutil.Process(process).create_time())
        return now

    def living(self) -> list[int]:
        """Those that have not ended."""
        return [process for process, born in self.born.items() if _born(process) == born]


def _born(process: int) -> float | None:
    with contextlib.suppress(psutil.Error):
        found = psutil.Process(process)
        return None if found.status() == psutil.STATUS_ZOMBIE else found.create_time()
    return None


def tree(runner: int) -> dict[str, list[int]]:
    """Kind -> the processes below this runner that are it. One that is being forked and has no log of its own yet is left out."""
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for zygote in _below(runner):
        found["zygote"].append(zygote)
        for each in _below(zygote):
            if _log(each).name == TRIAL:
                found["sampler"].append(each)
            elif _leads(each):
                found["scene"].append(each)
                _scene(each, found)
    return found


def _scene(scene: int, found: dict[str, list[int]]) -> None:
    below, training = _below(scene), set()
    for half in (each for each in below if _log(each).name == WARM and not _leads(each)):
        found["training scene"].append(half)
        trainers = [each for each in _below(half) if _log(each).name == TRIAL]
        found["trainer"] += trainers
        training |= {_log(each) for each in trainers}
    for each in below:
        if _log(each).name == TRIAL:
            found["onlooker" if _log(each) in training else "measurer"].append(each)


def _leads(process: int) -> bool:
    """Whether it leads a session."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return int(fields[3]) == process
    return False


def _below(process: int) -> list[int]:
    return list(_children(process))


def _children(process: int) -> Iterator[int]:
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(process).children():
            with contextlib.suppress(psutil.Error):
                if child.status() != psutil.STATUS_ZOMBIE:
                    yield child.pid


def _log(process: int) -> Path:
    """Where its standard error goes."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/fd/2").readlink()
    return Path()
