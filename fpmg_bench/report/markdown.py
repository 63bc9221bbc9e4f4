"""Sections to Markdown: the tables and words of the report, for a repository or a paper's appendix. Drawings stay in the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fpmg_bench.errors import StoreError
from fpmg_bench.report.blocks import Cell, Head, Row, Section, Table

SIGNS: Mapping[bool | None, str] = {True: "✓", False: "✗", None: "?"}


def render(sections: Sequence[Section], *, title: str, subtitle: str = "") -> str:
    """The same sections give the same text."""
    lines = [f"# {title}", *(["", f"{subtitle}."] if subtitle else [])]
    for section in sections:
        lines += ["", f"## {section.title}"] if len(sections) > 1 else []
        lines += ["", section.lead] if section.lead else []
        for block in section.blocks:
            lines += ["", *_block(block)]
    return "\n".join(lines) + "\n"


def chosen(sections: Sequence[Section], ids: Sequence[str]) -> list[Section]:
    """Those panels in the report's order; all for none. Raises StoreError for an id that no panel has."""
    there = [section.id for section in sections]
    unknown = [name for name in ids if name not in there]
    if unknown:
        raise StoreError(f"--panels: this report has no panel {unknown[0]!r}", f"one of {', '.join(there)}")
    return [section for section in sections if not ids or section.id in ids]


def _block(block: Any) -> list[str]:
    if block.kind not in KINDS:
        return ["(Drawn in the HTML report.)"]
    return list(KINDS[block.kind](block))


def _table(table: Table) -> Iterator[str]:
    yield f"**{_plain(table.caption)}**"
    yield ""
    yield _row([_head(head) for head in table.heads])
    yield "|" + "|".join("---" for _ in table.heads) + "|"
    reasons = table.footnotes
    for row in table.rows:
        yield _row(list(_cells(row, reasons)))
    notes = [*table.notes, *(f"({i}) {reason}" for i, reason in enumerate(reasons, 1))]
    for note in notes:
        yield ""
        yield _plain(note)


def _head(head: Head) -> str:
    return " ".join(part for part in (head.label, head.better, f"[{head.unit}]" if head.unit else "") if part)


def _cells(row: Row, reasons: Sequence[str]) -> Iterator[str]:
    for cell in row.cells:
        yield _cell(cell, reasons)
        yield from [""] * (cell.span - 1)


def _cell(cell: Cell, reasons: Sequence[str]) -> str:
    mark = f"({reasons.index(cell.why) + 1})" if cell.why else ""
    return " ".join(part for part in (cell.text, cell.small, mark, f"*{cell.badge}*" if cell.badge else "") if part)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _plain(text: str) -> str:
    """One line."""
    return " ".join(text.split())


def _figure(figure: Any) -> Iterator[str]:
    yield from _table(figure.table)
    if figure.note:
        yield from ("", _plain(figure.note))


def _prose(prose: Any) -> Iterator[str]:
    if prose.title:
        yield from (f"**{_plain(prose.title)}**", "")
    for paragraph in prose.paragraphs:
        yield from (_plain(paragraph), "")


def _findings(findings: Any) -> Iterator[str]:
    yield from (f"**{_plain(findings.title)}**", "")
    yield from (f"- {_plain(finding.topic)}: {_plain(finding.text)}" for finding in findings.items)


def _graphs(graphs: Any) -> Iterator[str]:
    yield from (f"**{_plain(graphs.title)}**", "")
    for graph in graphs.items:
        yield f"- {_plain(graph.title)} ({_plain(graph.methods)}): " + "; ".join(f"{what} {value}" for what, value in graph.facts)


def _opening(opening: Any) -> Iterator[str]:
    for answer in opening.answers:
        yield from (f"**{_plain(answer)}**", "")
    yield from (_plain(opening.caveat), "") if opening.caveat else ()
    yield _plain(opening.compared)
    yield ""
    yield " · ".join(f"{tile.number} {tile.label}" for tile in opening.tiles)


def _tabs(tabs: Any) -> Iterator[str]:
    for tab in tabs.items:
        for block in tab.blocks:
            yield from (*_block(block), "")


KINDS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "table": _table,
    "figure": _figure,
    "charts": _figure,
    "prose": _prose,
    "findings": _findings,
    "graphs": _graphs,
    "checks": lambda checks: (f"- {SIGNS[c.passed]} {_plain(c.name)}: {_plain(c.text)}" for c in checks.items),
    "opening": _opening,
    "tabs": _tabs,
    "heading": lambda heading: iter([" ".join(part for part in (f"### {heading.text}", heading.small) if part)]),
    "code": lambda code: iter([f"**{code.title}**", "", "```", code.text.rstrip(), "```"]),
}
