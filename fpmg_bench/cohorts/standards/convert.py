"""From a standard's tables to a manifest with one row a person and a long table; what finds no place is counted."""

from __future__ import annotations

import base64
import binascii
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.standards.mapping import FlagsOf, Mapping, SeriesOf, TextsOf
from fpmg_bench.cohorts.standards.sources import Places, counts, rows
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

PERSON, MANIFEST, LONG, KEPT = "person_id", "manifest.csv", "measurements.parquet", "mapping.yaml"
YEAR = 365.25
NO = ("false", "0", "")
REFERENCE = r"^(?:urn:uuid:|.*/)"  # "Patient/17" names person 17


class Taken:
    """What was read so far: the manifest [persons], and the first dated row of each person; what found no place, by reason."""

    def __init__(self, folder: Path, mapping: Mapping) -> None:
        self.folder, self.mapping = folder, mapping
        self.lost: Counter[str] = Counter()
        self.left: dict[str, set[str]] = {}  # table -> columns that no line of the mapping has taken
        self.first: list[pd.Series[Any]] = []
        self.names = self._names()
        self.manifest = self._persons()

    def _names(self) -> dict[str, str]:
        """Code -> word."""
        part = self.mapping.names
        if part is None:
            return {}
        found, _ = rows(self.folder, self.mapping.standard, part.table, {"code": (part.code,), "name": (part.name,)})
        return dict(found.dropna().itertuples(index=False, name=None))

    def _persons(self) -> pd.DataFrame:
        part = self.mapping.persons
        places = {PERSON: (part.id,), "born": part.born, **{name: (place,) for name, place in part.columns.items()}}
        found = self.read(part.table, places)
        if again := int(found[PERSON].duplicated().sum()):
            self.lost[f"rows of {part.table} of a person listed before (one row a person)"] += again
        found = found[found[PERSON].notna()].drop_duplicates(PERSON).reset_index(drop=True)
        if found.empty:
            raise DatasetError(f"{self.folder}: {part.table} lists nobody", f"{part.id} names a person")
        for name, words in part.codes.items():
            found[name] = found[name].map(lambda code, words=words: words.get(code, self.names.get(code, code)))
        return found

    def read(self, table: str, places: Places, each: str = "") -> pd.DataFrame:
        """Rows of a table; what no line of the mapping asks of it is remembered."""
        found, left = rows(self.folder, self.mapping.standard, table, places, each)
        self.left[table] = self.left.get(table, set(left)) & set(left)
        return found

    def events(self, part: SeriesOf | FlagsOf | TextsOf, places: Places, dated: bool) -> pd.DataFrame:
        """Rows of persons of the manifest, with their time as a timestamp; dated: those without one are lost."""
        import pandas as pd

        found = self.read(part.table, {PERSON: (part.person,), "time": part.time, **places}, part.each)
        found[PERSON] = found[PERSON].astype("string").str.replace(REFERENCE, "", regex=True).astype(object)
        known = found[PERSON].isin(self.manifest[PERSON])
        if strangers := int((~known).sum()):
            self.lost[f"rows of {part.table} of nobody in {self.mapping.persons.table}"] += strangers
        found = found[known].reset_index(drop=True)
        time = pd.to_datetime(found["time"], format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
        found["time"] = time
        if dated and time.isna().any():
            self.lost[f"rows of {part.table} without a time (name another place in the mapping's time)"] += int(time.isna().sum())
            found = found[time.notna()].reset_index(drop=True)
        self.first.append(found.dropna(subset="time").groupby(PERSON)["time"].min())
        return found


def convert(folder: Path, mapping: Mapping, to: Path, source: Path) -> dict[str, int]:
    """Write manifest.csv, measurements.parquet and the mapping into the new folder `to`; source: the mapping's file.

    Returns reason -> count of what was not taken. Raises DatasetError where the folder is in use or a mapped column is not there.
    """
    import pandas as pd

    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise DatasetError(f"{to}: not an empty folder", "name a new one: --to FOLDER")
    taken = Taken(folder, mapping)
    series = [long for part in mapping.series if len(long := _series(taken, part))]
    for flags in mapping.flags:
        _flags(taken, flags)
    for text in mapping.texts:
        _texts(taken, text)
    _age(taken)
    _not_mapped(taken)
    to.mkdir(parents=True, exist_ok=True)
    taken.manifest.drop(columns="born").to_csv(to / MANIFEST, index=False)
    if series:
        pd.concat(series).sort_values([PERSON, "time", "variable"], kind="stable").to_parquet(to / LONG, index=False)
    shutil.copyfile(source, to / KEPT)
    return {reason: count for reason, count in taken.lost.items() if count}


def _series(taken: Taken, part: SeriesOf) -> pd.DataFrame:
    """Columns person_id, time, variable, value."""
    import pandas as pd

    places = {"code": (part.variable,), "value": (part.value,), "label": _maybe(part.label), "unit": _maybe(part.unit)}
    found = taken.events(part, places, dated=True)
    found["value"] = pd.to_numeric(found["value"], errors="coerce")
    good = found["value"].notna() & found["code"].notna()
    if part.each or part.table not in {other.table for other in taken.mapping.series if other.each}:
        what = f"items of {part.each} of {part.table}" if part.each else f"rows of {part.table}"
        taken.lost[f"{what} without a number (words and codes are no series)"] += int((~good).sum())
    else:
        taken.lost[f"rows of {part.table} without a number of their own (words, codes, or components, which are read apart)"] += int((~good).sum())  # fmt: skip
    found = found[good].reset_index(drop=True)
    variable, unit = _named(found, taken.names), found["unit"].map(lambda code: taken.names.get(code, code))
    units = unit.groupby(variable).transform("nunique")
    found["variable"] = variable.where(units < 2, variable + " [" + unit.fillna("no unit").astype(str) + "]")
    return found[[PERSON, "time", "variable", "value"]]


def _maybe(place: str) -> tuple[str, ...]:
    return (place,) if place else ()


def _named(found: pd.DataFrame, names: dict[str, str]) -> pd.Series[Any]:
    """Words for codes: the commonest label, with the code where two codes share it."""
    label = found["label"].where(found["label"].notna(), found["code"].map(names))
    words = label.groupby(found["code"]).agg(_commonest)
    shared = words[words.notna() & words.duplicated(keep=False)].index
    made = {
        code: code if word is None else f"{word} ({code})" if code in shared else str(word)
        for code, word in words.astype(object).where(words.notna(), None).items()
    }
    return found["code"].map(made).astype(object)


def _commonest(labels: pd.Series[Any]) -> str | None:
    found = labels.mode()
    return None if found.empty else str(found.iloc[0])


def _flags(taken: Taken, part: FlagsOf) -> None:
    """A flag for each of the commonest codes, or one."""
    import pandas as pd

    people, made = taken.manifest[PERSON], {}
    if part.name:
        found = taken.events(part, {place: (place,) for place in part.filled}, dated=False)
        if part.filled:
            said = found[list(part.filled)].map(lambda cell: cell is not None and str(cell).lower() not in NO)
            found = found[said.any(axis=1)]
        if len(found):
            made[part.name] = people.isin(found[PERSON]).astype(int)
    else:
        found = taken.events(part, {"code": _maybe(part.code), "label": _maybe(part.label)}, dated=False).dropna(subset="code")
        name, by = _named(found, taken.names), found[PERSON]
        common = by.groupby(name).nunique().sort_index().sort_values(ascending=False, kind="stable").index
        if rare := int((~name.isin(common[: part.most])).sum()):
            codes = len(common) - part.most
            taken.lost[f"rows of {part.table} of the {codes:,} rarer codes (a greater most takes them)"] += rare
        for word in common[: part.most]:
            made[f"{part.prefix}: {word}" if part.prefix else str(word)] = people.isin(by[name == word]).astype(int)
    taken.manifest = pd.concat([taken.manifest, pd.DataFrame(made)], axis=1)


def _texts(taken: Taken, part: TextsOf) -> None:
    """All texts of a person as one, in order of time."""
    found = taken.events(part, {f"text {at}": (place,) for at, place in enumerate(part.text)}, dated=False)
    if found.empty:
        return
    text = found["text 0"].map(lambda cell: None)
    for at, place in enumerate(part.text):
        cells = found[f"text {at}"]
        text = text.where(text.notna(), cells.map(_decoded) if place.rpartition(".")[2] == "data" else cells)
    filled = found.filter(like="text ").notna().any(axis=1)
    if wrong := int((filled & text.isna()).sum()):
        taken.lost[f"attachments of {part.table} that are no text (pictures, PDF)"] += wrong
    if empty := int((~filled).sum()):
        taken.lost[f"rows of {part.table} without a text (name another place in the mapping's text)"] += empty
    kept = found.assign(text=text).dropna(subset="text").sort_values("time", kind="stable")
    taken.lost[f"texts of {part.table} joined to another of the same person: their dates are not kept"] += len(kept) - kept[PERSON].nunique()  # fmt: skip
    taken.manifest[part.name] = taken.manifest[PERSON].map(kept.groupby(PERSON)["text"].agg("\n\n".join))


def _decoded(cell: Any) -> str | None:
    """A base64 attachment that holds a text."""
    if not isinstance(cell, str):
        return None
    try:
        return base64.b64decode(cell, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _age(taken: Taken) -> None:
    """Whole years at a person's first dated row."""
    import pandas as pd

    if not taken.mapping.persons.born or taken.manifest["born"].isna().all():
        return
    born = pd.to_datetime(taken.manifest["born"], format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
    first = pd.concat(taken.first).groupby(level=0).min() if taken.first else pd.Series(dtype="datetime64[ns]")
    age = ((taken.manifest[PERSON].map(first) - born).dt.total_seconds() / 86_400 / YEAR) // 1
    taken.lost["persons without an age (no birth date, or no dated row)"] += int(age.isna().sum())
    taken.manifest.insert(1, "age", age.astype("Int64"))


def _not_mapped(taken: Taken) -> None:
    """Tables and columns that no line of the mapping takes."""
    mapped = {table.lower() for table in taken.mapping.tables}
    for table, n in counts(taken.folder, taken.mapping.standard).items():
        if table.lower() not in mapped:
            taken.lost[f"rows of {table}, which the mapping does not take"] += n
    for table, left in taken.left.items():
        if left:
            taken.lost[f"columns of {table} that the mapping does not take: {', '.join(sorted(left))}"] += len(left)
