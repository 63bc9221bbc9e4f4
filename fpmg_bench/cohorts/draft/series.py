"""Series that stand beside the table, in long or wide tables, or in it, one column an hour."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft import times
from fpmg_bench.cohorts.draft.columns import key
from fpmg_bench.cohorts.draft.dates import DATE, forms
from fpmg_bench.cohorts.draft.guess import NUMBERS
from fpmg_bench.cohorts.draft.numbers import FINEST, outward
from fpmg_bench.cohorts.draft.reading import DECLARED, MISSING, Rows, is_long, is_wide, read, tables_in
from fpmg_bench.document import plural

if TYPE_CHECKING:
    import pandas as pd

CHANNELS = 1000  # variables of a series that are drafted, the commonest first: a cohort.yaml has bounds of its own
STEPS, WHOLE_STEPS = 24, 96  # steps that are drafted, and where times are whole numbers
HIGH, LOW = 0.995, 0.005  # a series' values far beyond these shares of them are taken for mistakes
BULK, FAR = (0.1, 0.9), 10.0  # before that, what is so many spans beyond the bulk: 9999 stands for missing
WORDS = 10  # different words among the numbers of a variable
COMMA, COMMAS, SOME = r"-?\d+,\d+", 0.3, 2000  # decimal commas: how they look, in what share of so many cells
NAMED = 12  # variables that are named in a remark
UNIT_DAYS = 24 * 40  # hours from which on a dated series is told in days


@dataclass
class Part:
    """One table of a series: as cohort.yaml says it, and time [n] (seconds where clock is said), record [n] and values by variable.

    missing: words of this table alone that mean nothing; units: of variables that have one.
    """

    file: Path
    said: dict[str, Any]
    clock: dict[str, Any]
    time: pd.Series[Any]
    record: pd.Series[Any]
    values: Callable[[str], pd.Series[Any]]
    variables: list[str]
    remarks: list[str] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def from_first(self) -> bool:
        return bool(self.clock) and self.clock["format"] != "elapsed" and "since" not in self.clock


def series(root: Path, rows: Rows, record: str) -> str:
    """Modalities for the tables in the folder with times and repeated records; remarks on those that name no record.

    Tables with dates and no column to count from share one modality: its time begins with the first of a record's rows anywhere.
    """
    text, parts, frame = "", [], rows.frame
    for file in tables_in(root):
        if file != rows.file and (is_long(file) or is_wide(file)):
            part = _part(file, rows, record)
            if isinstance(part, str):
                text += part
            else:
                parts.append(part)
    together = [part for part in parts if part.from_first]
    for group in [*([together] if together else []), *([part] for part in parts if not part.from_first)]:
        text += _modality(group, frame, record)
    return text


def _part(file: Path, manifest: Rows, record: str) -> Part | str:
    """The table, or what to do so that it can be one."""
    import pandas as pd

    read_rows, frame = read(file), manifest.frame
    rows, records = read_rows.frame, set(frame[record].dropna()) if record else set()
    mark = next((str(name) for name in rows.columns if set(rows[name].dropna()) & records), None)
    if mark is None:
        return f"# FILL IN: {file.name} is a long series, but none of its columns names records of the table: record, above\n"
    mine = rows[rows[mark].isin(records)]
    roles = times.roles(str(name) for name in rows.columns) if is_long(file) else None
    time = roles[0] if roles else times.called(times.TIME, map(str, rows.columns))
    said: dict[str, Any] = (
        {"file": file.name}
        | _form(read_rows, manifest)
        | {"record": mark}
        | ({} if roles else {"layout": "wide"})
        | _named("time", time)
    )
    ways = times.formats(mine[time])
    clock, remarks = _clock(ways, frame), []
    if len(rows) > len(mine):
        remarks.append(f"{plural(len(rows) - len(mine), 'row')} of records that the table does not list are not read")
    if len(ways) > 1 and any(way.startswith("%m/") for way in ways):
        remarks.append("FILL IN: days first, or months first (%m/%d)?")
    words = [each for each in read_rows.missing if each not in (manifest.missing or MISSING)]
    cells = mine[roles[2]] if roles else mine[[name for name in rows.columns if name not in (mark, time)]].stack()
    if bool(cells.dropna().astype(str).head(SOME).str.fullmatch(COMMA).mean() > COMMAS):
        said["decimal"] = ","
    read_as = times.seconds(mine[time], clock["format"]) if clock else pd.to_numeric(mine[time], errors="coerce")
    if not read_as.notna().any():
        return f"# FILL IN: {file.name} is a series whose column {time} holds neither numbers nor dates of a known form: clock, in docs/folder-cohorts.md\n"
    if wrong := int(read_as.isna().sum()):
        remarks.append(
            f"FILL IN: {plural(wrong, 'cell')} of column {time} {'are' if wrong > 1 else 'is'} no such time: mend them"
        )
    if not roles:
        known, others = _wide(mine, mark, time, said.get("decimal", "."), clock)
        remarks += others
        return Part(file, said, clock, read_as, mine[mark], lambda name: mine[name], known, remarks, missing=words)
    said |= _named("variable", roles[1]) | _named("value", roles[2])
    mine, column, units, others = _in_units(mine, roles)
    said |= {"units": column} if column else {}
    remarks += others
    groups = mine[roles[2]].groupby(mine[roles[1]])
    return Part(
        file,
        said,
        clock,
        read_as,
        mine[mark],
        groups.get_group,
        [*mine[roles[1]].value_counts().index.astype(str)],
        remarks,
        units,
        words,
    )


def _wide(rows: pd.DataFrame, mark: str, time: str, decimal: str, clock: dict[str, Any]) -> tuple[list[str], list[str]]:
    """(columns of a wide table that are channels, remarks on the others)."""
    rest = [str(name) for name in rows.columns if name not in (mark, time)]
    known = [name for name in rest if numeric(rows[name], decimal).notna().any() and not _constant_by_record(rows, mark, name)]
    dated = {name: line for name in rest if name not in known and (line := _dated(name, rows[name], clock))}
    remarks = [*dated.values()]
    if left := [name for name in rest if name not in dated and name not in known]:
        remarks.append(f"columns left out (words, or the same in all rows of a record): {_listed(left)}")
    return known, remarks


def _in_units(rows: pd.DataFrame, roles: tuple[str, str, str]) -> tuple[pd.DataFrame, str, dict[str, str], list[str]]:
    """(rows in the commonest unit of their variable, the column of units or "", that unit by variable, remarks on the others)."""
    column = times.called(times.UNIT, (str(name) for name in rows.columns if name not in roles))
    if not column or not rows[column].notna().any():
        return rows, "", {}, []
    said = rows[[roles[1], column]].dropna()
    usual = {str(name): str(cells.mode().iloc[0]) for name, cells in said.groupby(roles[1])[column]}
    other = rows[column].notna() & (rows[column] != rows[roles[1]].map(usual))
    counts = rows.loc[other, roles[1]].value_counts()
    remarks = [
        f"{plural(int(n), 'value')} of {name} {'are' if n > 1 else 'is'} in another unit than {usual[name]}, and not read: convert them in the file"
        for name, n in ((str(name), n) for name, n in counts.items())
    ]
    return rows[~other], column, usual, remarks


def _named(role: str, column: str) -> dict[str, str]:
    return {} if column == role else {role: column}


def numeric(cells: pd.Series[Any], decimal: str = ".") -> pd.Series[Any]:
    """Numbers with this decimal mark, NaN for words."""
    import pandas as pd

    if decimal != ".":
        cells = cells.astype("string").str.replace(decimal, ".", regex=False)
    return pd.to_numeric(cells, errors="coerce").astype("float64")


def _form(rows: Rows, manifest: Rows) -> dict[str, Any]:
    """How the file is written, where it is not as the manifest."""
    both = {name: (getattr(rows.form, name), getattr(manifest.form, name)) for name in DECLARED}
    return {name: its for name, (its, usual) in both.items() if its != usual}


def _constant_by_record(rows: pd.DataFrame, mark: str, name: str) -> bool:
    """A site or patient id, repeated in every row of its record."""
    return bool((rows.groupby(mark)[name].nunique() <= 1).all())


def _clock(ways: list[str], frame: pd.DataFrame) -> dict[str, Any]:
    """How dates become times: since a date of the table whose name says that it is a beginning, or since the record's first."""
    if not ways:
        return {}
    clock: dict[str, Any] = {"format": ways[0]}
    for name in frame.columns if ways[0] != "elapsed" else ():
        written = times.formats(frame[name]) if times.BEGINS.search(str(name)) else []
        if written and written[0] != "elapsed" and bool(times.seconds(frame[name], written[0]).notna().any()):
            return clock | {"since": str(name)} | ({"since_format": written[0]} if written[0] != ways[0] else {})
    return clock


