"""The typer application: one module a command, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
import traceback as tracebacks
from collections.abc import Sequence
from typing import Annotated

import typer

from fpmg_bench.cli import audit, compare, components, data, doctor, plan, report, run, tune
from fpmg_bench.errors import ExitCode, FpmgError

EPILOG = """\b
Examples:
  fpmg-bench doctor
  fpmg-bench plan smoke
  fpmg-bench run smoke
  fpmg-bench list generator parallel-cgan
\b
Exit codes:
  0 all done           1 some trials failed     2 usage or suite error, nothing ran
  3 internal error     4 plug-in missing/broken 5 nothing measured
  6 regression or privacy violation found       130 interrupted, resumable
"""

app = typer.Typer(
    name="fpmg-bench",
    help="Benchmark federated generators of multimodal synthetic patient data: realism, diversity, privacy, consistency, cost.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(asked: bool) -> None:
    if asked:
        from fpmg_bench import __version__

        typer.echo(f"fpmg-bench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show Python tracebacks (also FPMG_TRACEBACK=1; allowed after a command too).")
    ] = False,
) -> None:
    """Options of the whole program; `--traceback` is read in `main`, before any command is known."""


for module in (run, plan, tune, report, compare, components, audit, doctor):
    app.command(module.NAME, epilog=module.EPILOG)(module.command)
app.add_typer(data.app, name=data.NAME, epilog=data.EPILOG)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; leaves by SystemExit with an `ExitCode`.

    Errors that a user can mend print as message and hint; anything else is an internal error (exit 3).
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    trace = "--traceback" in given or os.environ.get("FPMG_TRACEBACK", "") not in ("", "0")
    try:
        app(args=[word for word in given if word != "--traceback"], prog_name="fpmg-bench")
    except FpmgError as error:
        code = _explain(error, trace)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
        typer.echo("interrupted; the same command goes on from here", err=True)
    except Exception as error:
        code = _internal(error, trace)
    sys.exit(code)


def _explain(error: FpmgError, trace: bool) -> ExitCode:
    if trace:
        tracebacks.print_exception(error)
    typer.echo(f"error: {error.message}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)
    return error.exit_code


def _internal(error: Exception, trace: bool) -> ExitCode:
    if trace:
        tracebacks.print_exception(error)
    typer.echo(f"internal error: {type(error).__name__}: {error}", err=True)
    typer.echo("hint: this is a bug in fpmg-bench or in a plug-in; run again with --traceback and report it", err=True)
    return ExitCode.INTERNAL
