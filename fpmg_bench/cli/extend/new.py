"""`fpmg-bench new`: a component of one's own, or a suite, to begin with, in one file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

EPILOG = """\b
Examples:
  fpmg-bench new generator my_generator.py
  fpmg-bench new metric my_metrics/dose.py:Dose
  fpmg-bench check ./my_generator.py:Mine
  fpmg-bench new stepwise my_network.py
  fpmg-bench new suite mine.yaml
"""
CLASS = "Mine"
SUITE = "suite"
STEPWISE = "stepwise"  # a generator that is trained by steps


def command(
    kind: Annotated[
        str,
        typer.Argument(
            help="dataset, encoder, generator, stepwise (a generator that is trained), aggregator, topology or metric; or suite.",
            show_default=False,
        ),
    ],
    file: Annotated[
        str, typer.Argument(help="FILE.py, or FILE.py:CLASS; FILE.yaml of a suite. It must not exist.", show_default=False)
    ],
) -> None:
    """Write a small whole component that passes the checks of its kind, to change into your own; or a suite.

    A suite names it `./FILE.py:CLASS` in the place of a component (docs/your-generator.md).
    """
    from fpmg_bench.document.schemas import editor_line
    from fpmg_bench.errors import SuiteError, UnknownComponent
    from fpmg_bench.registry import COMPONENT_KINDS

    if kind == SUITE:
        target = _free(file, ".yaml", f"fpmg-bench new {kind} mine.yaml")
        _write(target, editor_line(SUITE) + _starter("suite.yaml"))
        typer.echo(f"{target}: a suite\nfpmg-bench plan {target}")
        return
    if kind not in (*COMPONENT_KINDS, STEPWISE):
        raise UnknownComponent(f"unknown kind '{kind}'", "one of " + ", ".join((*COMPONENT_KINDS, STEPWISE, SUITE)))
    path, _, name = file.partition(":")
    called = name or CLASS
    if not called.isidentifier():
        raise SuiteError(f"'{file}' is no FILE.py or FILE.py:CLASS", f"fpmg-bench new {kind} my_{kind}.py")
    target = _free(path, ".py", f"fpmg-bench new {kind} my_{kind}.py")
    _write(target, re.sub(rf"\b{CLASS}\b", called, _starter(f"{kind}.py")))
    whole = "generator" if kind == STEPWISE else kind
    typer.echo(f"{target}: class {called}, a whole {whole}\nfpmg-bench check ./{target}:{called}")


def _free(path: str, ending: str, example: str) -> Path:
    """The file to write. Raises SuiteError where it has another ending, or is there."""
    from fpmg_bench.errors import SuiteError

    if not path.endswith(ending):
        raise SuiteError(f"'{path}' is no FILE{ending}" + (" or FILE.py:CLASS" if ending == ".py" else ""), example)
    if Path(path).exists():
        raise SuiteError(f"{path} exists", "name another file")
    return Path(path)


def _starter(name: str) -> str:
    from importlib.resources import files

    return (files("fpmg_bench") / "starters" / name).read_text(encoding="utf-8")


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