def _modality(parts: list[Part], frame: pd.DataFrame, record: str) -> str:
    """One modality of one or several tables."""
    import pandas as pd

    time = pd.concat([_told(part, parts, frame, record) for part in parts])
    days = bool(parts[0].clock) and float(time.quantile(HIGH)) > UNIT_DAYS
    time = time / 24 if days else time
    text = f"  {key('_'.join(part.file.stem for part in parts))}:\n    kind: series\n"
    for at, part in enumerate(parts):
        text += "    more:\n" if at == 1 else ""
        text += _table(
            part,
            days,
            "        " if at else "    ",
            bool(at),
            "" if at else _axis(time, ("days" if days else "hours") if part.clock else "the units of the file"),
        )
    return text


def _told(part: Part, parts: list[Part], frame: pd.DataFrame, record: str) -> pd.Series[Any]:
    """Times as the folder dataset will tell them; of clocks in hours."""
    import pandas as pd

    if not part.clock or part.clock["format"] == "elapsed":
        return part.time / 3600 if part.clock else part.time
    if part.from_first:
        all_of = pd.concat([each.time for each in parts])
        begin = all_of.groupby(pd.concat([each.record for each in parts])).min()
    else:
        since = part.clock["since"]
        begin = times.seconds(frame[since], part.clock.get("since_format", part.clock["format"])).set_axis(frame[record])
        begin = begin[~begin.index.duplicated()]
    return (part.time - part.record.map(begin)) / 3600


