"""A plot of the report as a figure of its own: the report's traces and layout, in the light colours of its page, with title and legend."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fpmg_bench.report.blocks import Plot

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def standalone(plot: Plot, title: str) -> Figure:
    """The same points and intervals that the report draws."""
    from plotly.graph_objects import Figure

    colours = _colours()
    layout = _painted(dict(plot.layout), colours)
    layout |= {"title": {"text": title}, "showlegend": True, "height": 420, "margin": {"t": 60}}
    layout |= {"paper_bgcolor": colours["--panel"], "plot_bgcolor": colours["--panel"]}
    return Figure(data=[_painted(dict(trace), colours) for trace in plot.traces], layout=layout)


def _colours() -> dict[str, str]:
    """The page's variables as its first rule sets them: the light ones."""
    from fpmg_bench.report.page import asset

    rule = re.search(r":root\s*{(.*?)}", asset("style.css"), re.DOTALL)
    assert rule is not None
    return {name: value.strip() for name, value in re.findall(r"(--[\w-]+):\s*([^;]+);", rule[1])}


def _painted(value: Any, colours: dict[str, str]) -> Any:
    if isinstance(value, str) and value.startswith("var:"):
        return colours[value.removeprefix("var:")]
    if isinstance(value, dict):
        return {name: _painted(each, colours) for name, each in value.items()}
    return [_painted(each, colours) for each in value] if isinstance(value, (list, tuple)) else value
