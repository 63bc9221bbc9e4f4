"""Processes that wait for orders and fork: the warm side of a run. One life follows another; a fork begins with nothing of the last.

Orders and answers are single JSON messages on a socket of the runner's, orders with the file descriptors that the fork gets: where its
events go, its log, and more by its role. Only on Linux, and only while the process has one thread.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any, NoReturn

from fpmg_bench.errors import ExitCode
from fpmg_bench.runner.one import die_with, event_stream

Life = Callable[[], Any]  # returns the next life, or never returns
LONGEST = 1 << 16  # bytes of a message; the system refuses some hundred thousand
LONG = b"{}"  # instead of a longer order, which lies in a file without a name: its descriptor comes last
MOST = 8  # file descriptors with it
THREADS = Path("/proc/self/task")
KILLED_FIRST = "500"  # of 1000: the system takes a trial before the runner where memory ends


def live(life: Life) -> NoReturn:
    """One life after the other. Of an earlier one nothing stays in this process but what the next one holds."""
    while True:
        life = life()


class Waiting:
    """A life that serves orders. `born` says what a fork is to do."""

    def __init__(self, orders: socket.socket) -> None:
        self.orders = orders

    def born(self, order: Mapping[str, Any], fds: list[int]) -> Life:
        """What a fork with this order and these descriptors (after events and log) does. Called in the fork."""
        raise NotImplementedError

    def before(self, order: Mapping[str, Any]) -> None:
        """What is made here before the fork, so that later forks have it too."""

    def __call__(self) -> Life:
        """Serve; returns in forks only. Ends with the runner."""
        wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # the wakeup below needs a handler
        before = signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self.orders, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == wake:
                        self._drain(wake)
                    elif (life := self._next()) is not None:
                        signal.set_wakeup_fd(before)
                        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                        for fd in (wake, woken):
                            os.close(fd)
                        return life
                self._reap()

    @staticmethod
    def _drain(wake: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(wake, 512):
                pass

    def _next(self) -> Life | None:
        """Do one order. The life of a fork in the fork, None here."""
        data, fds, _, _ = socket.recv_fds(self.orders, LONGEST, MOST)
        if not data:
            os._exit(ExitCode.OK)  # the runner has gone; forks die with this process
        order, fds = _opened(data, fds)
        self.before(order)
        if unsafe := threads():
            self._say({"unsafe": unsafe})
            pid = -1
        else:
            sys.stdout.flush()
            sys.stderr.flush()
            parent = os.getpid()
            pid = os.fork()
        if pid == 0:
            self._settle(fds[0], fds[1], parent)
            return self.born(order, fds[2:])
        for fd in fds:
            os.close(fd)
        if pid > 0:
            self._say({"pid": pid})
        return None

    def _settle(self, events: int, log: int, parent: int) -> None:
        """In a fork: a process group of its own, where its words go, and whom it does not outlive."""
        self.orders.close()
        os.setsid()
        os.dup2(events, 1)
        os.dup2(log, 2)
        for fd in (events, log):
            os.close(fd)
        die_with(parent)
        Path("/proc/self/oom_score_adj").write_text(KILLED_FIRST)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, used = os.wait4(-1, os.WNOHANG)
                if not pid:
                    return
                code = os.waitstatus_to_exitcode(status)
                self._say({"ended": pid, "code": code, "cpu": used.ru_utime + used.ru_stime})

    def _say(self, answer: Mapping[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the runner has gone: the next look at orders says so
            self.orders.send(json.dumps(answer).encode())


def send_order(end: socket.socket, order: Mapping[str, Any], fds: Sequence[int]) -> None:
    """However long it is. Raises BrokenPipeError or ConnectionResetError where nobody takes orders any more."""
    data = json.dumps(order).encode()
    if len(data) <= LONGEST:
        socket.send_fds(end, [data], fds)
        return
    with os.fdopen(os.memfd_create("order"), "wb") as file:
        file.write(data)
        file.flush()
        socket.send_fds(end, [LONG], [*fds, file.fileno()])


def _opened(data: bytes, fds: list[int]) -> tuple[dict[str, Any], list[int]]:
    """An order and its descriptors, as they were given to `send_order`."""
    if data == LONG:
        *fds, last = fds
        with os.fdopen(last, "rb") as file:
            file.seek(0)
            data = file.read()
    order: dict[str, Any] = json.loads(data)
    return order, fds


def threads() -> str:
    """Why this process must not fork: a fork has one thread, and locks that others held stay locked. "" where it may."""
    found = sorted(THREADS.iterdir())
    names = ", ".join((thread / "comm").read_text().strip() for thread in found)
    return f"{len(found)} threads live in it: {names}" if len(found) > 1 else ""


def remembering() -> dict[Any, int]:
    """Functions that keep their results (`functools.lru_cache`) -> how many they have computed. Of what was frozen none is seen."""
    found = [each for each in gc.get_objects() if type(each) is _lru_cache_wrapper]
    return {each: each.cache_info().misses for each in found}


def forget(before: Mapping[Any, int]) -> None:
    """Empty those that have computed anything since."""
    for each in {**before, **remembering()}:
        if each.cache_info().misses != before.get(each, 0):
            each.cache_clear()


def ended(code: int) -> NoReturn:
    """End a fork: all is on disk or sent, and taking torch and its friends down in good order costs seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def forgotten() -> Callable[[Mapping[str, Any]], None]:
    """The event stream of a fork, when all that only an earlier life held has been collected."""
    gc.collect()
    return event_stream()
