"""The text of a drafted cohort.yaml."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft import dates
from fpmg_bench.cohorts.draft.columns import LEFT_OUT, line, lines, parts, tells, word
from fpmg_bench.cohorts.draft.guess import Guess, fitting, guess, variants
from fpmg_bench.cohorts.draft.hours import rows_of_hours
from fpmg_bench.cohorts.draft.media import called_after, picture
from fpmg_bench.cohorts.draft.numbers import MOST_WORDS, look
from fpmg_bench.cohorts.draft.reading import Rows, read_all
from fpmg_bench.cohorts.draft.series import series
from fpmg_bench.cohorts.draft.target import event_remark, number_label
from fpmg_bench.cohorts.draft.texts import text
from fpmg_bench.cohorts.tables import USUAL
from fpmg_bench.document.schemas import editor_line
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

FILL = "FILL IN"
LISTED = 12  # names that may have a role
FEW = 10  # different numbers of a label that is no number
TELLS = "tells the label exactly: leave it out if made from it"
HEAD = """\
# A cohort of your own. Fill in what asks for it, then check every line: ranges and categories are public and must be
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
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")  # no cohort.yaml holds them
CONDITIONS = re.compile(r"^(age|sex|gender)([_\s.-]?(years?|at.*))?$", re.IGNORECASE)


def draft(manifest: Path, patient: str = "", label: str = "", silo: str = "") -> str:
    """The text of cohort.yaml beside a csv, Excel or parquet table. patient, label, silo: columns of it; "" is guessed by name.

    Raises DatasetError where the table cannot be read, a column is missing, or the label is neither a class nor a number.
    """
    rows = read_all(manifest)
    for column in filter(None, (patient, label, silo)):
        if column not in rows.frame.columns:
            raise DatasetError(f"{manifest}: no column '{column}'", f"it has {', '.join(map(str, rows.frame.columns))}")
    kinds = {str(name): guess(str(name), rows.frame[name]) for name in rows.frame.columns}
    record = _record(rows.frame, kinds)
    patient, told_patient = _role("patient", patient, _naming(rows.frame, kinds), record)
    record = record or (patient if patient and _names_rows(rows.frame[patient]) else "")
    label, told_label = _role("label", label, [n for n in kinds if _classes(rows.frame[n], kinds[n]) and n != patient])
    silo, told_silo = _role(
        "silo", silo, [n for n in kinds if kinds[n] in ("category", "many", "id") and n not in (patient, label)]
    )
    text = editor_line("cohort") + HEAD.format(
        manifest=word(manifest.name), folder=shlex.quote(str(manifest.parent)), name=word(manifest.parent.resolve().name)
    )
    text += _form(rows)
    text += f"record: {word(record)}            # names each row once\n" if record else ""
    text += f"patient: {word(patient or FILL)}{told_patient}\n"
    text += f"missing: {_list(rows.missing)}  # cells that mean nothing\n" if rows.missing else ""
    text += _silo(rows, silo, told_silo) + _label(rows, label, told_label, patient, silo)
    rest = [name for name in kinds if name not in (patient, label, silo, record)]
    if label and kinds[label] == "flag":
        text += event_remark(label, rows.frame, [name for name in rest if kinds[name] == "number"])
    text += _conditions(rows, {name: kinds[name] for name in rest}) if label else ""
    made = "".join(_modalities(rows, {n: kinds[n] for n in rest}, rows.frame.get(label), record, patient))
    nothing = "" if "\n  " in f"\n{made}" else f"   # {FILL}: nothing is left to learn from; what was left out stands below"
    return "\n".join(_printable(each) for each in f"{text}modalities:{nothing}\n{made}".split("\n"))


def _printable(line: str) -> str:
    """The line; with characters in it that no cohort.yaml can hold, a remark on its column, which cannot be declared."""
    bare = UNPRINTABLE.sub("?", line)
    if bare == line or line.lstrip().startswith("#"):
        return bare
    return f"# {FILL}: control characters in its cells, which cannot be declared: take them out of the file: {bare.strip()}"


