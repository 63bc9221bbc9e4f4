"""What the commands print: tables, JSON, notes. rich is imported for bars alone."""

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


def console() -> Console:
    """A rich console on standard error, for bars; NO_COLOR is respected by rich."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def width() -> int | None:
    """Columns to print in: those that COLUMNS asks for, also in a pipe, or the terminal's. None: nobody looks, and nothing is wrapped."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def say(text: str, indent: str = "  ") -> None:
    """A line, broken between words where it is longer than `width`; what follows is indented."""
    from fpmg_bench.cli.layout import wrapped

    for line in text.split("\n"):
        typer.echo("\n".join(wrapped(line, width(), indent)))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Iterable[str] = ()) -> None:
    """Print rows under a title, within `width`; `right`: names of right-aligned columns. An empty table says so."""
    from fpmg_bench.cli.layout import laid_out

    cells = [[" ".join(text_of(cell).split("\n")) for cell in row] for row in rows]
    if not cells:
        return say(f"{title}: none")
    say(title)
    rule = "─" if "utf" in (sys.stdout.encoding or "").lower() else "-"
    typer.echo("\n".join(["", *laid_out(columns, cells, set(right), width(), rule), ""]))
    return None


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
