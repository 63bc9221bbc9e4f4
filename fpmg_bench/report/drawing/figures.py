"""Plotly traces and layouts as plain dicts. Strings "var:--name" are colours of the page, put in when it is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fpmg_bench.report.drawing.palette import Style
from fpmg_bench.report.wording import as_float, byte_size

INK, MUTED, GRID, PANEL = "var:--ink", "var:--muted", "var:--line", "var:--panel"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis in the page's colours."""
    base = {
        "title": {"text": title, "standoff": 8},
        "gridcolor": GRID,
        "linecolor": GRID,
        "zerolinecolor": GRID,
        "automargin": True,
        "exponentformat": "power",
        "ticks": "",
    }
    return {**base, **more}


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
    """A quiet plot: no title (the page has one), no legend (the page has one), transparent paper."""
    base = {
        "height": height,
        "margin": {"l": 56, "r": 14, "t": 10, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": MUTED, "size": 12, "family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"},
        "hoverlabel": {"bgcolor": PANEL, "bordercolor": GRID, "font": {"color": INK}},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": dict(x),
        "yaxis": dict(y),
    }
    return {**base, **more}


def line(
    name: str,
    x: Sequence[Any],
    y: Sequence[Any],
    style: Style,
    *,
    dash: str = "",
    marks: bool = True,
    width: float = 2,
    **more: Any,
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
        "hovertemplate": f"{_safe(name)}<br>%{{x}}: %{{y:.4g}}<extra></extra>",
        **more,
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
) -> dict[str, Any]:
    """One method as one point with its intervals; ring: on the Pareto front."""
    trace: dict[str, Any] = {
        "type": "scatter",
        "name": name,
        "mode": "markers",
        "x": [x],
        "y": [y],
        "marker": {
            "color": style.colour,
            "symbol": style.marker,
            "size": 13,
            "line": {"color": INK if ring else PANEL, "width": 2.5 if ring else 1},
        },
        "hovertemplate": f"<b>{_safe(name)}</b><br>{hover}<extra></extra>",
    }
    for key, (value, band) in {"error_x": (x, bars.get("x")), "error_y": (y, bars.get("y"))}.items():
        at = as_float(value)
        if band is not None and at is not None and isinstance(value, (int, float)):
            trace[key] = {
                "type": "data",
                "symmetric": False,
                "array": [band[1] - at],
                "arrayminus": [at - band[0]],
                "color": style.colour,
                "thickness": 1.4,
                "width": 4,
            }
    return trace


def bars(name: str, x: Sequence[Any], y: Sequence[str], style: Style, hover: Sequence[str]) -> dict[str, Any]:
    """One stage of stacked horizontal bars."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": [_finite(v) for v in x],
        "y": list(y),
        "customdata": list(hover),
        "marker": {"color": style.colour, "line": {"color": PANEL, "width": 1}},
        "hovertemplate": f"%{{y}}<br>{_safe(name)}: %{{customdata}}<extra></extra>",
    }


def rule(*, x: float | None = None, y: float | None = None) -> dict[str, Any]:
    """A dotted reference line across the plot, at x or at y."""
    span = (
        {"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"}
        if x is not None
        else {"y0": y, "y1": y, "x0": 0, "x1": 1, "xref": "paper"}
    )
    return {"type": "line", **span, "line": {"color": MUTED, "width": 1.2, "dash": "dot"}, "layer": "below"}


def band(*, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None) -> dict[str, Any]:
    """A shaded reference interval."""
    if x is not None:
        place: dict[str, Any] = {"x0": x[0], "x1": x[1], "y0": 0, "y1": 1, "yref": "paper"}
    else:
        low, high = y or (0.0, 0.0)
        place = {"y0": low, "y1": high, "x0": 0, "x1": 1, "xref": "paper"}
    return {"type": "rect", **place, "fillcolor": "var:--shade", "line": {"width": 0}, "layer": "below"}


def _finite(value: Any) -> float | None:
    found = as_float(value)
    return None if found is None or found in (float("inf"), float("-inf")) else found


def _safe(text: str) -> str:
    """Plotly renders a little HTML in hover text: names of plug-ins and methods must not be read as such."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
