"""Values back into the cells that a column has: codes before `map`, decimals of `step`, marks and units of numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.cohorts.tables import USUAL, Form
from fpmg_plugins.datasets.folder.columns import FLAGS
from fpmg_plugins.datasets.folder.spec import ColumnSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Texts = list[str | None]

SYNTHETIC = "synthetic-"
FIRST = {"int32": 2_000_000_000, "uint32": 4_000_000_000}  # ids among whole numbers begin where a hospital's do not
NUMBER = re.compile(r"([-+]?)(\d+)(?:\.(\d*))?(.*)")  # sign, digits, digits behind the point, exponent
FIRST_OF_ALL = 9_000_000_000_000


def texts(spec: ColumnSpec, values: Sequence[Any] | NDArray[Any], form: Form | None = USUAL) -> Texts:
    """Cells of a column as text, None where missing. values [n]: names of categories; flags and numbers as float64.

    form: how the file writes numbers; None: its cells are numbers, which have no marks.
    """
    return INVERSES[spec.type](spec, values, form)


def _categories(spec: ColumnSpec, values: Sequence[Any] | NDArray[Any], form: Form | None) -> Texts:
    codes = {name: code(spec, name) for name in spec.all_categories}
    return [codes[value] if isinstance(value, str) else None for value in values]


def code(spec: ColumnSpec, category: str) -> str:
    """What the source writes for a category: the first key that `map` turns into it. A key that is only spelt otherwise is a variant of the name."""
    keys = [key for key, value in spec.map.items() if value is not None and str(value) == category]
    own = category not in spec.map or category in keys
    variants = all(key.strip().casefold() == category.strip().casefold() for key in keys)
    return category if own and variants else keys[0] if keys else category


def _flags(spec: ColumnSpec, values: Sequence[Any] | NDArray[Any], form: Form | None) -> Texts:
    keys = {FLAGS.get(str(value).lower()): key for key, value in reversed(list(spec.map.items())) if value is not None}
    words = {1.0: keys.get(1.0, "1"), 0.0: keys.get(0.0, "0")}
    return [words.get(float(value)) for value in values]


def _numbers(spec: ColumnSpec, values: Sequence[Any] | NDArray[Any], form: Form | None) -> Texts:
    found = number_texts(values, spec.step)
    if form is not None:
        found = [text if text is None else marked(text, spec, form) for text in found]
    if not spec.map:
        return found
    keys = {float(value): key for key, value in reversed(list(spec.map.items())) if value is not None}
    mapped = set(spec.map)  # a number that `map` would turn into another one is written by the key of its own, where there is one
    return [
        keys.get(float(value), text) if text in mapped else text for text, value in zip(found, np.asarray(values), strict=True)
    ]


def marked(text: str, spec: ColumnSpec, form: Form) -> str:
    """Python's 1234.5 as the file writes it: 1.234,5 kg. Digits stand in threes where the column has a mark for thousands."""
    decimal = spec.decimal or form.decimal
    thousands = form.thousands if spec.thousands is None else spec.thousands
    if decimal == "." and not thousands and not spec.suffix:
        return text
    found = NUMBER.fullmatch(text)
    assert found is not None, "a number that Python wrote"
    sign, whole, rest, exponent = found.groups()
    whole = f"{int(whole):,}".replace(",", thousands) if thousands else whole
    return sign + whole + (decimal + rest if rest else "") + exponent + spec.suffix


def number_texts(values: Sequence[Any] | NDArray[Any], step: float | None = None) -> Texts:
    """As many decimals as `step` has; without it whole numbers as such, others with the digits that single precision tells apart."""
    numbers = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(numbers)
    if step is not None:
        places = max(0, -int(Decimal(repr(step)).normalize().as_tuple().exponent))
        rounded = np.round(numbers, places) + 0.0  # no "-0"
        return [f"{value:.{places}f}" if there else None for value, there in zip(rounded.tolist(), known, strict=True)]
    return [_shortest(value) if there else None for value, there in zip(numbers.tolist(), known, strict=True)]


def _shortest(value: float) -> str:
    return str(int(value)) if value == int(value) else str(np.float32(value))


Inverse = Callable[[ColumnSpec, "Sequence[Any] | NDArray[Any]", Form | None], "Texts"]
INVERSES: Mapping[str, Inverse] = {"category": _categories, "flag": _flags, "number": _numbers}


def ids(n: int, stored: str) -> Texts:
    """Names that are nobody's: `synthetic-0001`, or large numbers where the column holds whole ones."""
    if "int" in stored or stored in ("double", "float"):
        first = FIRST.get(stored, 1 if stored.endswith(("8", "16")) else FIRST_OF_ALL)
        return [str(first + at) for at in range(n)]
    width = len(str(n))
    return [f"{SYNTHETIC}{at + 1:0{width}d}" for at in range(n)]
