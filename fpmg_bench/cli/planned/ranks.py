"""The command lines that start a trial's silos on hosts of their own."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fpmg_bench.planning.totals import cell

if TYPE_CHECKING:
    from fpmg_bench.planning.forecast import Forecast
    from fpmg_bench.runner import RunPlan, Wire

PORT = 29500


def lines(made: RunPlan, forecasts: Sequence[Forecast], run: Path, wire: Wire) -> dict[str, str]:
    """Trial id -> the line for host I of its silos and, last of all, its server. Trials in which nothing travels have none."""
    nodes = {cell(f.id): len(f.silos) + len({n for edge in f.edges for n in edge if n < 0}) for f in forecasts if not f.pooled}
    found = {}
    for trial in made.trials:
        count = nodes.get(cell(trial.id), 0)
        if trial.id in made.selected and count > 1:
            words = ["-m", "fpmg_bench.runner.rank", str(run), trial.key, *wire.words()]
            start = f"torchrun --nnodes {count} --node-rank I --nproc-per-node 1 --master-addr HOST --master-port {PORT}"
            found[trial.id] = f"{start} {shlex.join(words)}"
    return found


def show(found: dict[str, str], run: Path, suite: str, *, written: bool) -> None:
    """How to go about it, and a line for each trial."""
    from fpmg_bench.cli import console
    from fpmg_bench.transport.channel import MAKE, RUN_KEY

    if not found:
        return
    console.say(
        "On several hosts: host I runs silo I (the server comes last), HOST is host 0; GLOO_SOCKET_IFNAME=eth0 chooses a network."
    )
    console.say(f"They seal what they send with {RUN_KEY}: export the same on every host, made by {MAKE}")
    if not written:
        console.say(f"Every host needs the plan: add --out {run}, and share or copy that folder.")
    for id, line in found.items():
        typer.echo(f"{id}:\n  {line}")
    typer.echo(f"Then, where all ranks' files are in {run}: fpmg-bench run {suite} --transport gloo --out {run}")
