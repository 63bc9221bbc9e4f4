"""Traces and layouts of a drawing as plain dicts (the words are plotly's); `chart` makes them SVG. Colours are the page's CSS variables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fpmg_bench.report.drawing.palette import Style
from fpmg_bench.report.wording import as_float, byte_size, number


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis. type: linear, log (range in powers of ten) or category; rangemode "tozero"; tickvals with ticktext; dtick with tick0."""
    return {"title": title, **more}


def whole(values: Sequence[int]) -> dict[str, Any]:
    """Ticks of an axis of rounds: whole numbers, seven at the most."""
    step = max(1, -(-max(values, default=1) // 7))
    return {"tick0": 0 if step > 1 else 1, "dtick": step}


def byte_ticks(values: Sequence[float | None]) -> dict[str, Any]:
    """Ticks of a logarithmic axis of bytes that covers these values: powers of ten, and as many steps between them as the range leaves room for."""
    found = [math.log10(v) for v in values if v is not None and v > 0]
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    low, high = low - 0.15 - 0.05 * (high - low), high + 0.15 + 0.05 * (high - low)
    steps = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if high - low < 1 else (1, 2, 5) if high - low < 3 else (1,)
    ticks = [
        s * 10**k for k in range(math.floor(low), math.ceil(high) + 1) for s in steps if low <= math.log10(s * 10**k) <= high
    ]
    return {"range": [round(low, 4), round(high, 4)], "tickvals": ticks, "ticktext": [byte_size(t) for t in ticks]}


def layout(x: Mapping[str, Any], y: Mapping[str, Any], *, height: int = 300, **more: Any) -> dict[str, Any]:
    """Axes, height in pixels at the usual width, and shapes (`rule`, `band`). The page has titles and legends, the drawing none."""
    return {"height": height, "xaxis": dict(x), "yaxis": dict(y), **more}


def line(
    name: str,
    x: Sequence[Any],
    y: Sequence[Any],
    style: Style,
    *,
    dash: str = "",
    marks: bool = True,
    width: float = 2,
    opacity: float = 1,
) -> dict[str, Any]:
    """Values over rounds. None leaves a gap."""
    return {
        "type": "scatter",
        "name": name,
        "mode": "lines+markers" if marks else "lines",
        "x": list(x),
        "y": [_finite(v) for v in y],
        "line": {"color": style.colour, "width": width, "dash": dash or style.dash},
        "marker": {"color": style.colour, "symbol": style.marker, "size": 6},
        "hover": [f"{name}\n{at}: {number(value)}" for at, value in zip(x, y, strict=True)] if marks else [],
        "opacity": opacity,
    }


def dot(
    name: str,
    x: Any,
    y: Any,
    style: Style,
    *,
    bars: Mapping[str, tuple[float, float] | None],
    ring: bool = False,
    hover: str = "",
    label: str = "",
) -> dict[str, Any]:
    """One method as one point with its intervals; ring: on the Pareto front; label: words beside the mark."""
    trace: dict[str, Any] = {
        "type": "scatter",
        "name": name,
        "mode": "markers",
        "x": [x],
        "y": [y],
        "marker": {"color": style.colour, "symbol": style.marker, "size": 13, "ring": ring},
        "hover": [f"{name}\n{hover}".replace("<br>", "\n")],
        "label": label,
    }
    for key, (value, band) in {"error_x": (x, bars.get("x")), "error_y": (y, bars.get("y"))}.items():
        at = as_float(value)
        if band is not None and at is not None and isinstance(value, (int, float)):
            trace[key] = {"array": [band[1] - at], "arrayminus": [at - band[0]]}
    return trace


def bars(name: str, x: Sequence[Any], y: Sequence[str], style: Style, hover: Sequence[str]) -> dict[str, Any]:
    """One stage of stacked horizontal bars."""
    return {
        "type": "bar",
        "name": name,
        "x": [_finite(v) for v in x],
        "y": list(y),
        "hover": [f"{at}\n{name}: {said}" for at, said in zip(y, hover, strict=True)],
        "marker": {"color": style.colour},
    }


def rule(*, x: float | None = None, y: float | None = None) -> dict[str, Any]:
    """A dotted reference line across the plot, at x or at y."""
    return {"type": "line", "x": x, "y": y}


def band(*, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None) -> dict[str, Any]:
    """A shaded reference interval."""
    return {"type": "rect", "x": x, "y": y}


def _finite(value: Any) -> float | None:
    found = as_float(value)
    return None if found is None or found in (float("inf"), float("-inf")) else found
