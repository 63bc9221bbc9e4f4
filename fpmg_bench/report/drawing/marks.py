"""Traces as SVG: lines, marks with their intervals, stacked bars. Each is a group that the page's legend can switch off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from html import escape
from typing import Any

from fpmg_bench.report.drawing.palette import PATHS
from fpmg_bench.report.drawing.scales import Scale

DASHES = {"solid": "", "dash": "7 4", "dashdot": "8 3 2 3", "longdash": "11 4", "dot": "2 3", "longdashdot": "12 4 2 4"}
BAR = 0.62  # of a category's height


def trace(each: Mapping[str, Any], xs: Scale, ys: Scale, ends: MutableMapping[str, float]) -> str:
    """One trace. ends: where the bars of each category end so far. Raises ValueError for another type than scatter and bar."""
    kinds = {"scatter": _scatter, "bar": _bars}
    if each["type"] not in kinds:
        raise ValueError(f"a trace of type {each['type']!r} cannot be drawn: only {' and '.join(kinds)}")
    colour = each["marker"]["color"]
    opacity = f";opacity:{each['opacity']:g}" if each.get("opacity", 1) != 1 else ""
    inside = "".join(kinds[each["type"]](each, xs, ys, ends))
    return f'<g data-name="{escape(each["name"])}" style="color:{colour}{opacity}">{inside}</g>'


def _scatter(each: Mapping[str, Any], xs: Scale, ys: Scale, _: Any) -> Iterator[str]:
    at = [(xs.at(x), ys.at(y)) for x, y in zip(each["x"], each["y"], strict=True)]
    if "lines" in each["mode"]:
        yield _path(at, each["line"])
    if "markers" not in each["mode"]:
        return
    for i, (x, y) in enumerate(at):
        if x is not None and y is not None:
            said = f"<title>{escape(each['hover'][i])}</title>" if each.get("hover") else ""
            yield f"<g>{said}{_whiskers(each, i, xs, ys, x, y)}{_mark(each['marker'], x, y)}</g>"


def _path(at: list[tuple[float | None, float | None]], line: Mapping[str, Any]) -> str:
    steps, pen = [], "M"
    for x, y in at:
        if x is None or y is None:
            pen = "M"
            continue
        steps.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return f'<path class="line" stroke-width="{line["width"]:g}"{dashed(line["dash"])} d="{"".join(steps)}"/>'


def dashed(name: str) -> str:
    """A dash of the palette as an attribute; none of a solid line."""
    return f' stroke-dasharray="{DASHES[name]}"' if DASHES[name] else ""


def _mark(marker: Mapping[str, Any], x: float, y: float) -> str:
    """A palette's path, 14 pixels wide, at its size."""
    size = marker["size"] / 10
    ring = ' class="ring"' if marker.get("ring") else ""
    return f'<g{ring} transform="translate({x - 7 * size:.1f} {y - 7 * size:.1f}) scale({size:g})">{PATHS[marker["symbol"]]}</g>'


def _whiskers(each: Mapping[str, Any], i: int, xs: Scale, ys: Scale, x: float, y: float) -> str:
    drawn = []
    for key, scale in (("x", xs), ("y", ys)):
        error = each.get(f"error_{key}")
        ends = [scale.at(v) for v in (each[key][i] - error["arrayminus"][i], each[key][i] + error["array"][i])] if error else []
        known = [end for end in ends if end is not None]
        if len(known) == 2:
            a, b = known
            drawn.append(
                f"M{a:.1f} {y:.1f}H{b:.1f}M{a:.1f} {y - 3:.1f}v6M{b:.1f} {y - 3:.1f}v6"
                if key == "x"
                else f"M{x:.1f} {a:.1f}V{b:.1f}M{x - 3:.1f} {a:.1f}h6M{x - 3:.1f} {b:.1f}h6"
            )
    return f'<path class="line" stroke-width="1.3" d="{"".join(drawn)}"/>' if drawn else ""


def _bars(each: Mapping[str, Any], xs: Scale, ys: Scale, ends: MutableMapping[str, float]) -> Iterator[str]:
    height = abs(ys.end - ys.start) / max(len(ys.names), 1) * BAR
    for value, name, said in zip(each["x"], each["y"], each["hover"], strict=True):
        start = ends.get(name, 0.0)
        ends[name] = start + (value or 0.0)
        a, b, y = xs.at(start), xs.at(ends[name]), ys.at(name)
        if a is None or b is None or y is None or not value:
            continue
        yield f'<rect x="{a:.1f}" y="{y - height / 2:.1f}" width="{max(b - a, 0.5):.1f}" height="{height:.1f}"><title>{escape(said)}</title></rect>'
