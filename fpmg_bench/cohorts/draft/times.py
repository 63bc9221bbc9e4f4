"""Which columns of a table hold times, variables and values, and how its times are written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

TIME = (
    r"time|hours?|hour_?of_?.*|date_?time|time_?stamp",
    r"(chart|store|draw|sample|observation|effective|measure(ment)?|obs|result|recorded?|event)_?(date_?time|time|date)",
    r"days?|minutes?|date|visit(_?(day|date|time|nr|no|num|number))?|.*offset|zeit(punkt|stempel)?|tage?|datum",
    r".*(time|date)(stamp)?",
)
VARIABLE = (
    r"variable",
    r"param(eter)?(_?name)?|item_?(id|name)?|(lab|test|vital|analyte?)(_?(name|code|type))?|vital_?sign|measure(ment)?",
)
VALUE = (
    r"value",
    r"value_?num|val(ue)?_?numeric|numeric_?value|(lab|test|item)?_?(result|value)(_?value)?|val|measurement_?value|(mess|labor)?wert|ergebnis",
)
UNIT = (r"(.*_)?units?(_?(name|of_measure|source_value))?|uom|valueuom|einheit(en)?|messeinheit|unité",)
BEGINS = re.compile(r"admi(t|ssion)|in_?time|arrival|baseline|enrol|index_?date|start", re.IGNORECASE)
CLOCKS = (
    "ISO8601",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y",
    "%d.%m.%y %H:%M",
    "%m/%d/%y %H:%M",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%y %H:%M",
    "%Y%m%d%H%M%S",
    "%d-%b-%Y %H:%M",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d%b%Y:%H:%M:%S",
    "%d%b%Y",
    "%d.%m.%y",
    "%d.%m.%Y, %H:%M",
    "%Y%m%d %H:%M",
)
ELAPSED = r"(?:(\d+) days?,? )?(\d+):([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?"
SOME = 2000  # cells that tell how a column is written


def called(patterns: Iterable[str], names: Iterable[str]) -> str:
    """The column whose name is like one of the patterns, the surest pattern first; "" where none is."""
    listed = [str(name) for name in names]
    for pattern in patterns:
        for name in listed:
            if re.fullmatch(pattern, name.strip(), re.IGNORECASE):
                return name
    return ""


def roles(names: Iterable[str]) -> tuple[str, str, str] | None:
    """The columns (time, variable, value) of a table with one value a row; None where it is none."""
    listed = list(names)
    variable, value = called(VARIABLE, listed), called(VALUE, listed)
    time = called(TIME, [name for name in listed if name not in (variable, value)])
    return (time, variable, value) if time and variable and value else None


def formats(cells: pd.Series[Any]) -> list[str]:
    """Ways to read the cells as times that read all of them, or, where none does, the one that reads most; [] for numbers and words."""
    import pandas as pd

    known = cells.dropna().astype(str)
    some = known.sample(SOME, random_state=0) if len(known) > SOME else known
    if some.empty or pd.to_numeric(some, errors="coerce").notna().mean() > 0.5:
        return []
    shares = {"elapsed": float(some.str.fullmatch(ELAPSED).mean())}
    shares |= {clock: float(pd.to_datetime(some, format=clock, utc=True, errors="coerce").notna().mean()) for clock in CLOCKS}
    best = max(shares.values())
    return [clock for clock, share in shares.items() if share == best] if best > 0.5 else []


def seconds(cells: pd.Series[Any], clock: str) -> pd.Series[Any]:
    """Since 1970, or since the beginning where the clock is `elapsed`; NaN where a cell is no such time."""
    import pandas as pd

    if clock == "elapsed":
        parts = cells.astype("string").str.extract(rf"^{ELAPSED}$").astype(float).fillna({0: 0.0, 3: 0.0})
        return parts[0] * 86_400 + parts[1] * 3_600 + parts[2] * 60 + parts[3]
    read = pd.to_datetime(cells, format=clock, utc=True, errors="coerce")
    return (read - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
