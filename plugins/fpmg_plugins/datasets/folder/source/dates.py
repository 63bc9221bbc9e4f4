"""Days and hours back into dates, counted from a made-up day: when somebody was really there is in no release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Moments = NDArray[np.datetime64]
    Texts = list[str | None]

MADE_UP = np.datetime64("2000-01-01", "us")
ISO, ISO_FORM = "ISO8601", "%Y-%m-%d %H:%M:%S"
UNITS = (("%f", "us"), ("%S", "s"), ("%M", "m"), ("%H", "h"), ("%I", "h"))
LONGEST = 95_000  # days: with them a date stays one that pandas can hold
DAY = 86_400.0


def after(begin: Moments, seconds: NDArray[np.float64]) -> Moments:
    """Moments [n], none where either is unknown or centuries away."""
    known = np.abs(np.nan_to_num(seconds, nan=np.inf)) <= LONGEST * DAY
    span = (np.where(known, seconds, 0.0) * 1e6).round().astype("timedelta64[us]")
    found: Moments = np.where(known, begin + span, np.datetime64("NaT", "us"))
    return found


def rounded(moments: Moments, form: str) -> Moments:
    """To what the form tells: whole minutes of "%H:%M", whole days of a date alone."""
    return floor(moments + step(form) // 2, form)


def floor(moments: Moments, form: str) -> Moments:
    """The last moment that the form can tell."""
    found: Moments = moments.astype(f"datetime64[{_unit(form)}]").astype("datetime64[us]")
    return found


def step(form: str) -> Any:
    """Between two moments that the form tells apart."""
    return np.timedelta64(1, _unit(form)).astype("timedelta64[us]")


def _unit(form: str) -> Any:
    return "s" if form == ISO else next((unit for mark, unit in UNITS if mark in form), "D")


def texts(moments: Moments, form: str) -> Texts:
    """Cells in strptime's form, None where unknown, or where the form cannot tell which one it is (two digits of a year)."""
    whole = pd.Series(rounded(moments, form))
    zoned = whole.dt.tz_localize("UTC") if "%z" in form else whole
    words: pd.Series[Any] = zoned.dt.strftime(ISO_FORM if form == ISO else form)
    read = pd.to_datetime(words, format=form, errors="coerce", utc=True).dt.tz_localize(None)
    return [word if good else None for word, good in zip(words, read == whole, strict=True)]


def elapsed(seconds: NDArray[np.float64]) -> Texts:
    """Hours and minutes since the beginning: 36:30, with seconds where there are any; before it there is nothing to tell."""
    whole = np.maximum(np.rint(np.nan_to_num(seconds)), 0).astype(np.int64)
    return [
        f"{at // 3600:02d}:{at % 3600 // 60:02d}" + (f":{at % 60:02d}" if at % 60 else "") if known else None
        for at, known in zip(whole.tolist(), ~np.isnan(seconds), strict=True)
    ]
