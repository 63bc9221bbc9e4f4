"""What the commands print: tables, JSON, notes. rich is imported when something is printed, never for `--help`."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import typer

from fpmg_bench.errors import MachineError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPE_WIDTH = 400  # columns where nobody looks: a table in a file must not be cut


def standard_output() -> TextIO:
    """Where results are printed. Raises MachineError where it is closed; a closed standard error is replaced by nothing."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    if sys.stdout is None:
        raise MachineError(OSError(errno.EPIPE, ""), ran=False)
    return sys.stdout


def flush() -> None:
    """All that was printed is out. Raises OSError where it cannot be, and the interpreter does not try again when it ends."""
    out = sys.stdout
    try:
        out.flush()
    except OSError:
        if out is sys.__stdout__ and out is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        raise


def console(*, stderr: bool = False) -> Console:
    """A rich console; NO_COLOR and a missing terminal are respected by rich, the width of a pipe is ours."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PIPE_WIDTH, highlight=False, soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Iterable[str] = ()) -> None:
    """Print rows under a title; `right`: names of right-aligned columns. An empty table says so."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False, title_style="bold")
    numeric = set(right)
    for column in columns:
        made.add_column(column, justify="right" if column in numeric else "left", overflow="fold")
    count = 0
    for row in rows:
        made.add_row(*(Text(text_of(cell)) for cell in row))
        count += 1
    if not count:
        typer.echo(f"{title}: none")
    elif sys.stdout.isatty():
        console().print(made)
    else:
        _piped(made)


def _piped(made: Table) -> None:
    """Without the blanks that fill a terminal's lines."""
    out = console()
    with out.capture() as capture:
        out.print(made)
    for line in capture.get().splitlines():
        typer.echo(line.rstrip())


def text_of(value: Any) -> str:
    """A cell: four significant digits, words for missing and infinite numbers."""
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def emit(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """One JSON document on standard output; infinities and NaN are words, as in the run directory."""
    from fpmg_bench.store import plain

    typer.echo(json.dumps(plain(value), indent=2, allow_nan=False, ensure_ascii=False))


def setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE of an option `--set`, the value as a suite's is read. Raises SuiteError."""
    from fpmg_bench.document import Problems, brief, read_document
    from fpmg_bench.errors import SuiteError

    key, equals, value = text.partition("=")
    if not equals:
        raise SuiteError(brief(f"--set {text}: KEY=VALUE was expected"), "for example --set image_size=64")
    problems = Problems(brief(f"--set {text}"), hint="for example --set image_size=64")
    node = read_document(value, problems)
    problems.raise_if_any()
    return key, node.plain()


def note(text: str) -> None:
    """A remark on standard error, out of the way of what is piped."""
    typer.echo(text, err=True)


def bytes_of(count: float) -> str:
    """A size in decimal units: 1.6 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def mean_of(mean: float, low: float, high: float) -> str:
    """A mean with its interval; without one where there is a single value."""
    return text_of(mean) if low != low else f"{text_of(mean)} [{text_of(low)}, {text_of(high)}]"


def size_of(count: int | None) -> str:
    """Bytes, or "-" where they are not known."""
    return "-" if count is None else bytes_of(count)
