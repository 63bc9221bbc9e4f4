"""Reads OMOP tables (csv, parquet) and FHIR resources (ndjson) as frames of the places that a mapping names."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.standards.mapping import Standard
from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

OMOP = ("measurement", "condition_occurrence", "drug_exposure", "note", "visit_occurrence", "observation_period")
ENDINGS = (".csv", ".parquet")
Places = Mapping[str, Sequence[str]]  # what a column is to be called -> the places it may stand in


def recognised(folder: Path) -> Standard | None:
    """The standard that a folder is written in, by its files' names."""
    if not folder.is_dir():
        return None
    if any(folder.glob("*.ndjson")):
        return "fhir"
    names = set(_omop_files(folder))
    return "omop" if "person" in names and names & set(OMOP) else None


def counts(folder: Path, standard: Standard) -> dict[str, int]:
    """Table, or kind of resource -> its rows."""
    if standard == "omop":
        return {name: _count(file) for name, file in _omop_files(folder).items()}
    found: dict[str, int] = {}
    for resource in _resources(folder, ""):
        kind = str(resource.get("resourceType", "resource without a type"))
        found[kind] = found.get(kind, 0) + 1
    return found


def rows(folder: Path, standard: Standard, table: str, places: Places, each: str = "") -> tuple[pd.DataFrame, list[str]]:
    """(strings, None where empty, by the names that are asked for; columns or elements of the table that are not).

    Raises DatasetError where an OMOP table has no column of those that one may stand in. An absent table has no rows.
    """
    import pandas as pd

    if standard == "fhir":
        return _fhir(folder, table, places, each)
    file = _omop_files(folder).get(table.lower())
    if file is None:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in places}), []
    known = _header(file)
    wanted = {place.lower() for several in places.values() for place in several}
    for name, several in places.items():
        if several and not any(place.lower() in known for place in several):
            guess = did_you_mean(several[0], known)
            raise DatasetError(
                f"{file}: no column {' or '.join(several)}, for the {name}.{guess}", "mend the mapping: --mapping FILE"
            )
    frame = _omop(file, [written for low, written in known.items() if low in wanted])
    made = {name: _first(frame, [place.lower() for place in several]) for name, several in places.items()}
    return pd.DataFrame(made, index=frame.index), [written for low, written in known.items() if low not in wanted]


def _omop_files(folder: Path) -> dict[str, Path]:
    return {file.stem.lower(): file for file in sorted(folder.iterdir()) if file.suffix.lower() in ENDINGS}


def _separator(file: Path) -> str:
    """Vocabularies come with tabs."""
    with file.open(encoding="utf-8-sig", errors="replace") as stream:
        head = stream.readline()
    return "\t" if head.count("\t") > head.count(",") else ","


def _header(file: Path) -> dict[str, str]:
    """Columns in lower case -> as they are written."""
    if file.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        return {str(name).lower(): str(name) for name in pq.read_schema(file).names}
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        return {name.lower(): name for name in next(csv.reader(stream, delimiter=_separator(file)), [])}


def _count(file: Path) -> int:
    if file.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        return int(pq.read_metadata(file).num_rows)
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        return max(0, sum(1 for row in csv.reader(stream, delimiter=_separator(file)) if row) - 1)


def _omop(file: Path, columns: list[str]) -> pd.DataFrame:
    """Columns in lower case."""
    import pandas as pd
    import pyarrow.parquet as pq

    from fpmg_bench.cohorts.draft.reading import MISSING
    from fpmg_bench.cohorts.tables import strings

    try:
        if file.suffix.lower() == ".parquet":
            frame = pq.read_table(file, columns=columns).to_pandas(integer_object_nulls=True).apply(strings)
        else:
            frame = pd.read_csv(
                file, dtype=str, keep_default_na=False, encoding="utf-8-sig", usecols=columns, sep=_separator(file)
            )
            frame = frame.astype(object).where(~frame.isin(MISSING), None)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file}: {str(error).splitlines()[0]}", "an OMOP table as csv (UTF-8) or parquet") from error
    return pd.DataFrame(frame).rename(columns=str.lower)


def _first(frame: pd.DataFrame, places: Sequence[str]) -> pd.Series[Any]:
    """The first of the columns that is filled in."""
    import pandas as pd

    found = pd.Series(None, index=frame.index, dtype=object)
    for place in places:
        if place in frame.columns:
            found = found.where(found.notna(), frame[place])
    return found


def _fhir(folder: Path, kind: str, places: Places, each: str) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd

    columns: dict[str, list[str | None]] = {name: [] for name in places}
    seen: set[str] = set()
    for resource in _resources(folder, kind):
        seen |= resource.keys()
        for item in resource.get(each, ()) if each else (None,):
            row = {**resource, each: item} if each else resource
            for name, several in places.items():
                columns[name].append(next((word for place in several if (word := _at(row, place)) is not None), None))
    used = {place.partition(".")[0] for several in places.values() for place in several} | {"resourceType", "id", "meta"}
    return pd.DataFrame(columns, dtype=object), sorted(seen - used)


def _resources(folder: Path, kind: str) -> Iterator[dict[str, Any]]:
    """Resources of one kind (all: "") of all files. Raises DatasetError at a line that is no JSON object."""
    mark = f'"{kind}"'
    for file in sorted(folder.glob("*.ndjson")):
        with file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if not line.strip() or (kind and mark not in line):
                    continue
                try:
                    found = json.loads(line)
                except ValueError:
                    found = None
                if not isinstance(found, dict):
                    raise DatasetError(f"{file}:{number}: no JSON object", "ndjson has one resource in each line")
                if not kind or found.get("resourceType") == kind:
                    yield found


def _at(resource: Any, place: str) -> str | None:
    """What stands at a path, as a string; of a list without a number its first item."""
    found = resource
    for step in place.split("."):
        if isinstance(found, list):
            at = int(step) if step.isdigit() else 0
            found = found[at] if at < len(found) else None
            if step.isdigit():
                continue
        found = found.get(step) if isinstance(found, dict) else None
    if found is None or isinstance(found, dict | list):
        return None
    return str(found).lower() if isinstance(found, bool) else str(found)
