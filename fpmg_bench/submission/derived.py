"""What a bundle says that follows from its trials' files: the long table, and every method's test against the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fpmg_bench.store import RunDir
from fpmg_bench.store.atomic import plain

KEYS = ("dataset", "method", "seed", "round", "scope", "modality", "metric")  # what tells rows apart


def table_of(folder: Path) -> list[dict[str, Any]]:
    """The rows of results.parquet, as JSON, from the files of a run."""
    from fpmg_bench.result_rows import result_rows
    from fpmg_bench.run_table import rebuilt

    rows: list[dict[str, Any]] = plain(result_rows(rebuilt(RunDir(folder))))
    return rows


def tests_of(folder: Path) -> list[dict[str, Any]]:
    """Each method beside the reference of its cohort, by the scores that the report tests: verdict, difference, p values."""
    from fpmg_bench.report.read import read_run
    from fpmg_bench.report.verdicts.leaders import against
    from fpmg_bench.report.verdicts.tested import ASKED, compared, reference
    from fpmg_bench.report.view import view

    seen = view([read_run(folder)])
    found: list[dict[str, Any]] = []
    for group in seen.groups:
        beside = reference(group)
        others = compared(group, beside) if beside else []
        for measure in ASKED:
            metric = measure.metric(seen, group)
            if beside and others and metric:
                judged = against(seen, group, measure, beside, others)
                head = {"dataset": group.dataset, "metric": metric, "reference": beside.name}
                found += [{**head, "method": other.name, **asdict(each)} for other, each in zip(others, judged, strict=True)]
    told: list[dict[str, Any]] = plain(found)
    return told


def as_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Column by column: a third of the size of rows."""
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def as_rows(columns: Any) -> list[dict[str, Any]]:
    """The reverse. Raises ValueError where these are no columns of one length."""
    if not isinstance(columns, dict) or not all(isinstance(each, list) for each in columns.values()):
        raise ValueError("columns of values were expected")
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def differences(told: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> Iterator[str]:
    """Where the bundle's rows are not those that its trials give, a line each."""
    mine = {_key(row, keys): row for row in found}
    theirs = {_key(row, keys): row for row in told}
    for key in mine.keys() | theirs.keys():
        at = "/".join("-" if part is None else str(part) for part in key)
        if key not in theirs:
            yield f"{at}: follows from the trials, and is not in the bundle"
        elif key not in mine:
            yield f"{at}: is in the bundle, and follows from no trial"
        else:
            yield from (
                f"{at}: {name} is {theirs[key].get(name)!r} in the bundle, {value!r} by its trials"
                for name, value in mine[key].items()
                if not _same(value, theirs[key].get(name))
            )
    if len(told) != len(theirs):
        yield f"{len(told) - len(theirs)} rows are there twice"


def _key(row: Mapping[str, Any], keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row.get(name) if isinstance(row.get(name), (str, int, type(None))) else repr(row.get(name)) for name in keys)


def _same(a: Any, b: Any) -> bool:
    """Equal, but for the last digits of a number that is computed here again."""
    if isinstance(a, float) and isinstance(b, (int, float)) and not isinstance(b, bool):
        return a == b or abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1.0)
    return bool(a == b)
