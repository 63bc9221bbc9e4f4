"""What wants a second look in a cohort that loads: columns that tell the label, small silos, patients of two classes, drafts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft.columns import parts, tells
from fpmg_bench.cohorts.draft.guess import UNSPACED
from fpmg_bench.cohorts.draft.language import language
from fpmg_bench.cohorts.draft.numbers import codes_among
from fpmg_bench.cohorts.losses.loss import Loss

if TYPE_CHECKING:
    import pandas as pd

    from fpmg_bench.types import Cohort, Column

MERGED = frozenset({"small sites", "other"})  # silos of others' values, which `groups` cannot name
TOKENS, MOST_TOKENS = 512, 1024  # words that transformer-ae reads of a text, and can
FEWEST = 20  # patients of a silo: with fewer, training sees nothing of it and noise hides the rest


def minded(cohort: Cohort) -> list[Loss]:
    """count: of records, silos or columns."""
    columns = list(_columns(cohort))
    return [
        *_drafted(cohort),
        *(_telling(column, name, values, cohort) for name, column, values in columns if _tells(column, values, cohort)),
        *(found for name, column, values in columns for found in _numbers(column, name, values)),
        *_twice(cohort),
        *(found for name, schema in cohort.schemas.items() if schema.kind == "text" for found in _texts(name, cohort)),
        *_patients(cohort),
        *_silos(cohort),
    ]


def _columns(cohort: Cohort) -> Iterator[tuple[str, Column, pd.Series[Any]]]:
    """(where, column, values) of every table and of the conditions behind the label."""
    import pandas as pd

    for at, column in enumerate(cohort.conditions[1:], 1):
        yield "conditions", column, pd.Series(cohort.condition[:, at])
    for name, schema in cohort.schemas.items():
        if schema.kind == "table":
            for column in schema.columns:
                yield name, column, cohort.data[name].frame[column.name].reset_index(drop=True)


def _tells(column: Column, values: pd.Series[Any], cohort: Cohort) -> bool:
    import pandas as pd

    label = pd.Series(cohort.condition[:, 0])
    if column.type == "number":
        return parts(values, label)
    return int(values.notna().sum()) >= 10 and tells(values, label)


def _telling(column: Column, where: str, values: pd.Series[Any], cohort: Cohort) -> Loss:
    what = "its numbers part the classes" if column.type == "number" else "each of its values goes with one class only"
    label = cohort.conditions[0].name
    return Loss(
        f"{where}: {column.name}", f"tells {label} exactly: {what}", int(values.notna().sum()),
        f"take the column out where it is made from {label}, or known only after it",
    )  # fmt: skip


def _numbers(column: Column, where: str, values: pd.Series[Any]) -> Iterator[Loss]:
    if column.type != "number":
        return
    known = values.dropna().astype(float)
    if known.empty:
        return
    if column.step:
        steps = known / column.step
        if finer := int(((steps - steps.round()).abs() > 1e-6 * steps.abs().clip(lower=1)).sum()):
            text = f"finer than step {column.step:g}: synthetic values are rounded to it"
            yield Loss(f"{where}: {column.name}", text, finer, "a smaller `step`, or none")
    for code in codes_among(known, float(known.min()), float(known.max())):
        count = int((known == float(code)).sum())
        yield Loss(
            f"{where}: {column.name}",
            f"{code} at the end of its range: missing, or a value?",
            count,
            f"if missing: `missing: [{code}]`",
        )


def _twice(cohort: Cohort) -> Iterator[Loss]:
    """Columns of a table that are conditions too, and declared otherwise: then a generator gives two values (decision 57)."""
    asked = {column.name: column for column in cohort.conditions}
    for name, schema in cohort.schemas.items():
        for column in schema.columns if schema.kind == "table" else ():
            if asked.get(column.name, column) != column:
                text = "is a condition too, but declared otherwise: a record has two values of it"
                yield Loss(
                    f"{name}: {column.name}", text, len(cohort), "declare both to the letter, or take its line out of the table"
                )


def _drafted(cohort: Cohort) -> list[Loss]:
    if not cohort.drafted:
        return []
    n = len(cohort.conditions) + sum(len(schema.columns) for schema in cohort.schemas.values())
    text = "ranges and categories were learnt from patients: epsilon does not cover what they tell"
    return [Loss("cohort.yaml", text, n, "declare them from the protocol or a textbook, then `drafted: false`")]


def _texts(name: str, cohort: Cohort) -> Iterator[Loss]:
    """What encoders of texts do not hold: docs/folder-cohorts.md, "Text"."""
    import pandas as pd

    texts = pd.Series(
        [text for text, here in zip(cohort.data[name].strings, cohort.present[name], strict=True) if here], dtype=str
    )
    spoken = language(texts)
    if spoken not in ("", "English"):
        yield Loss(
            name,
            f"notes in {spoken}: `frozen` knows findings in English, and says `nothing` of all others",
            len(texts),
            f'encoders: {{{name}: transformer-ae}}; or at least `nothing: "o.B."`, in your own words',
        )
    if foreign := int(texts.str.count(r"[^\x00-\x7f]").sum()):
        yield Loss(
            name,
            "characters beyond ASCII, which the encoder `frozen` writes as ?",
            foreign,
            f"encoders: {{{name}: transformer-ae}}, which keeps any script",
        )
    words = texts.str.count(r"\S+") + texts.str.count(UNSPACED)
    if long := int((words > TOKENS).sum()):
        text = f"texts of more than {TOKENS} words, of which `transformer-ae` reads the first"
        yield Loss(name, text, long, f"transformer-ae: {{tokens: {min(int(words.max()), MOST_TOKENS)}}}")


def _patients(cohort: Cohort) -> list[Loss]:
    import pandas as pd

    both = int((pd.Series(cohort.condition[:, 0]).groupby(cohort.patient).nunique() > 1).sum())
    text = "patients with records of more than one class: each record keeps its own"
    return [Loss("conditions", text, both, "label patients, not visits, where the outcome is the patient's")] if both else []


def _silos(cohort: Cohort) -> list[Loss]:
    """Small silos, and groups of them: in order of size, the smallest first, until a group has enough patients."""
    import numpy as np

    people = {name: len(np.unique(cohort.patient[cohort.silo == at])) for at, name in enumerate(cohort.silo_names)}
    small = {name: n for name, n in people.items() if n < FEWEST}
    if not small:
        return []
    if not MERGED.isdisjoint(people):
        return [Loss("silo", f"silos of fewer than {FEWEST} patients (of {len(people)})", len(small), _coarser(people, small))]
    groups: list[list[str]] = [[]]
    for name in sorted(people, key=lambda name: (people[name], name)):
        if name not in small and sum(people[each] for each in groups[-1]) >= FEWEST:
            break
        if sum(people[each] for each in groups[-1]) >= FEWEST:
            groups.append([])
        groups[-1].append(name)
    if len(groups) > 1 and sum(people[each] for each in groups[-1]) < FEWEST:
        last = groups.pop()
        groups[-1] += last
    made = ", ".join(f"group {at}: [{', '.join(names)}]" for at, names in enumerate(groups, 1) if len(names) > 1)
    way = f"silo: {{groups: {{{made}}}}}" if made and len(made) < 400 else _coarser(people, small)
    return [Loss("silo", f"silos of fewer than {FEWEST} patients (of {len(people)})", len(small), way)]


def _coarser(people: dict[str, int], small: dict[str, int]) -> str:
    """For silos too many to list in groups."""
    if len(small) == len(people):
        return "a coarser column as silo (region, city), or silo: {groups: {name: [values]}}"
    return f"silo: {{min_records: {FEWEST}, merge_into: small sites}}"
