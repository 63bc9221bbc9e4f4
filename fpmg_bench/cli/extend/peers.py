"""`fpmg-bench peers`: others' generators, with pinned environments of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """\b
Examples:
  fpmg-bench peers list
  fpmg-bench peers install arfpy
"""
app = typer.Typer(
    help="Recipes of others' generators, which a suite names as external: {peer: NAME}.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
INSTALL = """\b
Examples:
  fpmg-bench peers install forestdiffusion
  fpmg-bench peers install arfpy --to ~/peers && export FPMG_PEERS=~/peers
"""


@app.command("list", epilog=EPILOG)
def list_() -> None:
    """The recipes that ship, and whether their environments are here."""
    from fpmg_bench.cli import console
    from fpmg_bench.external.recipes import home, recipes

    rows = [(each.name, each.state(), each.about) for each in recipes()]
    console.table(f"Recipes, with environments in {home()}", ("name", "here", "generator"), rows)


@app.command("install", epilog=INSTALL)
def install(
    name: Annotated[str, typer.Argument(help="A recipe: fpmg-bench peers list.", show_default=False)],
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder of environments (default: FPMG_PEERS, or one in your home).")
    ] = None,
) -> None:
    """Make a recipe's environment: `python -m venv`, then pip with its pinned requirements.

    Nothing of it is a dependency of this program, nor imported by it. Runs find it in FPMG_PEERS.
    """
    from fpmg_bench.external.recipes import VARIABLE, home, recipe
    from fpmg_bench.external.recipes import install as make

    target = make(recipe(name), to, _call)
    typer.echo(f"{target}: installed; a suite names it as external: {{peer: {name}}}")
    if target.parent.resolve() != home().resolve():
        typer.echo(f"export {VARIABLE}={target.parent.resolve()}")


def _call(command: list[str]) -> None:
    """Run it; what it prints goes to stderr. Raises StoreError where it fails."""
    import subprocess
    import sys

    from fpmg_bench.errors import StoreError

    done = subprocess.run(command, check=False, stdout=sys.stderr)
    if done.returncode:
        raise StoreError(
            f"{' '.join(command[1:4])} ended with exit code {done.returncode}",
            "what it printed above says why; the same command tries again",
        )
