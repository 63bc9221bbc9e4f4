"""`fpmg-bench data`: describe a cohort of one's own, fetch a public one, write a cohort as a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fpmg_bench.document.words import plural
from fpmg_bench.errors import ExitCode

if TYPE_CHECKING:
    from fpmg_bench.cohorts.losses import Loss

EPILOG = """\b
Examples:
  fpmg-bench data new my-cohort --label diagnosis
  fpmg-bench data check my-cohort
  fpmg-bench data fetch eicu-demo --to ~/cohorts
  fpmg-bench data export phantom phantom-cohort
"""
app = typer.Typer(
    help="Describe and check a cohort of your own, fetch a public one, or write a cohort as a folder.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NEW = """\b
Examples:
  fpmg-bench data new my-cohort
  fpmg-bench data new patients.csv --patient subject --label diagnosis --silo hospital
  fpmg-bench data new omop-tables --to my-cohort
"""
FETCH = """\b
Examples:
  fpmg-bench data fetch eicu-demo --to ~/cohorts
  fpmg-bench data fetch medmnist --set subset=breastmnist --accept-licence
  fpmg-bench data fetch covid-cxr --from ~/Downloads/covid
"""
CHECK = """\b
Examples:
  fpmg-bench data check my-cohort
  fpmg-bench data check iu-cxr --json
"""
EXPORT = """\b
Examples:
  fpmg-bench data export phantom phantom-cohort
  fpmg-bench data export iu-cxr iu-cxr-cohort --allow-real
  fpmg-bench data export phantom phantom-train --split train --seed 0 --form csv
"""


@app.command("new", epilog=NEW)
def new(
    folder: Annotated[
        Path, typer.Argument(help="A folder with one table of records and its media, or the table.", show_default=False)
    ],
    patient: Annotated[str, typer.Option("--patient", help="Column that names the patient (default: guessed).")] = "",
    label: Annotated[
        str, typer.Option("--label", help="Column with the class, or the number to predict (default: guessed; none: no label).")
    ] = "",
    silo: Annotated[str, typer.Option("--silo", help="Column that names the hospital (default: guessed).")] = "",
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="What to take of an OMOP or FHIR folder (default: the shipped mapping).")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="New folder for what an OMOP or FHIR folder becomes.")] = None,
) -> None:
    """Draft a cohort.yaml beside a csv, Excel or parquet table of your own; it never overwrites one.

    Columns become numbers, categories, flags, texts and pictures; ids and names of persons are left out and told. How cells are
    written (separator, decimal commas, units, bounds, dates) is declared. Tables with a common key are joined, and
    tables of times become series. Fill in what says FILL IN, then check every line. A suite
    reads the cohort with {name: folder, as: mine, root: FOLDER}. A folder of OMOP tables (person.csv, measurement.csv,
    ...) or of FHIR ndjson becomes such a folder first: FOLDER-cohort, or --to; its mapping.yaml says what was taken.
    """
    from fpmg_bench.cohorts.draft import draft, find_table
    from fpmg_bench.errors import DatasetError

    folder = _converted(folder, mapping, to)
    manifest = folder if folder.is_file() else find_table(folder)
    target = manifest.parent / "cohort.yaml"
    if target.exists():
        raise DatasetError(f"{target} exists", "move it away first")
    text = draft(manifest, patient, label, silo)
    target.write_text(text, encoding="utf-8")
    open_ = sum("FILL IN" in line for line in text.splitlines())
    typer.echo(
        f"{target}: a draft of {manifest.name}; "
        + (f"{plural(open_, 'line')} to fill in, then " if open_ else "")
        + "check every line of it"
    )
    if not open_:
        _first_look(manifest.parent)


def _first_look(folder: Path) -> None:
    """Does the draft load, and what is lost? An error is the draft's, and the next thing to mend in it."""
    from fpmg_bench.cli import console
    from fpmg_bench.cohorts.losses import told
    from fpmg_bench.errors import DatasetError

    try:
        cohort = _source(str(folder)).load()
    except DatasetError as error:
        console.note(f"it does not load yet: {error}")
        return
    if line := told(folder.name, cohort.dropped, str(folder)):
        typer.echo(line)


