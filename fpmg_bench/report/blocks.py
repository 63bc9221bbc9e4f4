"""What a section of the report is made of: tables, figures and paragraphs. Panels build these, templates draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Tone = Literal["", "good", "warn", "bad", "muted"]
SHADES = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """One table cell. small: a second line (an interval); sort: what sorting compares; why: a reason, shown as a footnote.

    shade: 0 (worst of its column) to SHADES (best), None: not shaded; span: columns that it covers.
    """

    text: str
    small: str = ""
    sort: float | str | None = None
    tone: Tone = ""
    why: str = ""
    badge: str = ""
    swatch: str = ""
    shade: int | None = None
    span: int = 1


@dataclass(frozen=True, slots=True)
class Head:
    """A column: label, which way is better, unit, what it is in two words and a longer explanation. numeric: right-aligned."""

    label: str
    better: str = ""
    unit: str = ""
    hint: str = ""
    numeric: bool = True
    plain: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, the first of them the row's header. pinned: a reference row, kept on top and out of sorting.

    sweep: the row's own name where it stands for several (`Row.of` of theirs), which stay below it and are unfolded from it.
    """

    cells: Sequence[Cell]
    pinned: bool = False
    sweep: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A sortable table. `footnotes` are the distinct reasons of its cells, in order of appearance.

    board: its rows can be filtered, its columns chosen, and its head stays in sight.
    """

    kind: ClassVar[str] = "table"
    id: str
    caption: str
    heads: Sequence[Head]
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    fold: str = ""  # a summary line: the table starts folded
    board: bool = False

    @property
    def footnotes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.why for row in self.rows for cell in row.cells if cell.why))

    @property
    def terms(self) -> list[tuple[str, str]]:
        """(label, what it means) of the columns that say so."""
        return [(head.label, head.hint) for head in self.heads if head.hint]


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing: its traces and layout (`drawing.figures` makes them, `drawing.chart` draws them)."""

    id: str
    title: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]

    @property
    def svg(self) -> str:
        """The drawing."""
        from fpmg_bench.report.drawing.chart import svg

        return svg(self.traces, self.layout)


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a figure's legend: label and its swatch (SVG made by `palette`)."""

    label: str
    swatch: str


@dataclass(frozen=True, slots=True)
class Figure:
    """Plots side by side with one legend, and the table that says the same."""

    kind: ClassVar[str] = "figure"
    id: str
    title: str
    alt: str
    plots: Sequence[Plot]
    table: Table
    keys: Sequence[Key] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs; a tone makes it a call-out."""

    kind: ClassVar[str] = "prose"
    paragraphs: Sequence[str]
    tone: Tone = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the validity list. passed None: cannot be said here."""

    name: str
    passed: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Checks:
    """The validity list."""

    kind: ClassVar[str] = "checks"
    id: str
    items: Sequence[Check]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of the verdict about `topic`."""

    topic: str
    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a run found on one cohort, in words."""

    kind: ClassVar[str] = "findings"
    id: str
    title: str
    items: Sequence[Finding]
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """A number of trust: what it counts, and the panel that says more."""

    number: str
    label: str
    tone: Tone = ""
    panel: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """The first screen: what was compared, the answer with its caveat, numbers of trust, one picture, and where patients are shown."""

    kind: ClassVar[str] = "opening"
    compared: str
    answers: Sequence[str]
    caveat: str
    tiles: Sequence[Tile]
    plots: Sequence[Plot] = ()
    alt: str = ""
    keys: Sequence[Key] = ()
    links: Sequence[tuple[str, str]] = ()  # (panel, words)


@dataclass(frozen=True, slots=True)
class Tab:
    """One of several choices, by its title."""

    id: str
    title: str
    blocks: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Tabs:
    """Choices of which the page shows one at a time; without scripts, on paper and in words all, one after the other."""

    kind: ClassVar[str] = "tabs"
    id: str
    label: str
    items: Sequence[Tab]


@dataclass(frozen=True, slots=True)
class Heading:
    """A sub-heading with a deep link."""

    kind: ClassVar[str] = "heading"
    id: str
    text: str
    small: str = ""


@dataclass(frozen=True, slots=True)
class Specimen:
    """One modality's samples of one source. shape: table | series | text | image | video.

    items: (name, cells); (name, what plots span, SVGs); strings; (data URI of a picture or strip of frames, width on the page).
    """

    modality: str
    shape: str
    items: Sequence[Any]
    captions: Sequence[str] = ()
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Specimens:
    """Samples of one modality, one column per source (real, then methods)."""

    kind: ClassVar[str] = "specimens"
    id: str
    title: str
    sources: Sequence[tuple[str, str, Specimen]]  # (name, swatch, samples)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """One topology: whose it is, its drawing as SVG, the drawing in words, and what is known of it: (what, value)."""

    title: str
    methods: str
    svg: str
    alt: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Graphs:
    """Who sends to whom, topology by topology."""

    kind: ClassVar[str] = "graphs"
    id: str
    title: str
    items: Sequence[Graph]


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing without a script: what it shows, its SVG, the drawing in words, and a line below it."""

    title: str
    svg: str
    alt: str
    small: str = ""


@dataclass(frozen=True, slots=True)
class Charts:
    """Drawings side by side with one legend, and the table that says the same. wide: of which each takes much room."""

    kind: ClassVar[str] = "charts"
    id: str
    title: str
    items: Sequence[Chart]
    table: Table
    keys: Sequence[Key] = ()
    note: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """A block of text to copy."""

    kind: ClassVar[str] = "code"
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A plug-in's panel body: HTML that the plug-in vouches for; the page's policy still forbids scripts and the network."""

    kind: ClassVar[str] = "raw"
    body: str
    alt: str


@dataclass(frozen=True, slots=True)
class Section:
    """One panel. lead: a sentence that says how to read it."""

    id: str
    title: str
    lead: str = ""
    blocks: Sequence[Any] = field(default=())
