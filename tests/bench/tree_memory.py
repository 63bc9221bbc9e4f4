"""Runs a command and prints the largest memory of all its processes together: `python tests/bench/tree_memory.py COMMAND...`.

A page that several processes share counts once (Pss). Looked at every two seconds, so short peaks are missed. Linux only.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

EVERY = 2.0
GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


def tree(root: int) -> list[int]:
    """The process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(*GONE):
            if entry.name.isdigit():
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found, left = [], [root]
    while left:
        found.append(left.pop())
        left += parents.get(found[-1], [])
    return found


def held(pids: list[int]) -> int:
    """Bytes."""
    total = 0
    for pid in pids:
        with contextlib.suppress(*GONE):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 1024 * total


def main(command: list[str]) -> int:
    """Exit code of the command."""
    process, most, count = subprocess.Popen(command), 0, 0
    while process.poll() is None:
        pids = tree(process.pid)
        now = held(pids)
        most, count = (now, len(pids)) if now > most else (most, count)
        time.sleep(EVERY)
    print(f"largest memory of all processes together: {most / 2**30:.2f} GiB, in {count} processes")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
