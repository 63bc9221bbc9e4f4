"""What `run` and `tune` show while trials run: bars with an ETA on a terminal, one line a trial elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from fpmg_bench.cli.console import console
from fpmg_bench.document.words import plural

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Tell = Callable[[dict[str, Any]], None]


@contextmanager
def watching() -> Iterator[Tell]:
    """A listener for the runner's events. Everything goes to standard error, so that results can be piped."""
    if sys.stderr.isatty():
        with _bars() as bars:
            yield Bars(bars)
    else:
        yield Lines()


def clock(seconds: float | None) -> str:
    """75 s as 1:15; unknown as "?"."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def ended(event: dict[str, Any]) -> str:
    """One line about a trial that ended, with the place and reason where it failed."""
    line = f"{event['status']:8} {event['trial']}  {clock(event['seconds'])}"
    return line if event["status"] == "ok" else f"{line}  {event['where']}: {event['reason']}"


class Lines:
    """One line a trial: for logs and pipes."""

    def __init__(self) -> None:
        self.done, self.total, self.last = 0, 0, ""

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "plan":
            self.total = event["todo"]
            typer.echo(opening(event), err=True)
        elif event["event"] == "end":
            self.last = ended(event)
        elif event["event"] == "progress":
            typer.echo(f"[{event['done']}/{event['total']}] {self.last}  (left {clock(event['eta'])})", err=True)
        elif event["event"] == "note":
            typer.echo(_note(event), err=True)


class Bars:
    """A bar for the run and one for each running trial."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.whole = bars.add_task("trials", total=None, place="")
        self.running: dict[str, TaskID] = {}

    def __call__(self, event: dict[str, Any]) -> None:
        show = getattr(self, f"_{event['event']}", None)
        if show is not None:
            show(event)

    def _plan(self, event: dict[str, Any]) -> None:
        self.bars.console.print(opening(event))
        self.bars.update(self.whole, total=event["todo"])

    def _start(self, event: dict[str, Any]) -> None:
        self.running[event["trial"]] = self.bars.add_task(event["trial"], total=None, place="start")

    def _stage(self, event: dict[str, Any]) -> None:
        self.bars.update(self.running[event["trial"]], place=str(event["name"]), total=event.get("total"), completed=0)

    def _round(self, event: dict[str, Any]) -> None:
        self.bars.update(self.running[event["trial"]], place=str(event["stage"]), completed=event["round"] + 1)

    def _end(self, event: dict[str, Any]) -> None:
        self.bars.remove_task(self.running.pop(event["trial"]))
        style = "green" if event["status"] == "ok" else "red"
        self.bars.console.print(ended(event), style=style, markup=False)

    def _progress(self, event: dict[str, Any]) -> None:
        self.bars.update(self.whole, completed=event["done"], total=event["total"], place=f"left {clock(event['eta'])}")

    def _note(self, event: dict[str, Any]) -> None:
        self.bars.console.print(_note(event), markup=False)


def _note(event: dict[str, Any]) -> str:
    return " ".join(filter(None, ("note:", event.get("trial"), event["text"])))


def opening(event: dict[str, Any]) -> str:
    """What is about to happen."""
    return (
        f"{plural(event['trials'], 'trial')}: {event['todo']} to run, {event['kept']} kept from before; {event['jobs']} at a time"
    )


def _bars() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[place]}", markup=False),
    )
    return Progress(*columns, TimeElapsedColumn(), console=console(), transient=True)