def _form(rows: Rows) -> str:
    """How the files are written where it is not as usual, tables that are joined, and what was done to headers."""
    usual, text = USUAL, ""
    if rows.form.encoding != usual.encoding:
        known = (
            "UTF-8 with its mark"
            if rows.form.encoding == "utf-8-sig"
            else "not UTF-8: do words with accents look right? Else cp1252, gb18030, cp1256 ..."
        )
        text += f"encoding: {rows.form.encoding}     # {known}\n"
    if rows.form.separator != usual.separator:
        text += f"separator: {word(rows.form.separator)}\n"
    if rows.form.sheet != usual.sheet:
        text += f"sheet: {word(rows.form.sheet)}            # the one with the most cells\n"
    if rows.form.header != usual.header:
        text += f"header: {rows.form.header}                 # the line that names the columns: what stands above is not read\n"
    if rows.tables:
        text += "tables:                   # one row each a value of its key; their columns are read as the manifest's\n"
        text += "".join(f"  - {json.dumps(each, ensure_ascii=False)}\n" for each in rows.tables)
    return text + "".join(f"# {each}\n" for each in rows.told)


def _conditions(rows: Rows, kinds: dict[str, Guess]) -> str:
    """Age and sex as lines to choose from."""
    names = [name for name, kind in kinds.items() if CONDITIONS.search(name) and kind in ("number", "category", "flag")]
    if not names:
        return ""
    found = "".join(f"  # - {line(name, rows.frame[name], kinds[name])}" for name in names)
    return f"  # take the # away, and patients can be asked for by these too (women over 70):\n{found}"


def _record(frame: pd.DataFrame, kinds: dict[str, Guess]) -> str:
    """The first column of ids that are all different."""
    return next((n for n, kind in kinds.items() if kind == "id" and _names_rows(frame[n])), "")


def _names_rows(cells: pd.Series[Any]) -> bool:
    return bool(cells.notna().all() and cells.is_unique)


def _naming(frame: pd.DataFrame, kinds: dict[str, Guess]) -> list[str]:
    """Columns that may name patients: ids first, then words, then whole numbers."""
    order: tuple[Guess, ...] = ("id", "many", "category", "number")
    names = sorted((name for name, kind in kinds.items() if kind in order), key=lambda name: order.index(kinds[name]))
    return [name for name in names if kinds[name] != "number" or look(frame[name].dropna().astype(str)).decimals == 0]


def _role(role: str, given: str, names: list[str], alone: str = "") -> tuple[str, str]:
    """(the column, a remark): the one that was named, or that whose name fits best, or the only one that may be it."""
    if given:
        return given, ""
    if found := fitting(role, names):
        return found, f"            # guessed: --{role} names another column"
    if role == "silo":
        return "", ""
    if alone and names == [alone]:
        return alone, f"            # the only column of names: has a {role} one row? Else --{role} names another column"
    some = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
    which = f", one of {some}, and take it out of the table below" if names else ""
    return "", f"          # {FILL}: the column of the {role}{which}"


def _classes(values: pd.Series[Any], kind: Guess) -> bool:
    """Words, flags, or a few whole numbers (0 alive, 1 transplanted, 2 dead)."""
    return kind in ("category", "flag") or (kind == "number" and values.nunique() <= FEW and look(values.dropna()).decimals == 0)


def _list(words: tuple[str, ...]) -> str:
    return f"[{', '.join(map(word, words))}]"


def _silo(rows: Rows, silo: str, reported: str) -> str:
    if not silo:
        return "# silo: {column: HOSPITAL}   # without it, suites deal patients out: partition iid or dirichlet\n"
    empty = ", missing: unknown" if rows.frame[silo].isna().any() else ""
    return f"silo: {{column: {word(silo)}{empty}, min_records: 5, merge_into: small sites}}{reported}\n"


