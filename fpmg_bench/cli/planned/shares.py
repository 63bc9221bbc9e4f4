"""Where a run's processor time went."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer


def show(out: Path | None, suite: str, json: bool) -> None:
    """Shares of work in a run directory. Raises StoreError for none."""
    from fpmg_bench.cli import console
    from fpmg_bench.cli.progress import clock
    from fpmg_bench.store import Damaged, RunDir, read_json
    from fpmg_bench.store.shares import CALLS, COSTS, shares, useful
    from fpmg_bench.suite import load_suite

    run = RunDir(out or Path("runs") / load_suite(suite).name)
    results = [run.result(key) or {} for key in dict.fromkeys(trial.key for trial in run.trials())]
    costs = read_json(run.root / COSTS, CALLS)
    around: Mapping[str, Any] = costs or {}
    damaged = int(around.get("damaged", 0)) + isinstance(costs, Damaged)
    found = shares((each for each in results if each.get("status") == "ok"), around)
    if json:
        told = [{"what": share.what, "useful": share.useful, "cpu_seconds": share.seconds} for share in found]
        return console.emit({"useful": useful(found) if found else None, "shares": told, "damaged": damaged})
    if damaged:
        typer.echo(
            f"{run.root / COSTS}: damaged {damaged} x: what calls before that spent around their trials is not in these shares"
        )
    if not found:
        return typer.echo(f"{run.root}: no finished trial says where its processor time went")
    total = sum(share.seconds for share in found)
    cells = [
        (share.what, "yes" if share.useful else "", f"{share.seconds:.1f}", f"{share.seconds / total:.0%}") for share in found
    ]
    title = f"{run.root}: {useful(found):.0%} of {clock(total)} of processor time trained, released and scored"
    return console.table(title, ("work", "useful", "CPU s", "share"), cells, right=("CPU s", "share"))