@app.command("check", epilog=CHECK)
def check(
    cohort: Annotated[
        str, typer.Argument(metavar="FOLDER", help="A folder with a cohort.yaml, or a dataset's name.", show_default=False)
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What the program loses of your data, and what to write to keep it.

    Files and columns that are not read, cells that became missing, values that were clipped, texts that were cut; then what wants a
    second look: columns that tell the label, small silos, patients of two classes, ranges that were learnt from patients.
    """
    from dataclasses import asdict

    from fpmg_bench.cli import console
    from fpmg_bench.cohorts.losses import lost, minded

    source = _source(cohort)
    loaded = source.load()
    named: list[Loss] = getattr(source, "unread", list)()
    losses = [each for each in lost(loaded.dropped) if not any(more.what.startswith(each.what) for more in named)] + [*named]
    looks = minded(loaded)
    if json:
        return console.emit(
            {"records": len(loaded), "lost": [asdict(each) for each in losses], "mind": [asdict(each) for each in looks]}
        )
    typer.echo(f"{cohort}: {plural(len(loaded), 'record')}, {', '.join(loaded.schemas)}")
    for title, rows in (("Lost", losses), ("Mind", looks)):
        cells = [(each.where, each.what, each.count, each.keep) for each in rows]
        console.table(
            title, ("where", "what", "count", "to keep it" if title == "Lost" else "to mend it"), cells, right=("count",)
        )
    return None


def _source(cohort: str) -> Any:
    """The dataset `folder` of a folder or a cohort.yaml; else the dataset of that name."""
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import Choice

    path = Path(cohort).expanduser()
    if path.is_file():
        return Registry.discover().build("dataset", Choice("folder", {"root": str(path.parent), "file": path.name}))
    if path.is_dir():
        return Registry.discover().build("dataset", Choice("folder", {"root": str(path)}))
    return Registry.discover().build("dataset", Choice(cohort))


def _converted(folder: Path, mapping: Path | None, to: Path | None) -> Path:
    """The folder itself, or the new one that OMOP tables or FHIR resources became."""
    from fpmg_bench.cli import console
    from fpmg_bench.cohorts.standards import convert, mapping_of, recognised, shipped
    from fpmg_bench.errors import DatasetError

    standard = recognised(folder)
    if standard is None:
        if mapping or to:
            raise DatasetError(
                f"{folder}: neither OMOP tables nor FHIR resources", "a person.csv beside measurement.csv, or *.ndjson"
            )
        return folder
    source = mapping or shipped(standard)
    said = mapping_of(source)
    if said.standard != standard:
        raise DatasetError(f"{source}: maps {said.standard}, but {folder} holds {standard}", "name another --mapping")
    target = to or folder.resolve().with_name(f"{folder.resolve().name}-cohort")
    lost = convert(folder, said, target, source)
    typer.echo(f"{target}: {standard} tables of {folder}, by {source.name} (edit {target / 'mapping.yaml'}: --mapping)")
    console.table("Not taken, and why", ("reason", "count"), lost.items(), right=("count",))
    return target


@app.command("fetch", epilog=FETCH)
def fetch(
    dataset: Annotated[
        str, typer.Argument(help="covid-cxr, eicu-demo, mimic4-demo, medmnist, or a plug-in's.", show_default=False)
    ],
    to: Annotated[Path | None, typer.Option("--to", help="Folder of your cohorts (default: FPMG_DATA).")] = None,
    at_hand: Annotated[Path | None, typer.Option("--from", help="Folder with the files, instead of the network.")] = None,
    accept: Annotated[bool, typer.Option("--accept-licence", help="Accept the licence without being asked.")] = False,
    settings: Annotated[list[str] | None, typer.Option("--set", help="A parameter of the dataset: KEY=VALUE.")] = None,
) -> None:
    """Get a public cohort and write it in folder form.

    Partial downloads go on where they broke off. Files are checked against the hashes that their publisher states, else against
    those of the first fetch (fetch.lock.json beside the data). Needs the extra [fetch], except with --from.
    """
    from fpmg_bench.cli import console
    from fpmg_bench.cohorts.fetch import fetch as get
    from fpmg_bench.cohorts.fetch import folder_of

    given = dict(map(console.setting, settings or []))
    source = _fetchable(dataset, given)
    folder = folder_of(source, to)
    _accepted(dataset, source, accept)
    left_out = get(source, folder, at_hand, console.note)
    cohort = _fetchable(dataset, given | {"root": str(folder)}).load()
    typer.echo(f"{folder}: {plural(len(cohort), 'record')}, {', '.join(cohort.schemas)}")
    rows = [*left_out.items(), *cohort.dropped.items()]
    console.table("Left out, and why", ("reason", "count"), rows, right=("count",))
    typer.echo(f"export FPMG_DATA={folder.parent.resolve()}")


def _fetchable(name: str, given: dict[str, Any]) -> Any:
    """The dataset, with these parameters. Raises UnknownComponent where it states no remote files."""
    from fpmg_bench.cohorts.fetch import fetchable
    from fpmg_bench.errors import UnknownComponent
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import Choice

    registry = Registry.discover()
    if not fetchable(registry.load("dataset", name)):
        can = [
            registry.name_of(entry)
            for entry in registry.entries("dataset")
            if fetchable(registry.load("dataset", entry.full_name))
        ]
        raise UnknownComponent(f"dataset '{name}' is not one that can be fetched", f"one of {', '.join(can)}")
    return registry.build("dataset", Choice(name, given))


def _accepted(name: str, source: Any, accepted: bool) -> None:
    """Show the licence; go on only where it is accepted. Leaves with exit code 2 where it is not, or nobody can be asked."""
    import sys

    from fpmg_bench.errors import SuiteError

    remote = source.remote
    typer.echo(
        f"{name}: {source.licence}\nterms: {remote.terms}\ncite: {source.citation}\nfrom: {remote.base} ({remote.size})", err=True
    )
    if accepted:
        return
    if not sys.stdin.isatty():
        raise SuiteError(f"{name}: its licence was not accepted", "read it, then add --accept-licence")
    if not typer.confirm("Do you accept this licence?", err=True):
        raise typer.Exit(ExitCode.USAGE)


@app.command("export", epilog=EXPORT)
def export(
    dataset: Annotated[str, typer.Argument(help="A dataset by name: fpmg-bench list dataset.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.", show_default=False)],
    allow_real: Annotated[bool, typer.Option("--allow-real", help="Also cohorts whose patients may not be shown.")] = False,
    split: Annotated[
        Literal["all", "train", "test"],
        typer.Option("--split", help="Everybody, those that a trial trains on, or those whom it holds out to judge."),
    ] = "all",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the split: that of a suite's trial.")] = 0,
    form: Annotated[Literal["folder", "csv"], typer.Option("--form", help="Tables as parquet or csv.")] = "folder",
    settings: Annotated[list[str] | None, typer.Option("--set", help="A parameter of the dataset: KEY=VALUE.")] = None,
) -> None:
    """Write a dataset as a folder cohort: cohort.yaml, manifest, media. The `folder` dataset reads it back.

    --split gives the patients of a trial with that seed (of a suite without `tune`), so that a generator made elsewhere trains
    on train alone, and is judged on test.
    """
    from fpmg_bench.cli import console
    from fpmg_bench.cohorts.folder import write
    from fpmg_bench.errors import DatasetError
    from fpmg_bench.evaluation import parted
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import Choice

    source = Registry.discover().build("dataset", Choice(dataset, dict(map(console.setting, settings or []))))
    if not source.publishable and not allow_real:
        text = f"{dataset} holds real patients and is not publishable ({source.licence})"
        raise DatasetError(text, "--allow-real writes them all the same; the folder is yours to protect")
    if split == "all":
        cohort = source.load()
    else:
        parts = parted(source, seed)
        cohort = parts.train if split == "train" else parts.held_out
    write(cohort, folder, source.licence, source.publishable, ".csv" if form == "csv" else ".parquet")
    typer.echo(f"{folder}: {plural(len(cohort), 'record')}, {', '.join(cohort.schemas)}")
