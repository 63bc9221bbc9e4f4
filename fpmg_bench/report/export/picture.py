"""A drawing of the report as a file of its own: its colours in numbers (those of paper), its legend below it, on white."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from fpmg_bench.errors import StoreError
from fpmg_bench.report.page import asset
from fpmg_bench.store import write_bytes

if TYPE_CHECKING:
    from fpmg_bench.report.blocks import Key
    from fpmg_bench.report.browser import Browser

LETTER, LINE, SIDE = 6.2, 18.0, 10.0  # pixels: of the legend's letters, between its lines, of its marks
GAP = 14.0  # between two entries
HEAD = 26.0  # a title
GRAPH = 240.0  # wide: topologies are drawn on a square of 100
INCH = 96.0  # pixels
DRAWN = re.compile(r'<svg([^>]*)viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>(.*)</svg>', re.DOTALL)
RULES = (".chart", ".c0", ".c4", ".swatch.real", ".swatch ", ".graph svg")  # of style.css: what a drawing takes from the page


@dataclass(frozen=True, repr=False)
class Picture:
    """One drawing. title, alt: what it shows, in words; size: width and height in pixels. A notebook shows it by itself."""

    title: str
    alt: str
    svg: str = field(repr=False)
    size: tuple[float, float]

    def __repr__(self) -> str:
        return f"<Picture: {self.title}>"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write it as .svg, or as .pdf by a headless browser on PATH. Raises StoreError for another ending, and without a browser."""
        from fpmg_bench.report.browser import Browser

        out = Path(path)
        if out.suffix == ".svg":
            write_bytes(out, self.svg.encode())
        elif out.suffix == ".pdf":
            with Browser(str(out)) as shown:
                write_bytes(out, self.pdf(shown))
        else:
            raise StoreError(f"{out}: a picture is saved as .svg or .pdf", "choose one by the file's name")
        return out

    def pdf(self, shown: Browser) -> bytes:
        """One page of the picture's size."""
        with tempfile.TemporaryDirectory(prefix="fpmg-picture-") as folder:
            file = Path(folder) / "picture.svg"
            file.write_text(self.svg, encoding="utf-8")
            shown.open(file)
        width, height = (side / INCH for side in self.size)
        edges = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0)
        return shown.pdf(paperWidth=width, paperHeight=height, pageRanges="1", **edges)


def picture(svg: str, title: str, alt: str, keys: Sequence[Key] = (), head: str = "") -> Picture:
    """The report's drawing `svg` with its legend. head: a title that is drawn, too. Raises ValueError for what is no drawing of the report."""
    found = DRAWN.fullmatch(svg.strip())
    if found is None:
        raise ValueError("not one <svg> with a viewBox from 0 0")
    attributes, width, height, inside = found[1], float(found[2]), float(found[3]), found[4]
    graph = 'class="chart"' not in attributes
    scale = GRAPH / width if graph else 1.0
    top, (wide, high) = HEAD if head else 0.0, (width * scale, height * scale)
    legend, low = _legend(keys, wide, top + high + 6)
    size = (wide, low)
    parts = [
        f"<title>{escape(title)}</title><desc>{escape(alt)}</desc><style>{escape(_rules(), quote=False)}</style>",
        f'<rect width="{wide:g}" height="{low:g}" fill="#fff"/>',
        f'<g class="chart"><text class="head" x="8" y="17">{escape(head)}</text></g>' if head else "",
        f'<g class="{"graph" if graph else "drawing"}" transform="translate(0 {top:g}) scale({scale:g})"><g class="chart">{inside}</g></g>',
        *legend,
    ]
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {low:g}" width="{wide:g}" height="{low:g}" role="img">'
    )
    return Picture(title, alt, _coloured(f"{start}{''.join(parts)}</svg>\n"), size)


def _legend(keys: Sequence[Key], wide: float, top: float) -> tuple[list[str], float]:
    """Marks with their words, line by line, and where the last one ends."""
    drawn, x, y = [], 8.0, top
    for key in keys:
        needs = SIDE + 5 + LETTER * len(key.label)
        if x > 8 and x + needs > wide:
            x, y = 8.0, y + LINE
        drawn.append(
            f'<g class="chart"><g transform="translate({x:.1f} {y + 2:.1f}) scale({SIDE / 14:.3f})">{_mark(key.swatch)}</g>'
        )
        drawn.append(f'<text x="{x + SIDE + 5:.1f}" y="{y + 11:.1f}">{escape(key.label)}</text></g>')
        x += needs + GAP
    return drawn, y + LINE if keys else top - 6


def _mark(swatch: str) -> str:
    """A swatch of the page as a group."""
    return swatch.replace("<svg", "<g", 1).replace("</svg>", "</g>")


@cache
def _colours() -> dict[str, str]:
    """The page's variables, as they are on paper."""
    style = asset("style.css")
    paper = style[style.index("@media print {") :]
    blocks = (re.search(r":root \{(.*?)\}", text, re.DOTALL) for text in (style, paper))
    return {name: value.strip() for block in blocks if block for name, value in re.findall(r"(--[\w-]+):([^;]+);", block[1])}


@cache
def _rules() -> str:
    lines = (line for line in asset("style.css").splitlines() if line.startswith(RULES))
    return (
        "".join(line.replace(".graph svg", ".graph g") for line in lines) + ".chart .head { fill: var(--ink); font-weight: 600; }"
    )


def _coloured(svg: str) -> str:
    """Without variables: other programs than browsers do not know them."""
    return re.sub(r"var\((--[\w-]+)\)", lambda found: _colours()[found[1]], svg)
