"""What runs of warm processes are made of: who is to blame, the order of trials, where nothing is forked, what processes use."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import Any

import pytest

from fpmg_bench.runner import outcome, usage
from fpmg_bench.runner.child import LOST, Child
from fpmg_bench.runner.forking import LONGEST, MOST, _opened, forget, remembering, send_order, threads
from fpmg_bench.runner.lives import _packed, _unpacked
from fpmg_bench.runner.order import Queue
from fpmg_bench.runner.processes import Fresh
from fpmg_bench.runner.warm import Nest
from fpmg_bench.runner.wire import Wire
from fpmg_bench.spec import Choice, TrialSpec
from fpmg_bench.store import RunDir

Trial = Callable[..., TrialSpec]


def ended(code: int | None) -> Any:
    """A process that has ended so; None: one that lives until it is killed."""
    one = SimpleNamespace(returncode=code, pid=0, cpu=1.0, stdout=None, leader=0)
    one.poll = lambda: one.returncode
    one.wait = lambda: one.returncode
    return one


@pytest.mark.parametrize(
    ("codes", "killed", "words"),
    [
        ((-9, None), True, "killed by SIGKILL"),
        ((LOST, -9), True, "killed by SIGKILL"),
        ((LOST, LOST, -9), True, "killed by SIGKILL"),
        ((LOST, 3), False, "ended with exit code 3"),
        ((7, None), False, "ended with exit code 7"),
        ((-11, None), False, "killed by SIGSEGV"),
    ],
)
def test_where_a_half_is_lost_the_other_one_says_why(
    codes: tuple[int, ...], killed: bool, words: str, trial: Trial, planned_run: Any, tmp_path: Path
) -> None:
    _, run = planned_run(tmp_path, trial())
    first, *others = map(ended, codes)
    child = Child(run.trials()[0], first, tmp_path / "log.txt", 0.0, others)
    child.close()
    assert (child.killed, child.spent) == (killed, float(len(codes)))
    assert child.crash().startswith(words)


def test_trials_of_a_scene_run_together_private_ones_first(trial: Trial, planned_run: Any, tmp_path: Path) -> None:
    from fpmg_bench.spec import Privacy

    specs = [
        trial("a", 0),
        trial("a", 1),
        trial("b", 0, privacy=Privacy(8.0, 1e-3)),
        trial("b", 1, generator=Choice("gan", {"name": "other"})),
    ]
    _, run = planned_run(tmp_path, *specs)
    queue = Queue.of(run.trials(), lambda key: True)
    order = [found.id for found in iter(lambda: queue.take([]), None)]
    assert order == ["tiny/b/0", "tiny/a/0", "tiny/a/1", "tiny/b/1"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is forked")
def test_outside_linux_nothing_is_forked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunDir(tmp_path)
    told: list[Any] = []
    assert Wire().isolate == "warm"
    assert type(outcome._processes(run, [], Wire(), None, told.append)).__name__ == "Warm"
    assert isinstance(outcome._processes(run, [], Wire(isolate="fresh"), None, told.append), Fresh)
    assert isinstance(outcome._processes(run, [], Wire(kind="gloo"), None, told.append), Fresh)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert isinstance(outcome._processes(run, [], Wire(), None, told.append), Fresh)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is forked")
@pytest.mark.parametrize("length", [10, LONGEST, 5_000_000])
def test_orders_of_any_length_arrive_with_their_descriptors(length: int) -> None:
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    order = {"role": "trainer", "trial": "x" * length}
    with mine, theirs, TemporaryFile() as first, TemporaryFile() as second:
        send_order(mine, order, [first.fileno(), second.fileno()])
        data, fds, flags, _ = socket.recv_fds(theirs, LONGEST, MOST)
        found, left = _opened(data, fds)
        assert (found, flags & socket.MSG_TRUNC) == (order, 0)
        assert [os.fstat(fd).st_ino for fd in left] == [os.fstat(file.fileno()).st_ino for file in (first, second)]
        for fd in left:
            os.close(fd)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is forked")
def test_why_a_nest_does_not_fork_is_heard_though_it_left_orders_unread() -> None:
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    nest = Nest(mine)
    with mine:
        fork = nest.fork({"role": "trainer"}, [], None)
        theirs.send(b'{"unsafe": "2 threads"}')
        theirs.close()
        assert fork.poll() is not None
        assert (nest.why, nest.gone) == ("2 threads", True)


def test_what_was_remembered_since_is_forgotten() -> None:
    @lru_cache
    def old(x: int) -> list[int]:
        return [x]

    before = {**remembering(), old: (old(1), old.cache_info().misses)[1]}

    @lru_cache
    def new(x: int) -> list[int]:
        return [x]

    kept = old(1)
    new(1)
    forget({old: before[old], **{each: n for each, n in before.items() if each is not new}})
    assert old(1) is kept and new.cache_info().currsize == 0
    old(2)
    forget({old: before[old]})
    assert old.cache_info().currsize == 0
    gc.collect()


def test_frames_of_every_form_arrive() -> None:
    import torch

    state = {"net/w": torch.arange(3.0)}
    first = {
        "stage": "stage2",
        "round": 0,
        "origin": None,
        "modules": ("net",),
        "masked": False,
        "payload": state,
        "state": state,
    }
    frames = {-1: [first, {"stage": "stage1:a", "round": -1, "origin": 2, "start": {}, "sums": state}], 0: []}
    file = os.memfd_create("frames")
    try:
        assert _unpacked(file) is None and _unpacked(None) is None
        os.write(file, _packed({}))
        assert _unpacked(file) == {}
        os.truncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, _packed(frames))
        found = _unpacked(file)
    finally:
        os.close(file)
    assert found is not None and list(found) == [-1, 0] and found[0] == []
    assert {k: v for k, v in found[-1][0].items() if k not in ("payload", "state")} == {
        k: v for k, v in first.items() if k not in ("payload", "state")
    }
    assert found[-1][0]["payload"] is found[-1][0]["state"]
    assert torch.equal(found[-1][1]["sums"]["net/w"], state["net/w"]) and found[-1][1]["start"] == {}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_session_is_charged_for_all_that_it_started() -> None:
    burn = "import os, sys, time\npid = os.fork()\nx = sum(range(5_000_000)); y = bytearray(os.urandom(8 << 20))\nprint(flush=True)\ntime.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", burn], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout is not None
        for _ in range(2):
            process.stdout.readline()
        within = usage.sessions()
        assert len(within[process.pid]) == 2
        assert usage.cpu_seconds([process.pid], within) > usage.own_cpu(process.pid) > 0.0
        assert usage.own_bytes([process.pid], within) > 16 << 20
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert usage.own_cpu(process.pid) == 0.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_process_with_another_thread_must_not_fork() -> None:
    import threading

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert "threads live in it" in threads()
    finally:
        stop.set()
        thread.join()
