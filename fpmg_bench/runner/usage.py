"""What running trials use. Each process of a trial leads a session, in which all that it starts stays."""

from __future__ import annotations

import contextlib
import datetime
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fpmg_bench.store import Damaged, RunDir, read_json, write_json
from fpmg_bench.store.shares import CALLS, COSTS

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")
GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


def sessions() -> dict[int, list[int]]:
    """Session -> the processes in it now; {} where the system does not tell."""
    found: dict[int, list[int]] = {}
    for entry in PROC.iterdir() if PROC.is_dir() else ():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            found.setdefault(int(fields[3]), []).append(int(entry.name))
    return found


def cpu_seconds(leaders: Iterable[int], within: Mapping[int, list[int]]) -> float:
    """CPU seconds of the living processes of these sessions, and of what they started and saw end."""
    found = [_stat(pid) for leader in leaders for pid in within.get(leader, ())]
    return sum(int(field) for fields in found if fields for field in fields[11:15]) / TICK


def own_cpu(pid: int) -> float:
    """CPU seconds of this process alone; 0.0 where it has ended."""
    return sum(int(field) for field in _stat(pid)[11:13]) / TICK


def resident(leaders: Iterable[int], within: Mapping[int, list[int]]) -> int:
    """Memory of these sessions, shared pages once for each that has them: never less than `own_bytes`, and cheap to ask."""
    fields = [_stat(pid) for leader in leaders for pid in within.get(leader, ())]
    return sum(int(field[21]) for field in fields if field) * PAGE


def own_bytes(leaders: Iterable[int], within: Mapping[int, list[int]]) -> int:
    """Memory of these sessions that they share with nobody."""
    total = 0
    for pid in (pid for leader in leaders for pid in within.get(leader, ())):
        with contextlib.suppress(*GONE):
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return 1024 * total


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; [] for a process that has ended."""
    with contextlib.suppress(*GONE):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return []


def total_memory() -> int:
    """Bytes of this machine."""
    import psutil

    return int(psutil.virtual_memory().total)


def keep_costs(run: RunDir, used: Mapping[str, float], lost: Sequence[str]) -> str:
    """Add this call to costs.json: CPU seconds of processes that are no trial's, and trials that were started again.

    What trials use is in their own records; a call that trains nothing adds nothing. Returns what is to be told: "", or that earlier
    calls are lost, which the file counts from then on.
    """
    found = read_json(run.root / COSTS, CALLS)
    before: Mapping[str, Any] = found or {}
    damaged = int(before.get("damaged", 0)) + isinstance(found, Damaged)
    runner = time.process_time()
    entry = {
        "cpu": {"runner": runner, **used},
        "again": list(lost),
        "ended": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    kept = {"calls": [*before.get("calls", []), entry]} | ({"damaged": damaged} if damaged else {})
    write_json(run.root / COSTS, kept)
    return f"{found}: processor time of earlier calls is lost" if isinstance(found, Damaged) else ""
