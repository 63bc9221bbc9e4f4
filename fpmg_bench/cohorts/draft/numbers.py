"""Numbers as people write them: which marks, units and bounds a column's cells have, and what range and step to draft."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST_WORDS = 10  # a column of numbers may hold that many different words
CELL = re.compile(r"\s*(?:([<>≤≥])=?\s*)?([-+]?(?:\d[\d.,' ]*\d|\d|[.,]\d+)(?:[eE][-+]?\d+)?)\s*(\D{0,12})", re.DOTALL)
PAIR = re.compile(r"\s*\d+(\.\d+)?\s*/\s*\d+(\.\d+)?\s*")
LEADING_ZERO = re.compile(r"[-+]?0\d+")
CODES = {float(sign * int(digit * n)) for digit in "89" for n in (1, 2, 3, 4, 5) for sign in (-1, 1) if n > 1 or sign < 0} | {
    -1.0
}
FAR = 10  # spans of the middle half by which a mistake is away from it
FINEST = 3  # decimals of a step
GRAINS = (100, 50, 25, 10, 5)  # of the last digit that cells have
FEWEST = 20  # values below which nothing is taken for a mistake


@dataclass(frozen=True)
class Seen:
    """values: of the cells that are numbers; words: of those that are none; keys: what to declare of the column.

    decimals: most digits behind the point; unclear: why its commas cannot be read, "" where they can.
    """

    values: pd.Series[Any]
    words: tuple[str, ...]
    keys: dict[str, Any] = field(default_factory=dict)
    decimals: int = 0
    unclear: str = ""


def look(known: pd.Series[Any]) -> Seen:
    """known: strings, none missing."""
    import numpy as np
    import pandas as pd

    codes, unique = pd.factorize(known)
    words = [str(word) for word in unique]
    plain = (
        pd.to_numeric(pd.Series(words, dtype=object), errors="coerce").replace([np.inf, -np.inf], np.nan).to_numpy(dtype=float)
    )
    keys: dict[str, Any] = {}
    unclear = ""
    if np.isnan(plain).any():
        counts = np.bincount(codes, minlength=len(words))
        keys, unclear = _keys([word for word, value in zip(words, plain, strict=True) if np.isnan(value)], words, counts)
        if keys:
            plain = np.array([_read(word, keys) for word in words], dtype=float)
    values = pd.Series(plain[codes], index=known.index).dropna()
    left = tuple(sorted(word for word, value in zip(words, plain, strict=True) if np.isnan(value)))
    read = [word for word, value in zip(words, plain, strict=True) if not np.isnan(value)]
    return Seen(values, left, keys, _most_decimals(read, keys), unclear)


def _keys(odd: list[str], words: list[str], counts: Any) -> tuple[dict[str, Any], str]:
    """(what the words that are no plain numbers need declared, why their commas are unclear)."""
    found = {word: match for word in words if (match := CELL.fullmatch(word))}
    strange = [found[word] for word in odd if word in found]
    if len(strange) < max(1, len(odd) - MOST_WORDS):
        return {}, ""
    keys, unclear = _marks([match[2] for match in found.values()])
    cells = dict(zip(words, counts, strict=True))
    units = Counter[str]()
    for word, match in found.items():
        units[match[3].rstrip()] += int(cells[word])
    unit = max((unit for unit in units if unit), key=lambda unit: units[unit], default="")
    if unit and units[unit] > sum(units.values()) / 2:
        spaced = sum(f" {unit}" in word for word in words) > len(words) / 2
        keys["suffix"] = f" {unit}" if spaced else unit
    for key, signs, pick in (("below", "<≤", min), ("above", ">≥", max)):
        if bounds := [match for match in strange if match[1] and match[1] in signs]:
            limits = [value for match in bounds if (value := _amount(match[2], keys)) is not None]
            if limits:
                keys[key] = pick(limits)
    return keys, unclear


def _marks(bodies: list[str]) -> tuple[dict[str, Any], str]:
    """Decimal and thousands marks. One comma with three digits behind it, and nothing else to go by, is unclear."""
    commas = [body for body in bodies if "," in body]
    if any(re.fullmatch(r"[-+]?\d{1,3}(\.\d{3})+,\d+", body) for body in commas):
        return {"decimal": ",", "thousands": "."}, ""
    if any(re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+\.\d*", body) or body.count(",") > 1 for body in commas):
        return {"thousands": ","}, ""
    if any(re.fullmatch(r"[-+]?\d{1,3}([ ']\d{3})+(,\d+)?", body) for body in bodies):
        mark = next(mark for mark in " '" if any(mark in body.strip() for body in bodies))
        return {"thousands": mark} | ({"decimal": ","} if commas else {}), ""
    if not commas:
        return {}, ""
    if any(re.fullmatch(r"[-+]?\d+\.\d+", body) for body in bodies) and all(
        re.fullmatch(r"[-+]?\d{1,3},\d{3}", c) for c in commas
    ):
        return {"thousands": ","}, ""
    if all(re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", body) for body in commas):
        return {"decimal": ","}, "1,234 may be 1.234 or 1234: declare decimal or thousands"
    return {"decimal": ","}, ""


def _amount(body: str, keys: dict[str, Any]) -> float | None:
    decimal, thousands = keys.get("decimal", "."), keys.get("thousands", "")
    digits = rf"\d{{1,3}}({re.escape(thousands)}\d{{3}})+|\d+" if thousands else r"\d+"
    if not re.fullmatch(rf"[-+]?(?:(?:{digits})(?:{re.escape(decimal)}\d*)?|{re.escape(decimal)}\d+)([eE][-+]?\d+)?", body):
        return None
    return float((body.replace(thousands, "") if thousands else body).replace(decimal, "."))


def _read(word: str, keys: dict[str, Any]) -> float:
    """As the folder dataset will; NaN of what it would refuse."""
    match = CELL.fullmatch(word)
    if not match or match[3].strip() not in ("", keys.get("suffix", "").strip()):
        return float("nan")
    if match[1] and (("below" if match[1] in "<≤" else "above") not in keys):
        return float("nan")
    value = _amount(match[2], keys)
    return float("nan") if value is None else value


def _most_decimals(words: list[str], keys: dict[str, Any]) -> int:
    """Digits behind the point, without zeros at the end; 9 where a number has an exponent, or more digits than a step is drafted for."""
    most, mark = 0, keys.get("decimal", ".")
    for word in words:
        body = word if not keys or not (found := CELL.fullmatch(word)) else found[2]
        most = max(most, len(body.partition(mark)[2].rstrip("0 ")))
        if most > FINEST or "e" in body or "E" in body:
            return 9
    return most


def is_pair(known: pd.Series[Any]) -> bool:
    """Two numbers in a cell, 120/80?"""
    return bool(known.str.fullmatch(PAIR).mean() > 0.9)


def bulk(values: pd.Series[Any]) -> tuple[float, float, list[str]]:
    """(low, high, what lies outside and why): all of the values, but not a few that are far from all others, nor codes for missing."""
    low, high, n = float(values.min()), float(values.max()), len(values)
    if n < FEWEST:
        return low, high, []
    told: list[str] = []
    negative = values[values < 0]
    coded = set(negative) <= CODES and negative.nunique() <= 2
    if 0 < len(negative) < n and (coded or (len(negative) <= max(1, n // 100) and _apart(values))):
        values = values[values >= 0]
        told.append(f"{len(negative)} below 0 ({', '.join(f'{each:g}' for each in sorted(set(negative))[:3])})")
    first, third = float(values.quantile(0.25)), float(values.quantile(0.75))
    span = (third - first) or float(values.std()) or 1.0
    for side in (-1, 1):
        away = values[side * (values - (third if side > 0 else first)) > FAR * span]
        rest = values.drop(away.index)
        gap = float((away.min() - rest.max()) if side > 0 else (rest.min() - away.max())) if len(away) and len(rest) else 0.0
        few = len(away) <= max(1, n // 50) or (away.nunique() == 1 and set(away) <= CODES)
        if few and gap > float(rest.max() - rest.min()) > 0:
            values = rest
            told.append(f"{len(away)} at {', '.join(f'{each:g}' for each in sorted(set(away))[:3])}")
    return float(values.min()) + 0.0, float(values.max()) + 0.0, told


def _apart(values: pd.Series[Any]) -> bool:
    """Are the numbers below 0 no tail of the others: farther from them than the middle half is wide?"""
    gap = float(values[values >= 0].min() - values[values < 0].max())
    return gap > float(values.quantile(0.75) - values.quantile(0.25))


def outward(low: float, high: float) -> tuple[float, float]:
    """The range to three figures of its span: a draft holds no patient's value to the last digit."""
    if not high > low:
        return low, high
    digits = 2 - math.floor(math.log10(high - low))
    grain = 10.0**digits
    return round(math.floor(low * grain) / grain, max(digits, 0)) + 0.0, round(math.ceil(high * grain) / grain, max(digits, 0))