def _table(part: Part, days: bool, indent: str, listed: bool, axis: str) -> str:
    clock = {"clock": part.clock | ({"unit": "days"} if days else {})} if part.clock else {}
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in (part.said | clock).items()]
    if part.from_first:
        lines[-1] += "  # times count from a record's first; `since: COLUMN` counts from a date of the table"
    text = "".join(f"{indent}{line}\n" for line in lines)
    text = text.replace(indent, f"{indent[:-2]}- ", 1) if listed else text
    channels, left = _channels(part)
    text += axis + "".join(f"{indent}# {remark}\n" for remark in (*part.remarks, *left))
    return text + f"{indent}columns:\n" + "".join(f"{indent}  - {line}\n" for line in channels)


def _axis(time: pd.Series[Any], unit: str) -> str:
    """window and steps; unit: of the times."""
    low, high = float(time.quantile(LOW)), float(time.quantile(HIGH))
    start = float(time.min()) if time.min() >= low - (high - low) / 4 else math.floor(low)
    stop = max(math.floor(high) + 1, start + 1)  # a window's end does not belong to it
    outside = int(((time < start) | (time >= stop)).sum())
    steps = min(STEPS, time.nunique())
    if grid := _grid(time[(time >= start) & (time < stop)]):
        start, stop, steps = grid
    beyond = f"; {plural(outside, 'row lies', 'rows lie')} outside and will be counted" if outside else ""
    text = f"    window: [{start:g}, {stop:g}]           # the time that is kept, in {unit}{beyond}\n"
    return text + f"    steps: {steps}                # equal bins of the window; values in a bin are averaged\n"


def _grid(time: pd.Series[Any]) -> tuple[float, float, int] | None:
    """(start, stop, steps) of bins in whose middle whole times lie, so that a release has the same ones: 0, 12, 24 or 14, 28, 42."""
    known = sorted(set(time.dropna()))
    if len(known) < 2 or any(each % 1 for each in known):
        return None
    apart = math.gcd(*(int(later - known[0]) for later in known))
    steps = int(known[-1] - known[0]) // apart + 1
    return (known[0] - apart / 2, known[-1] + apart / 2, steps) if steps <= WHOLE_STEPS else None


