"""`fpmg-bench new`: a component of one's own to begin with, in one file."""

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
"""
CLASS = "Mine"


def command(
    kind: Annotated[str, typer.Argument(help="dataset, encoder, generator, aggregator, topology or metric.", show_default=False)],
    file: Annotated[str, typer.Argument(help="FILE.py, or FILE.py:CLASS; it must not exist.", show_default=False)],
) -> None:
    """Write a small whole component that passes the checks of its kind, to change into your own.

    A suite names it `./FILE.py:CLASS` in the place of a component (docs/your-generator.md).
    """
    from importlib.resources import files

    from fpmg_bench.errors import SuiteError, UnknownComponent
    from fpmg_bench.registry import COMPONENT_KINDS

    if kind not in COMPONENT_KINDS:
        raise UnknownComponent(f"unknown kind '{kind}'", "one of " + ", ".join(COMPONENT_KINDS))
    path, _, name = file.partition(":")
    called = name or CLASS
    if not path.endswith(".py") or not called.isidentifier():
        raise SuiteError(f"'{file}' is no FILE.py or FILE.py:CLASS", f"fpmg-bench new {kind} my_{kind}.py")
    target = Path(path)
    if target.exists():
        raise SuiteError(f"{target} exists", "name another file")
    text = (files("fpmg_bench") / "starters" / f"{kind}.py").read_text(encoding="utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(re.sub(rf"\b{CLASS}\b", called, text), encoding="utf-8")
    typer.echo(f"{target}: class {called}, a whole {kind}\nfpmg-bench check ./{target}:{called}")
