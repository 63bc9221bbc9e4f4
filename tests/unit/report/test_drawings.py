"""Drawings without scripts: values land where the axis says, names keep apart, and what cannot be drawn is told."""

import re

import pytest

from fpmg_bench.report.drawing import figures
from fpmg_bench.report.drawing.chart import svg
from fpmg_bench.report.drawing.palette import style
from fpmg_bench.report.drawing.scales import scale


def dots(*labelled):
    """One mark each at (x, y), with its name beside it."""
    return [figures.dot(name, x, y, style(i), bars={}, label=name) for i, (name, x, y) in enumerate(labelled)]


def test_a_linear_axis_has_round_ticks_where_they_belong():
    found = scale({}, [0.0, 10.0], 0, 114)
    assert [words for _, words in found.ticks] == ["0", "2.5", "5.0", "7.5", "10.0"]
    assert found.at(5) == pytest.approx(57)


def test_a_logarithmic_axis_has_no_place_for_nothing():
    found = scale({"type": "log", "range": [0, 2]}, [], 0, 100)
    assert (found.at(10), found.at(0), found.at(float("inf"))) == (50, None, None)


def test_bytes_stand_at_their_powers():
    ticks = scale({"type": "log", **figures.byte_ticks([1e3, 1e6])}, [], 0, 100).ticks
    assert [words for _, words in ticks] == ["1\u00a0kB", "10\u00a0kB", "100\u00a0kB", "1\u00a0MB"]


def test_names_beside_marks_do_not_cover_each_other():
    axes = figures.layout(figures.axis("x"), figures.axis("y"))
    close = dots(("first", 1.0, 1.0), ("second", 1.001, 1.0), ("third", 2.0, 2.0))
    texts = re.findall(r'class="label" data-name="(\w+)" x="([\d.]+)" y="([\d.]+)"', svg(close, axes))
    assert {name for name, _, _ in texts} == {"first", "second", "third"}
    places = {name: (float(x), float(y)) for name, x, y in texts}
    assert abs(places["first"][1] - places["second"][1]) >= 12 or abs(places["first"][0] - places["second"][0]) > 10


def test_names_are_text_and_an_unknown_trace_is_refused():
    axes = figures.layout(figures.axis("x"), figures.axis("<y>"))
    drawn = svg(dots(("<b>", 0.0, 0.0), ("c", 1.0, 1.0)), axes)
    assert "<b>" not in drawn and "&lt;y&gt;" in drawn
    with pytest.raises(ValueError, match="'pie' cannot be drawn"):
        svg([{"type": "pie", "name": "p", "x": [1], "y": [1], "marker": {"color": "red"}}], axes)


def test_stacked_bars_end_where_their_sum_is():
    bars = [figures.bars(name, [2.0], ["a"], style(i), ["2"]) for i, name in enumerate(("one", "two"))]
    drawn = svg(bars, figures.layout(figures.axis("s", range=[0, 4]), figures.axis("", type="category")))
    (x, width), (then, _) = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)
    assert float(then) == pytest.approx(float(x) + float(width), abs=0.11)
