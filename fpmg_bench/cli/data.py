"""`fpmg-bench data`: describe a cohort of one's own, write a cohort as a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """\b
Examples:
  fpmg-bench data new patients.csv --patient subject --label diagnosis --silo hospital
  fpmg-bench data export phantom phantom-cohort
"""
app = typer.Typer(
    help="Describe a cohort of your own, or write a cohort as a folder.", no_args_is_help=True, rich_markup_mode=None
)

NEW = """\b
Examples:
  fpmg-bench data new patients.csv --patient subject --label diagnosis
  fpmg-bench data new patients.csv --patient subject --label diagnosis --silo hospital
"""
EXPORT = """\b
Examples:
  fpmg-bench data export phantom phantom-cohort
  fpmg-bench data export iu-cxr iu-cxr-cohort --allow-real
"""


@app.command("new", epilog=NEW)
def new(
    manifest: Annotated[Path, typer.Argument(help="A csv or parquet table, one row a record.", show_default=False)],
    patient: Annotated[str, typer.Option("--patient", help="Column that names the patient.", show_default=False)],
    label: Annotated[str, typer.Option("--label", help="Column with the class.", show_default=False)],
    silo: Annotated[str, typer.Option("--silo", help="Column that names the hospital.")] = "",
) -> None:
    """Draft a cohort.yaml beside a table of your own; it never overwrites one.

    A suite then reads the cohort with {name: folder, as: mine, root: FOLDER}.
    """
    from fpmg_bench.draft import draft
    from fpmg_bench.errors import DatasetError

    target = manifest.parent / "cohort.yaml"
    if target.exists():
        raise DatasetError(f"{target} exists", "move it away first")
    target.write_text(draft(manifest, patient, label, silo), encoding="utf-8")
    typer.echo(f"{target}: a draft; check every line of it")


@app.command("export", epilog=EXPORT)
def export(
    dataset: Annotated[str, typer.Argument(help="A dataset by name: fpmg-bench list dataset.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.", show_default=False)],
    allow_real: Annotated[bool, typer.Option("--allow-real", help="Also cohorts whose patients may not be shown.")] = False,
) -> None:
    """Write a dataset as a folder cohort: cohort.yaml, manifest.parquet, media. The `folder` dataset reads it back."""
    from fpmg_bench.errors import DatasetError
    from fpmg_bench.folder import write
    from fpmg_bench.registry import Registry
    from fpmg_bench.types import Choice

    source = Registry.discover().build("dataset", Choice(dataset))
    if not source.publishable and not allow_real:
        text = f"{dataset} holds real patients and is not publishable ({source.licence})"
        raise DatasetError(text, "--allow-real writes them all the same; the folder is yours to protect")
    cohort = source.load()
    write(cohort, folder, source.licence, source.publishable)
    typer.echo(f"{folder}: {len(cohort)} records, {', '.join(cohort.schemas)}")