def _label(rows: Rows, label: str, reported: str, patient: str, silo: str) -> str:
    """conditions, and rows that drop classes too rare to be on both sides of a split."""
    if not label:
        return _open_label(rows, silo)
    values = rows.frame[label]
    groups = variants(values.dropna().astype(str))
    if len(groups) > max(20, len(values) // 10) and guess(label, values) == "number":
        return f"conditions:               # the first is the label: a number{reported.replace('            #', ';')}\n  - {number_label(rows.file, label, values)}"
    if len(groups) < 2 or guess(label, values) in ("text", "image", "date") or len(groups) > max(20, len(values) // 10):
        raise DatasetError(
            f"{rows.file}: column '{label}' is no label: {len(groups)} different values", "name a column of classes or of numbers"
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


def _open_label(rows: Rows, silo: str) -> str:
    """No label, which is a cohort without utility, and columns that could be one, as lines to choose from."""
    kinds = {str(name): guess(str(name), rows.frame[name]) for name in rows.frame.columns}
    possible = [name for name, kind in kinds.items() if kind in ("category", "flag") and name != silo]
    if not possible:
        return (
            "conditions: []            # no label was found: every score but utility. --label names one, of classes or numbers\n"
        )
    lines = "".join(f"  # - {line(name, rows.frame[name], kinds[name])}" for name in possible)
    return (
        f"conditions:               # {FILL}: take one of these lines as the label, and take it out of the table below\n{lines}"
    )


def _modalities(rows: Rows, kinds: dict[str, Guess], label: pd.Series[Any] | None, record: str, patient: str) -> Iterator[str]:
    frame, root = rows.frame, rows.file.parent
    hours, timed = rows_of_hours(frame, list(kinds))
    kinds = {name: kind for name, kind in kinds.items() if name not in timed}
    table, unfit = _table(frame, kinds, label)
    if not any(not each.startswith("#") for each in table):
        yield from table
    else:
        yield "  table:\n    kind: table\n    columns:\n"
        yield from (f"      {each}" if each.startswith("#") else f"      - {each}" for each in table)
    for name in (name for name, kind in kinds.items() if kind == "text"):
        yield text(name, frame[name])
    for name in (name for name, kind in kinds.items() if kind == "image"):
        yield picture(name, frame[name], root)
    yield from called_after(
        root, frame, filter(None, (record, patient)), (name for name, kind in kinds.items() if kind == "image")
    )
    yield hours + series(root, rows, record)
    yield from (f"# left out: {name} ({LEFT_OUT[kind]})\n" for name, kind in kinds.items() if kind in LEFT_OUT and name in unfit)


def _table(frame: pd.DataFrame, kinds: dict[str, Guess], label: pd.Series[Any] | None) -> tuple[list[str], set[str]]:
    """(the table's columns as lines, some of them comments; names that found no place in it)."""
    made: list[str] = []
    unfit = {name for name, kind in kinds.items() if kind in LEFT_OUT}
    for name, kind in kinds.items():
        if kind in ("number", "category", "flag"):
            made.append(line(name, frame[name], kind, TELLS if label is not None and _tells(frame[name], kind, label) else ""))
        elif found := lines(name, frame[name], kind):
            made += found
            unfit -= {name}
    comments = dates.columns(frame, [name for name, kind in kinds.items() if kind == "date"])
    return sorted([*made, *comments], key=lambda each: each.startswith("#")), unfit


def _tells(values: pd.Series[Any], kind: Guess, label: pd.Series[Any]) -> bool:
    if kind != "number":
        return tells(values, label)
    import pandas as pd

    found = pd.to_numeric(values, errors="coerce")  # most columns need no more
    if len(some := values[found.isna() & values.notna()]) > MOST_WORDS and some.nunique() > MOST_WORDS:
        found = look(values.dropna().astype(str)).values.reindex(values.index)
    return parts(found, label)