def _channels(part: Part) -> tuple[list[str], list[str]]:
    """(lines of columns, remarks on variables that are none)."""
    lines, constant, words, dated = [], [], [], []
    for name in part.variables[:CHANNELS]:
        cells = part.values(name).dropna()
        found = numeric(cells, part.said.get("decimal", "."))
        others = sorted({*cells[found.isna()].astype(str), *part.missing})
        found = found[found.notna() & (found.abs() < math.inf)]
        if (len(others) > WORDS or found.empty) and (line := _dated(name, cells, part.clock)):
            dated.append(line)
        elif len(others) > WORDS or found.empty:
            words.append(name)
        elif found.nunique() < 2:
            constant.append(name)
        else:
            lines.append(channel(name, found, others, unit=part.units.get(name, "")))
    remarks = [f"left out, the same everywhere: {_listed(constant)}"] if constant else []
    remarks += [f"left out, words and not numbers: {_listed(words)}"] if words else []
    beyond = part.variables[CHANNELS:]
    remarks += dated
    return lines, remarks + ([f"left out, the rarest variables: {_listed(beyond)}"] if beyond else [])


def _dated(name: str, cells: pd.Series[Any], clock: dict[str, Any]) -> str:
    """A remark with the channel that a column or variable of dates could be; "" where it is none."""
    found = forms(cells) if bool(cells.dropna().astype(str).head(SOME).str.fullmatch(DATE).mean() > NUMBERS) else []
    if not found:
        return ""
    made = {"name": f"days to {name}", "column": name, "date": found[0], "since": clock.get("since", "2000-01-01")}
    written = clock.get("since_format", clock.get("format", ""))
    made |= {"since_date": written} if "since" in clock and written not in ("ISO8601", found[0]) else {}
    more = f" (or {', '.join(found[1:])})" if found[1:] else ""
    line = json.dumps(made | {"low": -20000, "high": 20000, "unit": "days"}, ensure_ascii=False)
    return f"left out: {name} (dates{more}); narrow the range, put it under columns: - {line}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def channel(name: str, found: pd.Series[Any], words: list[str], column: str = "", unit: str = "") -> str:
    """A channel whose range is that of the bulk of its numbers."""
    low, high = span(found)
    if bool((found % 1 == 0).all()):
        low, high = float(math.floor(low)), float(math.ceil(high))
    made: dict[str, Any] = {"name": name} | ({"column": column} if column else {}) | {"low": low, "high": high}
    if grain := fineness(found):
        made |= {"step": grain}
    made |= {"unit": unit} if unit else {}
    made |= {"outside": "missing"} | ({"map": dict.fromkeys(words, None)} if words else {})
    beyond = int(((found < low) | (found > high)).sum())
    told = [f"{plural(beyond, 'value')} beyond read as missing"] if beyond else []
    told += [f"{plural(len(words), 'word')} among the numbers read as missing"] if words else []
    return json.dumps(made, ensure_ascii=False) + (f"  # {'; '.join(told)}" if told else "")


def fineness(found: pd.Series[Any]) -> float | None:
    """1, 0.1, 0.01 or 0.001, on which all of the numbers are; None where some are finer."""
    for places in range(FINEST + 1):
        if bool(((found - found.round(places)).abs() <= 1e-9 * found.abs().clip(lower=1)).all()):
            return 1 if not places else 10.0**-places
    return None


def span(found: pd.Series[Any]) -> tuple[float, float]:
    """All of the values but those farther than half the common span beyond it; those are read as missing and counted.

    What is ten spans beyond the middle eight tenths goes first: where one value in fifty is 99999, it is among the common ones.
    """
    first, last = (float(found.quantile(share)) for share in BULK)
    if last > first:
        reach = FAR * (last - first)
        found = found[(found >= first - reach) & (found <= last + reach)]
    low, high = float(found.quantile(LOW)), float(found.quantile(HIGH))
    half = ((high - low) or 1.0) / 2
    low, high = max(float(found.min()), low - half), min(float(found.max()), high + half)
    if not low < high:
        return low, low + 1.0
    return outward(low, high)
