"""A plot as SVG, drawn when the page is written: it needs no script, prints, and takes the colours of the page it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from fpmg_bench.report.drawing.labels import beside
from fpmg_bench.report.drawing.marks import trace
from fpmg_bench.report.drawing.scales import Scale, scale

WIDTH = 440
TEXT = 6.4  # pixels a letter, of the drawing's 12-pixel letters
LONGEST = 26  # letters of a category's name


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the axes stand, in pixels."""

    left: float
    right: float
    top: float
    bottom: float


def svg(traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> str:
    """The drawing of these traces. Raises ValueError for a type of trace that is not drawn here."""
    height = float(layout["height"])
    x_axis, y_axis = layout["xaxis"], layout["yaxis"]
    ys = scale(y_axis, _values(traces, "y"), height - 46, 10)
    frame = Frame(_margin(ys, y_axis), WIDTH - 12, 10, height - 46)
    stacked = any(each["type"] == "bar" for each in traces)
    xs = scale({"rangemode": "tozero", **x_axis} if stacked else x_axis, _values(traces, "x"), frame.left, frame.right)
    parts = [*_grid(frame, xs, ys), *_shapes(frame, xs, ys, layout.get("shapes") or ()), *_titles(frame, x_axis, y_axis, height)]
    ends: dict[str, float] = {}
    parts += [trace(each, xs, ys, ends) for each in traces]
    parts += beside(traces, xs, ys, (frame.left, frame.right, frame.top, frame.bottom))
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {height:g}" aria-hidden="true">{"".join(parts)}</svg>'


def _values(traces: Sequence[Mapping[str, Any]], key: str) -> Iterator[Any]:
    """All values of an axis, ends of intervals and of stacked bars included."""
    sums: dict[str, float] = {}
    for each in traces:
        if each["type"] == "bar" and key == "x":
            for name, value in zip(each["y"], each["x"], strict=True):
                sums[name] = sums.get(name, 0.0) + (value or 0.0)
            continue
        yield from each[key]
        error = each.get(f"error_{key}")
        if error:
            yield from (v + up for v, up in zip(each[key], error["array"], strict=True) if v is not None)
            yield from (v - down for v, down in zip(each[key], error["arrayminus"], strict=True) if v is not None)
    yield from sums.values()


def _margin(ys: Scale, axis: Mapping[str, Any]) -> float:
    letters = max((min(len(words), LONGEST) for _, words in ys.ticks), default=0)
    return 12 + TEXT * letters + (18 if axis["title"] else 0)


def _grid(frame: Frame, xs: Scale, ys: Scale) -> Iterator[str]:
    free = -1e9
    for at, words in xs.ticks:
        yield f'<path class="grid" d="M{at:.1f} {frame.top:g}V{frame.bottom:g}"/>'
        half = TEXT * len(words) / 2
        if at - half > free and at + half <= WIDTH:
            yield f'<text x="{at:.1f}" y="{frame.bottom + 15:g}" text-anchor="middle">{escape(words)}</text>'
            free = at + half + 6
    for at, words in ys.ticks:
        yield f'<path class="grid" d="M{frame.left:g} {at:.1f}H{frame.right:g}"/>'
        said = words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
        whole = f"<title>{escape(words)}</title>" if said != words else ""
        yield f'<text x="{frame.left - 6:g}" y="{at + 4:.1f}" text-anchor="end">{whole}{escape(said)}</text>'


def _shapes(frame: Frame, xs: Scale, ys: Scale, shapes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for shape in shapes:
        across, drawn = ("x", xs) if shape["x"] is not None else ("y", ys)
        ends = [drawn.at(v) for v in (shape[across] if shape["type"] == "rect" else (shape[across],))]
        low, high = (frame.left, frame.right) if across == "x" else (frame.top, frame.bottom)
        known = [min(max(at, low), high) for at in ends if at is not None]
        outside = shape["type"] == "line" and known != ends
        if len(known) < len(ends) or outside:
            continue
        if shape["type"] == "line":
            path = (
                f"M{known[0]:.1f} {frame.top:g}V{frame.bottom:g}"
                if across == "x"
                else f"M{frame.left:g} {known[0]:.1f}H{frame.right:g}"
            )
            yield f'<path class="rule" d="{path}"/>'
        else:
            (a, b), span = sorted(known), (frame.left, frame.right, frame.top, frame.bottom)
            box = (a, span[2], b - a, span[3] - span[2]) if across == "x" else (span[0], a, span[1] - span[0], b - a)
            yield '<rect class="band" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'.format(*box)


def _titles(frame: Frame, x: Mapping[str, Any], y: Mapping[str, Any], height: float) -> Iterator[str]:
    if x["title"]:
        yield f'<text class="axis" x="{(frame.left + frame.right) / 2:.1f}" y="{height - 10:g}" text-anchor="middle">{escape(x["title"])}</text>'
    if y["title"]:
        middle = (frame.top + frame.bottom) / 2
        yield f'<text class="axis" transform="translate(13 {middle:.1f}) rotate(-90)" text-anchor="middle">{escape(y["title"])}</text>'
