"""What `fpmg-bench list dataset` tells of cohorts: declared facts at once, counts from loading where they are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from fpmg_bench.registry import Entry, Registry
    from fpmg_bench.suite import CohortInfo

KEY = "* derived or simulated, ! contains the label by construction; counts: fpmg-bench list dataset NAME, or --counts for all"


def overview(registry: Registry, counts: bool, json: bool) -> None:
    """One row a dataset. counts: load each one that is there, with its default parameters."""
    from fpmg_bench.cli import console

    rows = [_facts(registry, entry, counts) for entry in registry.entries("dataset")]
    if json:
        return console.emit({"components": rows})
    head = ("name", "modalities", "label", "silos", "licence", "here", *(("records", "patients") if counts else ()))
    console.table("Datasets", head, [[_cell(row, key) for key in head] for row in rows], right=("records", "patients"))
    typer.echo(KEY)
    absent = [row["name"] for row in rows if row["here"] == "no"]
    if absent:
        typer.echo(
            f"not here: {', '.join(absent)}; set FPMG_DATA to their folder; fpmg-bench list dataset NAME says how to get one"
        )
    return None


def one(registry: Registry, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Facts and counts of one dataset. Where it cannot be loaded `here` says why; with parameters given, that is an error."""
    from fpmg_bench.spec import Choice

    entry = registry.find("dataset", name)
    if not given:
        return _facts(registry, entry, True)
    return _named(registry, entry) | _known(entry, registry.build("dataset", Choice(name, given)), True)


def show(facts: dict[str, Any]) -> None:
    """Print the facts of one dataset."""
    from fpmg_bench.cli import console

    for key in ("label", "silos", "citation", "access", "here"):
        if facts[key]:
            typer.echo(f"{key}: {facts[key]}")
    rows = [(name, words, ", ".join(_marks(facts, name, named=True))) for name, words in facts["modalities"].items()]
    console.table("Modalities", ("name", "what it is", "mind"), rows)
    for trap in facts["traps"]:
        typer.echo(f"mind: {trap}")
    if facts["counts"]:
        _counts(facts["counts"])


def _counts(counts: dict[str, Any]) -> None:
    from fpmg_bench.cli import console
    from fpmg_bench.document import plural

    typer.echo(f"\n{plural(counts['records'], 'record')} of {plural(counts['patients'], 'patient')}, {counts['labels']}")
    console.table("Modalities loaded", ("name", "kind", "columns", "shape", "records"), counts["modalities"], right=("records",))
    if counts["silos"]:
        console.table("Silos", ("name", "records", "patients", "label"), counts["silos"], right=("records", "patients"))
    if counts["dropped"]:
        console.table("Left out, and why", ("reason", "count"), counts["dropped"].items(), right=("count",))


def _facts(registry: Registry, entry: Entry, load: bool) -> dict[str, Any]:
    """With default parameters. What fails is told, not raised: the other datasets are listed all the same."""
    from fpmg_bench.errors import FpmgError

    try:
        return _named(registry, entry) | _known(entry, registry.load("dataset", entry.full_name)(), load)
    except (FpmgError, TypeError) as error:  # a constructor with required parameters, or a `folder` that was not named
        return _named(registry, entry) | _declared(None, "", "") | {"here": f"no: {error}", "counts": None}


def _named(registry: Registry, entry: Entry) -> dict[str, Any]:
    return {"kind": entry.kind, "name": registry.name_of(entry), "summary": entry.summary, "distribution": entry.distribution}


def _known(entry: Entry, dataset: Any, load: bool) -> dict[str, Any]:
    available = getattr(dataset, "available", None)
    here = available is None or available()
    declared = _declared(getattr(dataset, "about", None), dataset.licence, getattr(dataset, "citation", ""))
    return declared | {"here": "yes" if here else "no", "counts": _counted(entry.name, dataset) if load and here else None}


def _declared(about: Any, licence: str, citation: str) -> dict[str, Any]:
    """JSON of an `About`; empty where a dataset states none."""
    from fpmg_bench.contracts import About

    about = about or About("")
    return {
        "label": about.task,
        "silos": about.silos,
        "modalities": {**about.real, **about.derived},
        "derived": sorted(about.derived),
        "leaks": sorted(about.leaks),
        "traps": list(about.traps),
        "access": about.access,
        "licence": licence,
        "citation": citation,
    }


def _counted(name: str, dataset: Any) -> dict[str, Any]:
    from fpmg_bench.suite import describe

    info = describe(name, dataset, dataset.load())
    return {
        "records": info.n,
        "patients": info.patients,
        "labels": _labels(info, info.label_counts),
        "modalities": [
            (modality, schema.kind, len(schema.columns) or None, "x".join(map(str, schema.shape)) or None, info.present[modality])
            for modality, schema in info.schemas.items()
        ],
        "silos": [(silo.name, silo.records, silo.patients, _labels(info, silo.label_counts)) for silo in info.silos],
        "dropped": dict(info.dropped),
    }


def _labels(info: CohortInfo, counts: tuple[int, ...]) -> str:
    """Records of every class, stratum, or event; nothing to count where there is no label."""
    from fpmg_bench.types import TARGET, task_of

    task = task_of(info.conditions)
    if task == "none":
        return "no label"
    of = {"number": TARGET, "event": 0}
    before = f"{info.conditions[of[task]].name} " if task in of else ""
    return ", ".join(f"{before}{name} {count}" for name, count in zip(info.classes, counts, strict=True))


def _marks(facts: dict[str, Any], modality: str, named: bool = False) -> Iterator[str]:
    for key, mark, word in (("derived", "*", "derived"), ("leaks", "!", "contains the label")):
        if modality in facts[key]:
            yield word if named else mark


def _cell(row: dict[str, Any], key: str) -> Any:
    if key == "modalities":
        return ", ".join(name + "".join(_marks(row, name)) for name in row["modalities"]) or None
    if key in ("records", "patients"):
        return (row["counts"] or {}).get(key)
    if key == "here":
        return row[key].partition(":")[0]
    return re.split(r" \(|; |: " if key == "silos" else r" \(|; ", row[key], maxsplit=1)[0] or None  # all of it: by name
