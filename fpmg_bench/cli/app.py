"""The typer application: one module a command, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from fpmg_bench.document.words import brief
from fpmg_bench.errors import ExitCode, FpmgError, MachineError, on_this_machine

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

COMMANDS = {  # name -> module and its line in `--help`; a module is imported only for its own command
    "run": ("run", "Run a suite: results table and report."),
    "plan": ("plan", "Validate a suite; forecast bytes, privacy and time."),
    "tune": ("tune", "Tune one method's parameters."),
    "release": ("release", "Draw new patients from a run, in the source's form."),
    "reader-study": ("reader_study", "Have people tell a run's patients from real ones."),
    "report": ("report", "Write the HTML report of runs."),
    "compare": ("compare", "Compare two runs, or two methods."),
    "calibrate": ("calibrate", "Judge metrics by what they say of controls."),
    "list": ("components", "List components, their parameters and cards."),
    "new": ("extend.new", "Write a small component, or a suite, to begin with."),
    "check": ("extend.check", "Check a component against the contract of its kind."),
    "schema": ("extend.schema", "Print the JSON schema of suites or of cohort.yaml, for editors."),
    "submit": ("published.submit", "Make the bundle of a run that others can check."),
    "verify": ("published.verify", "Check a bundle: recompute what can be recomputed."),
    "worker": ("worker", "Run trials for a scheduler on another machine."),
    "merge": ("merge", "Join run directories of one suite."),
    "data": ("data", "Describe your own cohort, fetch a public one, write one as a folder."),
    "peers": ("extend.peers", "Install others' generators, to stand beside ours."),
    "audit": ("audit", "Recompute the privacy ledgers of a run and read its canaries."),
    "doctor": ("doctor", "Check this machine, libraries and plug-ins."),
}


def application(*built: str) -> typer.Typer:
    """The program with these commands built, the others as names with a line of help (all are built where none is named)."""
    app = typer.Typer(
        name="fpmg-bench",
        help="Benchmark federated generators of multimodal synthetic patient data: realism, diversity, privacy, consistency, cost.",
        epilog=EPILOG,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(_options)
    for name, (module, line) in COMMANDS.items():
        if name not in built and built:
            app.command(name, short_help=line)(_unbuilt)
            continue
        room = import_module(f"fpmg_bench.cli.{module}")
        if hasattr(room, "app"):
            app.add_typer(room.app, name=name, short_help=line, epilog=room.EPILOG)
        else:
            app.command(name, short_help=line, epilog=room.EPILOG)(room.command)
    return app


def _unbuilt() -> None:
    """A name in `--help`."""


def _version(requested: bool) -> None:
    if requested:
        from fpmg_bench import __version__

        typer.echo(f"fpmg-bench {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show Python tracebacks (also FPMG_TRACEBACK=1; allowed after a command too).")
    ] = False,
) -> None:
    """Options of the whole program; `--traceback` is read in `main`, before any command is known."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; leaves by SystemExit with an `ExitCode`.

    Errors that a user can mend, and what the machine refuses, print as message and hint; anything else is an internal error (exit 3).
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    trace = "--traceback" in given or os.environ.get("FPMG_TRACEBACK", "") not in ("", "0")
    try:
        with on_this_machine(lambda: False):
            _run(given)
        code = ExitCode.OK
    except FpmgError as error:
        code = _explain(error, trace)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
        _say("interrupted; the same command goes on from here")
    except Exception as error:  # noqa: BLE001 - whatever is left is our bug: it is reported as one, exit code 3
        code = _internal(error, trace)
    sys.exit(code)


def _run(given: Sequence[str]) -> None:
    """The program, until all that it printed is out."""
    from fpmg_bench.cli import console

    out = console.standard_output()
    try:
        application(*_asked_for(given))(args=[word for word in given if word != "--traceback"], prog_name="fpmg-bench")
    except SystemExit as left:
        if sys.stdout is not out:  # what typer makes of a pipe whose reader has ended
            raise MachineError(BrokenPipeError(errno.EPIPE, ""), ran=False) from left
        console.flush()
        raise


def _asked_for(words: Sequence[str]) -> tuple[str, ...]:
    """The command in these words; "none" for the program's own help; nothing (all commands) where a shell completes."""
    if any(name.endswith("_COMPLETE") and name.startswith("_FPMG") for name in os.environ):
        return ()
    return (next((word for word in words if not word.startswith("-")), "none"),)


def _explain(error: FpmgError, trace: bool) -> ExitCode:
    _trace(error, trace)
    told = "\n".join(map(brief, error.message.split("\n")))
    _say(f"error: {told}")
    if error.hint:
        _say(f"hint: {brief(error.hint)}")
    return error.exit_code


def _internal(error: Exception, trace: bool) -> ExitCode:
    _trace(error, trace)
    _say(f"internal error: {type(error).__name__}: {error}")
    _say("hint: this is a bug in fpmg-bench or in a plug-in; run again with --traceback and report it")
    return ExitCode.INTERNAL


def _say(text: str) -> None:
    """On standard error, where that can be written; the exit code says it all the same."""
    with contextlib.suppress(OSError):
        typer.echo(text, err=True)


def _trace(error: Exception, requested: bool) -> None:
    if requested:
        import traceback

        traceback.print_exception(error)