def codes_among(values: pd.Series[Any], low: float, high: float) -> list[str]:
    """Codes for missing that may be values too: 99, 999, -9 inside of the range, at its end, more often than their neighbours."""
    counts = values.value_counts()
    ends = [each for each in (low, high) if each in CODES and counts.get(each, 0) >= 3 and abs(each) > 8]
    return [f"{each:g}" for each in dict.fromkeys(ends) if counts[each] >= 2 * counts.drop(each).max()]


def step(seen: Seen, low: float, high: float) -> float | None:
    """1, 0.1, 0.01 or 0.001, where no cell has more digits than that; 5 to 100 times that, where all values are on it (70, 80, 90)."""
    if seen.decimals > FINEST or (seen.decimals and seen.values.nunique() < 5):
        return None
    units = (seen.values * 10**seen.decimals).round()
    coarse = next((grain for grain in GRAINS if bool((units % grain == 0).all())), 1) if _many(seen, units) else 1
    made = round(coarse * 10.0**-seen.decimals, FINEST)
    return made if high - low >= made else None


def _many(seen: Seen, units: pd.Series[Any]) -> bool:
    """Enough values to tell; decimals that are all the same tell nothing."""
    ends = (units % 10).nunique() if seen.decimals else 2
    return len(seen.values) >= FEWEST and seen.values.nunique() > 2 and ends > 1
