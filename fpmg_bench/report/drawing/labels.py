"""Names beside marks, placed so that they cover neither each other nor a mark; a name without a free place is left to the legend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from fpmg_bench.report.drawing.scales import Scale

LETTER, HEIGHT, AWAY = 6.4, 13.0, 10.0

Box = tuple[float, float, float, float]  # left, top, right, bottom


def beside(traces: Sequence[Mapping[str, Any]], xs: Scale, ys: Scale, frame: tuple[float, float, float, float]) -> Iterator[str]:
    """Text for every trace with a `label`. frame: left, right, top, bottom of the axes."""
    asked = [(t, xs.at(t["x"][0]), ys.at(t["y"][0])) for t in traces if t.get("label")]
    placed = [(t, x, y) for t, x, y in asked if x is not None and y is not None]
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for _, x, y in placed]
    for each, x, y in placed:
        words = str(each["label"])
        for left, middle, anchor, at in _places(x, y, LETTER * len(words)):
            box = (left, middle - HEIGHT / 2, left + LETTER * len(words), middle + HEIGHT / 2)
            inside = frame[0] <= box[0] and box[2] <= frame[1] + 10 and frame[2] - 6 <= box[1] and box[3] <= frame[3]
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                yield (
                    f'<text class="label" data-name="{escape(each["name"])}" x="{at:.1f}" y="{middle + 4:.1f}" '
                    f'text-anchor="{anchor}">{escape(words)}</text>'
                )
                break


def _places(x: float, y: float, width: float) -> Iterator[tuple[float, float, str, float]]:
    """(left edge, middle height, anchor, where the anchor is): above and below to the right, then to the left, then further off."""
    for lift in (AWAY, 2 * AWAY, 3 * AWAY):
        for up in (-lift, lift):
            yield x + 7, y + up, "start", x + 7
            yield x - 7 - width, y + up, "end", x - 7


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
