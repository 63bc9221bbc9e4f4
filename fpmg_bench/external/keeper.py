"""Keeps a command from elsewhere: ends it and all that it started, and removes its folder, whatever becomes of who asked.

A program of its own, of the standard library alone: `python -I keeper.py FOLDER`. It leads a session, so that what kills the asker does
not reach it. On stdin it gets one line of JSON, {command, env, cwd, limit}; on stdout it answers one, {code, late}. When stdin ends,
because the asker closes it or is gone, nothing of the command is left, nor the folder.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
LOOK = 0.02  # seconds


def main() -> None:
    """Until stdin ends."""
    folder = sys.argv[1]
    if sys.platform.startswith("linux"):  # what the command leaves behind becomes a child of this process
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        line = sys.stdin.buffer.readline()
        if line:
            answer = kept(json.loads(line))
            with contextlib.suppress(BrokenPipeError):
                sys.stdout.write(json.dumps(answer) + "\n")
                sys.stdout.flush()
            sys.stdin.buffer.read()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def kept(order: dict) -> dict:  # type: ignore[type-arg]
    """Run the command to its end, its limit, or the end of stdin; nothing of it lives afterwards."""
    try:
        process = subprocess.Popen(
            order["command"], env=order["env"], cwd=order["cwd"], stdin=subprocess.DEVNULL, stdout=sys.stderr, process_group=0
        )
    except OSError as error:
        return {"code": None, "late": False, "why": error.strerror or str(error)}
    until = time.monotonic() + order["limit"]
    late = False
    while process.poll() is None and not (late := time.monotonic() > until):
        if select.select([sys.stdin], [], [], LOOK)[0]:
            break
    code = process.returncode
    end(process)
    return {"code": code, "late": late}


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill its group, and whatever left that group and has no other parent now."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    while left := orphans():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(LOOK / 10)


def orphans() -> list[int]:
    """The children of this process, where the system tells them."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    main()
