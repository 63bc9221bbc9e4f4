"""`fpmg-bench release`: new patients from a run's model, in the form of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fpmg_bench.document.words import plural

EPILOG = """\b
Examples:
  fpmg-bench release runs/smoke fpmg --to synthetic
  fpmg-bench release runs/mine fpmg --to older --patients 500 --where "label=died,age>70"
  fpmg-bench release runs/mine fpmg --to csv --form csv --balanced
\b
It reads no patient: only what the run stored. A trial of `run --final` is taken where there is one.
"""


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    method: Annotated[str, typer.Argument(metavar="METHOD", help="A method of its suite.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder for patients and cards.", show_default=False)],
    dataset: Annotated[str | None, typer.Option("--dataset", help="Of several cohorts this one.", show_default=False)] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="Of several seeds the trial of this one. [default: the first]", show_default=False),
    ] = None,
    silo: Annotated[
        str | None, typer.Option("--silo", help="Only patients of this silo. [default: all, as they trained]", show_default=False)
    ] = None,
    patients: Annotated[
        int | None, typer.Option("--patients", "-n", min=1, help="How many. [default: as many as trained]", show_default=False)
    ] = None,
    where: Annotated[
        str,
        typer.Option("--where", metavar="TERMS", help="Only such patients: label=died,age>70 (conditions or columns of tables)."),
    ] = "",
    balanced: Annotated[bool, typer.Option("--balanced", help="Every class equally often.")] = False,
    complete: Annotated[
        bool, typer.Option("--complete", help="Only patients who have every modality and no gap in a table.")
    ] = False,
    form: Annotated[
        Literal["source", "csv", "parquet", "folder"],
        typer.Option("--form", help="The source's files, these with other tables, or the format's own names."),
    ] = "source",
    anyway: Annotated[
        str, typer.Option("--anyway", metavar="REASON", help="Release what is refused; the reason goes into the cards.")
    ] = "",
) -> None:
    """Draw new patients from METHOD's stored model and write them as the source's files are, with cards that say what they are.

    Refused: noise that can be computed, a drafted schema, red flags.
    """
    from fpmg_bench.registry import Registry
    from fpmg_bench.release import release

    made = release(
        run, method, to, Registry.discover(), dataset=dataset, seed=seed, silo=silo, patients=patients, where=where,
        balanced=balanced, complete=complete, form=form, anyway=anyway,
    )  # fmt: skip
    for why in made.overruled:
        typer.echo(f"released anyway: {why}", err=True)
    for line in made.told:
        typer.echo(f"note: {line}")
    typer.echo(f"{made.folder}: {plural(made.patients, 'patient')} of {made.trial}; read and sign {made.folder / 'privacy.md'}")
