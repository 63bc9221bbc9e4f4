"""The text of a drafted cohort.yaml."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft.columns import LEFT_OUT, line, tells, word
from fpmg_bench.cohorts.draft.guess import Guess, fitting, guess, variants
from fpmg_bench.cohorts.draft.media import called_after, picture
from fpmg_bench.cohorts.draft.reading import Rows, read
from fpmg_bench.cohorts.draft.series import rows_of_hours, series
from fpmg_bench.cohorts.draft.texts import text
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

FILL = "FILL IN"
HEAD = """\
# A cohort of your own. Fill in what says FILL IN, then check every line: ranges and categories are public and must be
# declared, not learnt from patients; what stands here was seen in {manifest} and is only a draft.
# The format: docs/folder-cohorts.md. Try it: fpmg-bench list dataset folder --set root={folder}
version: 1
name: {name}
licence: unknown            # under what terms may the data be used?
citation: ""                # whom to cite
publishable: false          # true: reports may show samples of real patients
drafted: true               # false: every range and category is declared; until then each epsilon says that they are not
manifest: {manifest}
"""


def draft(manifest: Path, patient: str = "", label: str = "", silo: str = "") -> str:
    """The text of cohort.yaml beside a csv or parquet table. patient, label, silo: columns of it; "" is guessed by name.

    Raises DatasetError where the table cannot be read, a column is missing, or the label is no class.
    """
    rows = read(manifest)
    for column in filter(None, (patient, label, silo)):
        if column not in rows.frame.columns:
            raise DatasetError(f"{manifest}: no column '{column}'", f"it has {', '.join(map(str, rows.frame.columns))}")
    kinds = {str(name): guess(str(name), rows.frame[name]) for name in rows.frame.columns}
    record = _record(rows.frame, kinds)
    patient, told_patient = _role("patient", patient, [n for n in kinds if kinds[n] in ("id", "many", "number", "category")])
    label, told_label = _role("label", label, [n for n in kinds if kinds[n] in ("category", "flag") and n != patient])
    silo, told_silo = _role(
        "silo", silo, [n for n in kinds if kinds[n] in ("category", "many", "id") and n not in (patient, label)]
    )
    text = HEAD.format(
        manifest=word(manifest.name), folder=shlex.quote(str(manifest.parent)), name=word(manifest.parent.resolve().name)
    )
    text += f"record: {word(record)}            # names each row once\n" if record else ""
    text += f"patient: {word(patient or FILL)}{told_patient}\n"
    text += f"missing: {_list(rows.missing)}  # cells that mean nothing\n" if rows.missing else ""
    text += _silo(rows, silo, told_silo) + _label(rows, label, told_label, patient)
    rest = [name for name in kinds if name not in (patient, label, silo, record)]
    return (
        text + "modalities:\n" + "".join(_modalities(rows, {n: kinds[n] for n in rest}, rows.frame.get(label), record, patient))
    )


def _record(frame: pd.DataFrame, kinds: dict[str, Guess]) -> str:
    """The first column of ids that are all different."""
    return next((n for n, kind in kinds.items() if kind == "id" and frame[n].notna().all() and frame[n].is_unique), "")


def _role(role: str, given: str, names: list[str]) -> tuple[str, str]:
    """(the column, a remark): the one that was named, or that whose name fits best."""
    if given:
        return given, ""
    if found := fitting(role, names):
        return found, f"            # guessed: --{role} names another column"
    if role == "silo":
        return "", ""
    which = f", one of {', '.join(names)}, and take it out of the table below" if names else ""
    return "", f"          # {FILL}: the column of the {role}{which}"


def _list(words: tuple[str, ...]) -> str:
    return f"[{', '.join(map(word, words))}]"


def _silo(rows: Rows, silo: str, reported: str) -> str:
    if not silo:
        return "# silo: {column: HOSPITAL}   # without it, suites deal patients out: partition iid or dirichlet\n"
    empty = ", missing: unknown" if rows.frame[silo].isna().any() else ""
    return f"silo: {{column: {word(silo)}{empty}, min_records: 5, merge_into: small sites}}{reported}\n"


def _label(rows: Rows, label: str, reported: str, patient: str) -> str:
    """conditions, and rows that drop classes too rare to be on both sides of a split."""
    if not label:
        return _open_label(rows)
    values = rows.frame[label]
    groups = variants(values.dropna().astype(str))
    if len(groups) < 2 or guess(label, values) in ("text", "image", "date") or len(groups) > max(20, len(values) // 10):
        raise DatasetError(
            f"{rows.file}: column '{label}' is no label: {len(groups)} different values", "name a column of classes"
        )
    kind: Guess = "flag" if guess(label, values) == "flag" else "category"
    people = rows.frame[patient] if patient else rows.frame.index.to_series()
    rare = {name: ways for name, ways in groups.items() if people[values.isin(ways)].nunique() < 2}
    if len(groups) - len(rare) < 2:
        few = f"its classes {', '.join(rare)} are seen in one patient only"
        raise DatasetError(f"{rows.file}: column '{label}': {few}", "two classes of at least two patients are needed")
    text = ""
    if rare:
        drop = tuple(way for ways in rare.values() for way in ways)
        text += f"rows:                     # classes of one patient cannot be split: mapped to another class they could stay\n  - {{column: {word(label)}, drop: {_list(drop)}}}\n"
        values = values.where(~values.isin(drop), None)
    return (
        text
        + f"conditions:               # the first is the label{reported.replace('            #', ';')}\n  - {line(label, values, kind)}"
    )


def _open_label(rows: Rows) -> str:
    """Columns that could be the label, as lines to choose from."""
    kinds = {str(name): guess(str(name), rows.frame[name]) for name in rows.frame.columns}
    possible = [name for name, kind in kinds.items() if kind in ("category", "flag")]
    if not possible:
        raise DatasetError(
            f"{rows.file}: no column of classes was found", "add a column with the label of each record, or name one: --label"
        )
    lines = "".join(f"  # - {line(name, rows.frame[name], kinds[name])}" for name in possible)
    return (
        f"conditions:               # {FILL}: take one of these lines as the label, and take it out of the table below\n{lines}"
    )


def _modalities(rows: Rows, kinds: dict[str, Guess], label: pd.Series[Any] | None, record: str, patient: str) -> Iterator[str]:
    frame, root = rows.frame, rows.file.parent
    hours, timed = rows_of_hours(frame, list(kinds))
    kinds = {name: kind for name, kind in kinds.items() if name not in timed}
    plain = [name for name, kind in kinds.items() if kind in ("number", "category", "flag")]
    if plain:
        yield "  table:\n    kind: table\n    columns:\n"
        for name in plain:
            exact = label is not None and kinds[name] != "number" and tells(frame[name], label)
            yield f"      - {line(name, frame[name], kinds[name], 'tells the label exactly: leave it out if made from it' if exact else '')}"
    for name in (name for name, kind in kinds.items() if kind == "text"):
        yield text(name, frame[name])
    for name in (name for name, kind in kinds.items() if kind == "image"):
        yield picture(name, frame[name], root)
    yield from called_after(
        root, frame, filter(None, (record, patient)), (name for name, kind in kinds.items() if kind == "image")
    )
    yield hours + series(root, rows.file, frame, record)
    yield from (f"# left out: {name} ({LEFT_OUT[kind]})\n" for name, kind in kinds.items() if kind in LEFT_OUT)
