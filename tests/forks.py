"""The program in this process, its trials in forks of it: all that a trial's own interpreter would import is here already."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import IO, NoReturn
from unittest import mock

from fpmg_bench.cli import main
from fpmg_bench.runner import child, one, warm, zygote

for (
    name,
    value,
) in child.SINGLE_THREADED.items():  # before pandas comes: its allocator would start threads, and what has some does not fork
    os.environ.setdefault(name, value)


class Fork:
    """What a runner needs of a process: a group of its own, events on a pipe, a log, an exit code."""

    cpu = 0.0
    returncode: int | None

    def __init__(self, life: Callable[[], object], log: IO[bytes]) -> None:
        (ends, starts), self.returncode = os.pipe(), None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on: other threads (xdist's) are not forked
            self.pid = os.fork()
        if self.pid == 0:
            _live(life, starts, log.fileno())
        os.close(starts)
        self.stdout = os.fdopen(ends, "rb", buffering=0)

    @property
    def leader(self) -> int:
        return self.pid

    def poll(self) -> int | None:
        if self.returncode is None:
            self._reap(os.WNOHANG)
        return self.returncode

    def wait(self) -> int:
        if self.returncode is None:
            self._reap(0)
        assert self.returncode is not None
        return self.returncode

    def _reap(self, how: int) -> None:
        pid, status = os.waitpid(self.pid, how)
        if pid:
            self.returncode = os.waitstatus_to_exitcode(status)


def _live(life: Callable[[], object], out: int, log: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        os.dup2(out, 1)
        os.dup2(log, 2)
        os.environ |= {**child.SINGLE_THREADED, child.PARENT: str(os.getppid())}
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        warnings.resetwarnings()  # as in an interpreter that no test runs in
        code = int(life() or 0)  # type: ignore[call-overload]
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - a fork must never return into the tests
        traceback.print_exc()
    finally:
        os._exit(code)


def _own(command: Sequence[str], log: IO[bytes], device: str = "cpu") -> Fork:
    return Fork(lambda: one.main(list(command[command.index("fpmg_bench.runner") + 1 :])), log)


def _zygote(words: Sequence[str], log: IO[bytes], orders: int) -> Fork:
    return Fork(lambda: zygote.main(list(words)), log)


@contextlib.contextmanager
def forked() -> Iterator[None]:
    """Trials and zygotes are forks, where the system forks safely."""
    if not sys.platform.startswith("linux"):
        yield
        return
    with mock.patch.object(child.Own, "start", _own), mock.patch.object(warm, "hatched", _zygote):
        yield


def program(*words: object) -> tuple[int, str]:
    """Exit code of the command line, and what it printed."""
    printed = io.StringIO()
    with forked(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            main([str(word) for word in words])
        except SystemExit as left:
            return int(left.code or 0), printed.getvalue()
    raise AssertionError("the program did not say how it ended")
