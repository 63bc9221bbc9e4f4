"""A folder with every figure (SVG, PDF) and table (CSV, LaTeX) of a report's panels, and a README.md that lists them.

It is made of the panels of the page, so it shows nothing that the page does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.document import plural
from fpmg_bench.errors import StoreError
from fpmg_bench.report.blocks import Section, Table
from fpmg_bench.report.export.latex import latex
from fpmg_bench.report.export.numbers import as_csv
from fpmg_bench.report.export.picture import Picture, picture
from fpmg_bench.report.wording import listing, slug
from fpmg_bench.store import write_bytes

if TYPE_CHECKING:
    from fpmg_bench.report.blocks import Charts, Figure, Graphs, Opening

LONGEST = 80  # letters of a file's name
ONLY_IN_THE_PAGE = {
    "specimens": ("gallery of patients", "galleries of patients"),
    "raw": ("panel of a plug-in", "panels of plug-ins"),
}
TABLES = """Tables: `.csv` has numbers unrounded and without units (bytes, seconds, shares of 1), and beside a column its intervals and notes where it has
any; `.tex` is what the page shows, for `\\input`, with `\\usepackage{booktabs}`."""


@dataclass(frozen=True, slots=True)
class Named:
    """A figure or a table, the name of its files and the panel that it is of."""

    name: str
    panel: str
    shown: Picture | Table

    @property
    def title(self) -> str:
        return self.shown.title if isinstance(self.shown, Picture) else self.shown.caption


def free(folder: Path) -> Path:
    """The folder, if it is new or empty: what an earlier export left there could show more than this one. Raises StoreError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"--export {folder}: it is there, and not an empty folder", "name a new one, or remove it")
    return folder


def write(sections: Sequence[Section], folder: Path, title: str) -> Path:
    """Write them and return the path of README.md. Without a browser there are no PDFs, and README.md says so. Raises StoreError."""
    found, without = everything(sections), no_pdf()
    free(folder)
    figures = [each for each in found if isinstance(each.shown, Picture)]
    for each in found:
        if isinstance(each.shown, Picture):
            write_bytes(folder / "figures" / f"{each.name}.svg", each.shown.svg.encode())
        else:
            write_bytes(folder / "tables" / f"{each.name}.csv", as_csv(each.shown).encode())
            write_bytes(folder / "tables" / f"{each.name}.tex", latex(each.shown, each.name).encode())
    if not without:
        _print(figures, folder)
    write_bytes(folder / "README.md", _index(found, _left(sections), title, without).encode())
    return folder / "README.md"


def no_pdf() -> str:
    """Why figures cannot be PDFs here; empty where they can."""
    from fpmg_bench.report.browser import browser

    try:
        browser("PDFs of figures")
    except StoreError as error:
        return str(error)
    return ""


def everything(sections: Sequence[Section]) -> list[Named]:
    """All figures and tables in the page's order. Names: the panel and their id in the page, of a figure the drawing's title, too."""
    found: list[Named] = []
    taken: dict[str, int] = {}
    for section in sections:
        for id, shown in _of(section.blocks):
            name = slug(id if id.startswith(section.id) else f"{section.id} {id}")[:LONGEST].rstrip("-")
            taken[name] = taken.get(name, 0) + 1
            found.append(Named(name if taken[name] == 1 else f"{name}-{taken[name]}", section.title, shown))
    return found


def _of(blocks: Sequence[Any]) -> Iterator[tuple[str, Picture | Table]]:
    drawn: dict[str, Callable[[Any], Iterator[tuple[str, Picture | Table]]]]
    drawn = {"opening": _opening, "figure": _figure, "charts": _charts, "graphs": _graphs}
    for block in blocks:
        if block.kind == "table":
            yield block.id, block
        elif block.kind == "tabs":
            for tab in block.items:
                yield from _of(tab.blocks)
        elif block.kind in drawn:
            yield from drawn[block.kind](block)


def _opening(block: Opening) -> Iterator[tuple[str, Picture | Table]]:
    for plot in block.plots:
        yield plot.id, picture(plot.svg, plot.title, block.alt, block.keys)


def _figure(block: Figure) -> Iterator[tuple[str, Picture | Table]]:
    for plot in block.plots:
        yield f"{block.id} {plot.title}", picture(plot.svg, f"{block.title}: {plot.title}", block.alt, block.keys)
    yield block.table.id, block.table


def _charts(block: Charts) -> Iterator[tuple[str, Picture | Table]]:
    for chart in block.items:
        yield f"{block.id} {chart.title}", picture(chart.svg, f"{block.title}: {chart.title}", chart.alt, block.keys)
    yield block.table.id, block.table


def _graphs(block: Graphs) -> Iterator[tuple[str, Picture | Table]]:
    for graph in block.items:
        if graph.svg:
            yield f"{block.id} {graph.title}", picture(graph.svg, f"{block.title}: {graph.title}", graph.alt)


def _print(figures: Sequence[Named], folder: Path) -> None:
    from fpmg_bench.report.browser import Browser

    if not figures:
        return
    with Browser("--export") as shown:
        for each in figures:
            assert isinstance(each.shown, Picture)
            write_bytes(folder / "figures" / f"{each.name}.pdf", each.shown.pdf(shown))


def _left(sections: Sequence[Section]) -> list[str]:
    """What is in the page and not here, counted."""
    kinds = Counter(kind for section in sections for kind in _kinds(section.blocks))
    return [plural(kinds[kind], *words) for kind, words in ONLY_IN_THE_PAGE.items() if kinds[kind]]


def _kinds(blocks: Sequence[Any]) -> Iterator[str]:
    for block in blocks:
        yield block.kind
        if block.kind == "tabs":
            for tab in block.items:
                yield from _kinds(tab.blocks)


def _index(found: Sequence[Named], left: Sequence[str], title: str, without: str) -> str:
    figures = [each for each in found if isinstance(each.shown, Picture)]
    tables = [each for each in found if not isinstance(each.shown, Picture)]
    lines = [
        f"# {title}: figures and tables",
        "",
        f"{plural(len(figures), 'figure')} and {plural(len(tables), 'table')} of the report.",
    ]
    lines += [f"No PDFs: {without}."] if without else []
    lines += [f"Only in the page: {listing(left)}."] if left else []
    lines += [
        "Nothing is here that the page does not show; `--no-aggregates` leaves out the counts of real patients beside synthetic ones."
    ]
    endings = "`.svg`" if without else "`.svg`, `.pdf`"
    lines += ["", f"## Figures ({endings})", "", *_rows(figures, "figures")]
    lines += ["", "## Tables (`.csv`, `.tex`)", "", TABLES, "", *_rows(tables, "tables")]
    return "\n".join(lines) + "\n"


def _rows(named: Sequence[Named], folder: str) -> Iterator[str]:
    yield "| file | shows | panel |"
    yield "|---|---|---|"
    for each in named:
        title = " ".join(each.title.split()).replace("|", "\\|")
        yield f"| `{folder}/{each.name}` | {title} | {each.panel} |"
