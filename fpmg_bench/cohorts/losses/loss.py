"""A loss: where, what, how often, and what to write to keep it. Readers count by reason (`Cohort.dropped`); the way out is found here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fpmg_bench.document import plural

PAGE = "docs/folder-cohorts.md"


@dataclass(frozen=True, slots=True)
class Loss:
    """count: cells, rows, columns or files; keep: what to write in cohort.yaml to keep them."""

    where: str
    what: str
    count: int
    keep: str


# Reason -> (where, way out), the first that fits; `where` is a group of the pattern.
WAYS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), way)
    for pattern, way in (
        (r"records without a label", "fill the label in; without one a record teaches nothing"),
        (r"(?P<where>.+) is (none|one) of: ", "`rows` asks for it: take the rule away"),
        (r"cells of (?P<where>.+) outside .* read as missing", "widen low and high, if these are values"),
        (r"cells of (?P<where>.+) outside .* clipped", "widen low and high"),
        (r"cells of (?P<where>.+) that are no category", "list them under categories, or `group` them"),
        (r"cells of (?P<where>.+) mapped to missing", "`map` them to a value instead of null"),
        (r"cells of (?P<where>.+) that say missing by code", "take the code out of the column's `missing`, if it is a value"),
        (r"cells of (?P<where>.+) with a word for missing", "take the word out of `missing`, if it is a value (Namibia is NA)"),
        (r"cells of (?P<where>.+) below or above a bound", "the bound is kept and not its sign; `below` and `above` write it again"),
        (r"codes of (?P<where>.+) read as their chapter", "declare `categories` and no `group`: each code of its own"),
        (r"codes of (?P<where>.+) that no flag holds", "declare a flag that `holds` each, or `group: icd10`"),
        (r"dates of (?P<where>.+) without a day", "count from a declared day: `since: 2020-01-01`"),
        (r"lines above the header of (?P<where>.+)", "titles are no part of a table: write what matters under `traps`"),
        (r"empty rows of (?P<where>.+)", "nothing is in them"),
        (r"rows of (?P<where>.+) whose .* is in no record", "add the records to the manifest"),
        (r"rows of (?P<where>.+) beside the", "one row a record is read: give them as a series (kind: series)"),
        (r"records without a row in (?P<where>.+)", "their columns of that table are missing: fill it in"),
        (r"columns of (?P<where>.+) that are not used", "name them under conditions or modalities"),
        (r"rows of (?P<where>.+) of records that are not used", "these records are no rows of the manifest, or have no label"),
        (r"rows of (?P<where>.+) of variables that are not declared", "declare them under the series' `columns`"),
        (r"rows of (?P<where>.+) outside the window", "widen the series' `window`"),
        (r"rows of (?P<where>.+) beyond \d+ steps", "more `steps`, or a `window` whose bins are averaged"),
        (r"ends of texts of (?P<where>.+?) after", "a greater `length` of that text"),
    )
)  # fmt: skip


SAID = re.compile(r"(?:(?P<where>[^:()]+): )?(?P<what>.+) \((?P<keep>[^()]+)\)")  # a reason that names the way out itself
RULE = re.compile(r".+ is (none|one) of: ")  # ends with values of a cohort, which may hold brackets


def lost(dropped: Mapping[str, int]) -> list[Loss]:
    """One for each reason that a cohort counts."""
    return [_loss(reason, count) for reason, count in dropped.items() if count]


def _loss(reason: str, count: int) -> Loss:
    said = None if RULE.match(reason) else SAID.fullmatch(reason)
    for pattern, way in WAYS:
        if found := pattern.match(reason):
            where = next((text for text in found.groupdict().values() if text), "")
            return Loss(where, said["what"] if said else reason, count, said["keep"] if said else way)
    if said:
        return Loss(said["where"] or "", said["what"], count, said["keep"])
    return Loss("", reason, count, f"see {PAGE}")


def told(name: str, dropped: Mapping[str, int], place: str) -> str:
    """One line for who runs a cohort with losses, "" for one without. place: its folder, or the dataset's name."""
    n = sum(count > 0 for count in dropped.values())
    return f"{name}: {plural(n, 'loss', 'losses')}: fpmg-bench data check {place}" if n else ""
