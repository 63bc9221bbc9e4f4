"""One colour, one marker and one dash a method, the same in every figure. Colours are CSS variables, so dark mode may differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COLOURS = 8
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "pentagon", "star")
DASHES = ("solid", "dash", "dashdot", "longdash", "dot", "longdashdot", "solid", "dash")
PATHS = {
    "circle": '<circle cx="7" cy="7" r="5"/>',
    "square": '<path d="M2.5 2.5h9v9h-9z"/>',
    "diamond": '<path d="M7 1l6 6-6 6-6-6z"/>',
    "triangle-up": '<path d="M7 1.5l6 10.5H1z"/>',
    "cross": '<path d="M5 1h4v4h4v4H9v4H5V9H1V5h4z"/>',
    "triangle-down": '<path d="M7 12.5L1 2h12z"/>',
    "pentagon": '<path d="M7 1l6 4.4-2.3 7.1H3.3L1 5.4z"/>',
    "star": '<path d="M7 .5l1.9 4.4 4.6.4-3.5 3.1 1.1 4.7L7 10.6l-4.1 2.5L4 8.4.5 5.3l4.6-.4z"/>',
}


@dataclass(frozen=True, slots=True)
class Style:
    """How a method is drawn. index: its colour variable --c<index>."""

    index: int
    marker: str
    dash: str

    @property
    def colour(self) -> str:
        """For the traces of a drawing: a CSS variable, so that dark mode and print follow."""
        return f"var(--c{self.index})"

    @property
    def swatch(self) -> str:
        """The legend's mark: an SVG with the method's colour and marker."""
        return f'<svg class="swatch c{self.index}" viewBox="0 0 14 14" aria-hidden="true">{PATHS[self.marker]}</svg>'


def styles(methods: Sequence[str]) -> dict[str, Style]:
    """A style a method, in order of appearance. Past eight methods colours repeat with another marker."""
    return {name: style(i) for i, name in enumerate(dict.fromkeys(methods))}


def style(i: int) -> Style:
    """The i-th style; silos and stages use it too."""
    turn, index = divmod(i, COLOURS)
    shift = (index + 3 * turn) % COLOURS
    return Style(index, MARKERS[shift], DASHES[shift])
