"""`fpmg-bench schema`: what suites and cohort.yaml may say, for editors that complete and check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry

EPILOG = """\b
Examples:
  fpmg-bench schema suite
  fpmg-bench schema cohort --to cohort.schema.json
\b
An editor finds it by the first line of a file:
  # yaml-language-server: $schema=suite.schema.json
"""


def command(
    of: Annotated[str, typer.Argument(metavar="suite|cohort", help="Of suites, or of cohort.yaml.", show_default=False)],
    to: Annotated[Path | None, typer.Option("--to", help="Write it into this file.", show_default=False)] = None,
    shipped: Annotated[bool, typer.Option("--shipped", help="Without what other plug-ins offer: as in schemas/.")] = False,
) -> None:
    """Print the JSON schema (2020-12) of suites or of cohort.yaml, made from what reads them; nothing is sent anywhere.

    That of suites knows the components of the plug-ins that are installed here, and their parameters.
    """
    from fpmg_bench.registry import Registry

    text = written(of, Registry.discover(), shipped=shipped)
    if to is None:
        typer.echo(text, nl=False)
    else:
        to.write_text(text, encoding="utf-8")
        typer.echo(f"{to}\n# yaml-language-server: $schema={to.name}")


def written(of: str, registry: Registry, *, shipped: bool) -> str:
    """The file's text. Raises SuiteError for another format than suite and cohort."""
    import json

    from fpmg_bench.document.schemas import NAMES
    from fpmg_bench.errors import SuiteError
    from fpmg_bench.suite.schema import suite_schema

    if of not in NAMES:
        raise SuiteError(f"there is no schema of '{of}'", " or ".join(f"fpmg-bench schema {name}" for name in NAMES))
    found = suite_schema(registry, shipped=shipped) if of == "suite" else _cohort(registry)
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _cohort(registry: Registry) -> dict[str, Any]:
    """What the dataset `folder` reads: it alone knows the format."""
    from fpmg_bench.document.schemas import DRAFT, HOME

    reader: Any = registry.load("dataset", "folder")
    return {"$schema": DRAFT, "$id": HOME.format("cohort"), **reader.file_schema(), "title": "fpmg-bench cohort.yaml"}
