"""Columns of dates: their form, and from which day they can be counted."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

DAYS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%y",
    "%d%b%Y",
    "%Y%m%d",
)
TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M", " %H:%M:%S.%f", "T%H:%M:%S.%f", " %H:%M:%S%z", "T%H:%M:%S%z")
DAY_NAMES = r"\d{1,2}(?:[- ][A-Za-z]{3}[- ]\d{2}(?:\d{2})?|[A-Za-z]{3}\d{4})"
DATE = re.compile(rf"(\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](\d{{4}}|\d{{2}})|{DAY_NAMES})([T ].*)?")
COMPACT = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")  # 20200131, in a column that is called as dates are
CALLED = re.compile(r"dat(e|um)|(^|[_\W])(day|tag|dt)s?($|[_\W])", re.IGNORECASE)
SHOWN = 200  # cells that are tried first


def forms(values: pd.Series[Any]) -> list[str]:
    """Every form of strptime by which all of the cells are dates: two of them where day and month cannot be told apart."""
    import pandas as pd

    known = pd.Series(values.dropna().astype(str).unique())
    some = known.head(SHOWN)

    def all_read(cells: pd.Series[Any], form: str) -> bool:
        return bool(pd.to_datetime(cells, format=form, errors="coerce", utc=True).notna().all())

    return [form for day in DAYS for time in TIMES if all_read(some, form := day + time) and all_read(known, form)]


def columns(frame: pd.DataFrame, names: list[str]) -> list[str]:
    """Lines of the table, active or as comments. The earliest of a record's dates is what the others are counted from."""
    import pandas as pd

    found = {name: forms(frame[name]) for name in names}
    read = {
        name: pd.to_datetime(frame[name], format=form[0], errors="coerce", utc=True)
        for name, form in found.items()
        if len(form) == 1
    }
    first = _first(read)
    lines = []
    for name, form in found.items():
        if len(form) != 1:
            lines.append(
                _comment(
                    name,
                    form or ["%Y-%m-%d"],
                    "of more than one form, or of an unknown one" if not form else "day or month first?",
                )
            )
        elif name == first or not first:
            lines.append(_comment(name, form, "take the # away to count from a day of your choice"))
        else:
            lines.append(_days(name, form[0], first, found[first][0], (read[name] - read[first]).dt.total_seconds() / 86400))
    return lines


def _first(read: dict[str, pd.Series[Any]]) -> str:
    """The date before which few of the others lie, "" where there is one date only."""
    if len(read) < 2:
        return ""
    order = sorted(read, key=lambda name: read[name].median())
    base = read[order[0]]
    later = all(float((read[name] >= base)[read[name].notna() & base.notna()].mean()) > 0.9 for name in order[1:])
    return order[0] if later and bool(base.notna().mean() > 0.9) else ""


def _days(name: str, form: str, first: str, first_form: str, days: pd.Series[Any]) -> str:
    from fpmg_bench.cohorts.draft.numbers import bulk

    known = days.dropna()
    low, high, told = bulk(known) if len(known) else (0.0, 1.0, [])
    made: dict[str, Any] = {"name": f"days to {name}", "column": name, "date": form, "since": first}
    made |= {"since_date": first_form} if first_form != form else {}
    low, high = float(math.floor(low)), float(math.ceil(high))  # to the day: a patient's minutes are in no draft
    made |= {"low": low, "high": max(high, low + 1)} | ({"step": 1.0} if bool((known % 1 == 0).all()) else {})
    made |= {"unit": "days"} | ({"outside": "missing"} if told else {})
    return f"{json.dumps(made, ensure_ascii=False)}  # days since {first}{'; outside: ' + ', '.join(told) if told else ''}\n"


def _comment(name: str, form: list[str], why: str) -> str:
    made = {
        "name": f"days to {name}",
        "column": name,
        "date": form[0],
        "since": "2000-01-01",
        "low": 0,
        "high": 20000,
        "unit": "days",
    }
    more = f" (or {', '.join(form[1:])})" if form[1:] else ""
    return f"# left out: {name} (dates: {why}{more}): - {json.dumps(made, ensure_ascii=False)}\n"
