"""A release made elsewhere: training patients go out as a folder cohort, what comes back is read, checked and cut to size.

The command sees the training patients of its silo and nobody else's; they are gone from the disk when it has ended. What it leaves is a
release as any other: it may be a copy of patients, which the attacks are there to tell.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.cohorts.folder import DOCUMENT, write
from fpmg_bench.document import plural
from fpmg_bench.errors import DatasetError, TrialError
from fpmg_bench.evaluation.valid import fault
from fpmg_bench.external import command
from fpmg_bench.external.sandbox import sandbox
from fpmg_bench.keys import seed_for
from fpmg_bench.types import Pixels

if TYPE_CHECKING:
    from fpmg_bench.contracts import Dataset
    from fpmg_bench.spec import External
    from fpmg_bench.types import Cohort, Column

    Reader = Callable[[str, str], Dataset]  # folder, cohort.yaml -> the cohort that lies there


def made(
    external: External, reader: Reader, train: Cohort, own: Cohort, silo: str, dataset: str, seed: int
) -> tuple[Cohort, dict[str, Any]]:
    """A silo's release, as many records as `train`; and what was made, kept and left out, for trial.json.

    own: the patients that the command sees; train: those of all silos, whose schemas a release has. Raises TrialError where the command
    fails or makes too few records, DatasetError with file, row and column where a schema does not allow what it made.
    """
    began = time.perf_counter()
    found, dropped = _released(external, reader, train, own, silo, dataset, seed)
    cut = _cut(found, len(train), seed, silo)
    return cut, {"records": len(found), "kept": len(cut), "dropped": dropped, "seconds": time.perf_counter() - began}


def _released(
    external: External, reader: Reader, train: Cohort, own: Cohort, silo: str, dataset: str, seed: int
) -> tuple[Cohort, dict[str, int]]:
    """What the command makes of a silo's own patients, or what is there already; and what the reader left out."""
    if external.release:
        with tempfile.TemporaryDirectory() as beside:
            write(train.take(np.arange(0)), Path(beside), tables=".csv")
            form = _form(Path(beside))
        return _read(command.release(external, dataset, seed, silo), form, reader, train)
    with sandbox() as box:
        write(own, box.train, tables=".csv")
        form = _form(box.train)
        blanks = {"train": str(box.train), "out": str(box.out), "seed": str(seed), "n": str(len(train))}
        box.run(command.words(external, blanks), external.env, external.limit_seconds)
        try:
            return _read(box.out, form, reader, train)
        except DatasetError as error:
            raise DatasetError(box.told(error.message), box.told(error.hint)) from None


def _form(folder: Path) -> dict[str, Any]:
    """How a release without a cohort.yaml is read: as the training patients, but for columns that say nothing of a patient."""
    from ruamel.yaml import YAML

    document: dict[str, Any] = YAML(typ="safe", pure=True).load((folder / DOCUMENT).read_text(encoding="utf-8"))
    document.pop("silo", None)
    if not any(entry["kind"] == "series" for entry in document["modalities"].values()):
        document.pop("record")
    return document | {"patient": document["conditions"][0]["column"]}  # every record is its own patient: see `_cut`


def _read(folder: Path, form: Mapping[str, Any], reader: Reader, train: Cohort) -> tuple[Cohort, dict[str, int]]:
    """The records of a folder, valid under the schemas of the training patients. DatasetError names file, row and column."""
    with tempfile.TemporaryDirectory() as beside:
        own = (folder / DOCUMENT).is_file()
        document = DOCUMENT if own else str(Path(beside).resolve() / "form")
        if not own:
            _there(folder, str(form["manifest"]))
            Path(document).write_text(json.dumps(form), encoding="utf-8")
        try:
            found = reader(str(folder), document).load()
        except DatasetError as error:
            raise DatasetError(
                _veiled(error.message).replace(f"{document}:", "the form of the training patients:"), _way_out(own, error)
            ) from None
        if different := _different(found, train):
            raise DatasetError(
                f"{folder / DOCUMENT}: {different}", "a release has the columns and ranges of the training patients"
            )
        data = {name: _valid(name, found, train, folder) for name in train.schemas}
    present = {name: found.present[name] for name in train.schemas}
    made = replace(
        train, data=data, present=present, condition=found.condition, patient=found.patient, silo=found.silo, dropped={}
    )
    return made, dict(found.dropped)


def _there(folder: Path, manifest: str) -> None:
    if not (folder / manifest).is_file():
        raise DatasetError(f"{folder}: no {manifest}, and no {DOCUMENT} that names another", "write one as {train} has it")


def _way_out(own: bool, error: DatasetError) -> str:
    """The reader's, which is about a cohort.yaml, where they wrote one."""
    return (
        error.hint
        if own
        else "mend what writes it; or let it write a cohort.yaml of its own, which may `map`, or say `outside: clip`"
    )


def _veiled(message: str) -> str:
    """Without the category that the reader shows where it knows none: a release may be a copy of patients."""
    return re.sub(r": unknown category '.*", ": unknown category", message, flags=re.DOTALL)


def _different(found: Cohort, train: Cohort) -> str:
    """The first thing in which two cohorts' declarations differ, "" where they are the same; a text may be shorter or longer."""
    for name, schema in train.schemas.items():
        if name not in found.schemas:
            return f"no modality '{name}'"
        own = found.schemas[name]
        if own.kind != schema.kind or (own.shape != schema.shape and schema.kind != "text"):
            return (
                f"modality '{name}' is {own.kind} {list(own.shape)}, the training patients' is {schema.kind} {list(schema.shape)}"
            )
        if column := _first_other(own.columns, schema.columns):
            return f"column '{column}' of '{name}' is declared otherwise than the training patients'"
    column = _first_other(found.conditions, train.conditions)
    return f"condition '{column}' is declared otherwise than the training patients'" if column else ""


def _first_other(found: Sequence[Column], wanted: Sequence[Column]) -> str:
    return next((ours.name for ours, theirs in zip_longest(wanted, found) if ours != theirs and ours), "") or next(
        (column.name for column in found[len(wanted) :]), ""
    )


def _valid(name: str, found: Cohort, train: Cohort, folder: Path) -> Any:
    """One modality's records, in memory."""
    schema, data, have = train.schemas[name], found.data[name], np.flatnonzero(found.present[name])
    data = Pixels.of(data.array()) if isinstance(data, Pixels) else data
    if len(have) and (wrong := fault(schema, data.take(have), len(have))):
        said = re.sub(r"(leaves its range \[.*?\]).*", r"\1", wrong)  # without the value
        raise DatasetError(f"{folder}: modality '{name}': {said}", "a release is valid under the schema of the training patients")
    return data


def _cut(made: Cohort, n: int, seed: int, silo: str) -> Cohort:
    """n of the records, drawn by the trial's seed where there are more, each its own patient. Raises TrialError where there are fewer."""
    if len(made) < n:
        raise TrialError(
            f"{plural(len(made), 'record')} of {n}: a release has as many as there are training patients' records in all silos",
            "{n} in the command says how many",
        )
    rows = np.sort(np.random.default_rng(seed_for(seed, "external", silo)).permutation(len(made))[:n])
    return replace(made.take(rows), patient=np.arange(n), silo=np.zeros(n, np.int64), silo_names=("released",))
