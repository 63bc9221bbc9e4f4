"""What a cohort.yaml may say. Every key is listed here and in column_spec; anything else is an error that names its line."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StrictInt, model_validator

from fpmg_bench.strata import fifths, inside, label_of
from fpmg_plugins.datasets.folder.column_spec import (
    LONGEST_NAME,
    Columns,
    ColumnSpec,
    Conditions,
    Name,
    Strict,
    Written,
    distinct,
)

__all__ = [
    "CardSpec", "ClockSpec", "CohortSpec", "ColumnSpec", "ImageSpec", "LabelSpec", "LongSpec", "ModalitySpec", "RowsSpec", "SeriesSpec", "SiloSpec",
    "TableFile", "TableSpec", "TextSpec", "VideoSpec", "Written",
]  # fmt: skip

LARGEST = 2**26  # values of one picture, clip or text
Positive = Annotated[int, Field(gt=0, le=LARGEST)]


def _one(version: int) -> int:
    if version != 1:
        raise ValueError("Input should be 1")
    return version


def _plain(name: str) -> str:
    """A modality's name becomes a file's when a release is written."""
    if name in (".", "..") or "/" in name or "\\" in name:
        raise ValueError("a modality's name holds no / and no \\, and is neither . nor ..")
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"a modality's name has at most {LONGEST_NAME} bytes")
    return name


def _whole_record(shape: tuple[int, ...]) -> tuple[int, ...]:
    if math.prod(shape) > LARGEST:
        raise ValueError(f"{math.prod(shape):,} values a record; at most {LARGEST:,}")
    return shape


def _rising(window: tuple[float, float]) -> tuple[float, float]:
    if not window[0] < window[1]:
        raise ValueError("window must be [start, stop] with start below stop")
    return window


Window = Annotated[tuple[float, float], AfterValidator(_rising)]


def _or_none(schema: dict[str, Any]) -> None:
    """For editors: the word `none` in the place of a label."""
    keys = dict(schema)
    schema.clear()
    schema["anyOf"] = [{"const": "none"}, keys]


class LabelSpec(Strict):
    """A label that is the time to an event. event: the condition (a flag) that says whether it was seen; time: the number that says

    when it was, or until when it was not (censored). `none` in its place: there is no label.
    """

    event: str = ""
    time: str = ""
    model_config = ConfigDict(json_schema_extra=_or_none)

    @model_validator(mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        if not isinstance(value, dict) and value != "none":
            raise ValueError("label: {event: .., time: ..}, or none; a label that is a class or a number is the first condition")
        return {} if value == "none" else value


class TableSpec(Strict):
    """Columns of the manifest. present: here and below, a column of flags; default: where anything is filled in."""

    kind: Literal["table"]
    columns: Columns
    present: str = ""


class ClockSpec(Strict):
    """Times that are dates or hours and minutes, read as `unit`s since a moment of each record.

    format: `ISO8601`, as strptime writes it ("%d.%m.%Y %H:%M"), or `elapsed` (36:30, 1 days 12:30:00: since the beginning already);
    since: a column of the manifest with that moment, written as since_format (default: as format); "": the record's first time.
    """

    format: str = "ISO8601"
    since: str = ""
    since_format: str = ""
    unit: Literal["days", "hours", "minutes"] = "hours"

    @model_validator(mode="after")
    def _since_a_moment(self) -> Self:
        if self.format == "elapsed" and self.since:
            raise ValueError("elapsed times have begun already: leave since out")
        return self


class LongSpec(Written):
    """One table of a series. layout: `long` (a row has one value: time, variable, value), `wide` (a row has a time, and a column

    for each variable), or `row` (one row a record; `times` [t] are the numbers in the columns' names, `hr_{}` or `hr_{00}`; without
    a file: columns of the manifest). columns: the channels that are made of it. units: of layout long, the column with each value's
    unit: one that is not the `unit` of its channel is not read, and counted.
    """

    file: str = ""
    record: str = ""
    layout: Literal["long", "wide", "row"] = "long"
    time: str = "time"
    clock: ClockSpec | None = None
    times: tuple[StrictInt, ...] = ()
    variable: str = "variable"
    value: str = "value"
    units: str = ""
    columns: Columns

    @model_validator(mode="after")
    def _fits_its_layout(self) -> Self:
        if any(column.type != "number" for column in self.columns):
            raise ValueError("channels of a series are numbers")
        if len({column.source for column in self.columns}) < len(self.columns):
            raise ValueError("two channels are made of one variable")
        if self.layout != "row" and not self.file:
            raise ValueError("file: the long table is missing")
        if self.file and not self.record:
            raise ValueError("record: the column of the file that names the record is missing")
        if self.units and self.layout != "long":
            raise ValueError("units belong to layout long: elsewhere a column has one unit")
        if (self.layout == "row") != bool(self.times):
            raise ValueError("times belong to layout row, and there they are needed")
        if self.layout == "row" and (self.clock or list(self.times) != sorted(set(self.times))):
            raise ValueError("times: whole numbers that rise; a clock belongs to the other layouts")
        return self


class SeriesSpec(LongSpec):
    """window: (start, stop) of time that is kept; with it, `steps` equal bins whose values are averaged; without it the first

    `steps` distinct times of a record, or the steps that the column `step` names. more: further tables with channels of their own.
    """

    kind: Literal["series"]
    step: str = ""
    steps: Positive
    window: Window | None = None
    more: tuple[LongSpec, ...] = ()
    present: str = ""

    @property
    def tables(self) -> tuple[LongSpec, ...]:
        """The tables that its channels are made of, this one first."""
        return (self, *self.more)

    @property
    def channels(self) -> tuple[ColumnSpec, ...]:
        """The columns of all tables."""
        return tuple(column for table in self.tables for column in table.columns)

    @model_validator(mode="after")
    def _one_axis(self) -> Self:
        distinct(self.channels)
        if self.window and self.step:
            raise ValueError("window and step exclude each other")
        if self.step and (self.more or self.layout == "row"):
            raise ValueError("step belongs to a single table of layout long or wide")
        return self


class TextSpec(Strict):
    """length: characters that are kept; longer texts are cut and counted. nothing: what a note says that has nothing to say ("o.B.")."""

    kind: Literal["text"]
    column: str
    length: Positive = 512
    nothing: str = ""
    present: str = ""


class _Media(Strict):
    """column: cells name files, several of them where they are parted by `split`, or a folder of files; files: what files are called

    instead, "{stay_id}_*.png": {column} stands for a row's cell, * for anything; folder: what both are relative to, below the root;
    window: the values that become 0 and 255 in pictures of more than 8 bits (default: what the file states).
    """

    column: str = ""
    files: str = ""
    split: str = ""
    folder: str = ""
    fit: Literal["pad", "crop", "stretch"] = "pad"
    window: Window | None = None
    present: str = ""

    @model_validator(mode="after")
    def _named_one_way(self) -> Self:
        if bool(self.column) == bool(self.files):
            raise ValueError("give either column (of file names) or files (a pattern of names)")
        if self.files and not ("{" in self.files and "}" in self.files):
            raise ValueError("files: a pattern names a column of the manifest: {stay_id}.png")
        if self.split and self.files:
            raise ValueError("split parts the cells of column; a pattern takes several files by *")
        return self


class ImageSpec(_Media):
    """shape [c, h, w] with c = 1 (gray) or 3 (RGB); view: which of a record's files it is, from 1."""

    kind: Literal["image"]
    shape: Annotated[tuple[Positive, Positive, Positive], AfterValidator(_whole_record)] = (1, 64, 64)
    view: Positive = 1


class VideoSpec(_Media):
    """shape [t, c, h, w]; frame_ms: a frame shown k times that long counts as k frames; t frames are taken evenly, of a volume slices."""

    kind: Literal["video"]
    shape: Annotated[tuple[Positive, Positive, Positive, Positive], AfterValidator(_whole_record)] = (8, 1, 32, 32)
    frame_ms: Positive | None = None


ModalitySpec = Annotated[TableSpec | SeriesSpec | TextSpec | ImageSpec | VideoSpec, Field(discriminator="kind")]


class SiloSpec(Strict):
    """groups: silo -> values that form it; missing: silo of empty cells; silos below min_records records, or below

    min_class_records records of some class, are merged into merge_into. names: all silos in order (default: sorted).
    """

    column: str
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    missing: str | None = None
    min_records: int = 0
    min_class_records: int = 0
    merge_into: str = "other"
    names: tuple[str, ...] = ()


class RowsSpec(Strict):
    """Rows to use: those whose cell is one of `keep`, or none of `drop`; "" is the empty cell."""

    column: str
    keep: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.keep is None) == (self.drop is None):
            raise ValueError("give either keep or drop")
        return self


class CardSpec(Strict):
    """What data-card.json says of a release (schema.org, Croissant). url: where it is found; creator: who answers for it; published: a day

    (2026-12-01); live: false where its files stay as they are, whose checksums are then stated.
    """

    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    creator: str = ""
    published: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    live: bool = True


class TableFile(Written):
    """Another table beside the manifest, at most one row a record. key: the manifest's column that names its rows; on: their column

    there (default: the same); prefix: before the names of its columns; repeated: what to do where a key has several rows.
    """

    file: str
    key: str
    on: str = ""
    prefix: str = ""
    repeated: Literal["error", "first", "last"] = "error"


class CohortSpec(Written):
    """The whole file. missing: cells of a csv that mean nothing; min_class_patients: a rarer class is an error.

    label: what to predict, where it is not the first condition: the time to an event, or `none`; without conditions there is none.
    drafted: ranges and categories are what was seen in patients, and nobody has declared them yet.
    real, derived: modality -> what it is, as recorded or as made from other data; traps: what a user should know first.
    card: what a release says of itself to catalogues.
    """

    version: Annotated[StrictInt, AfterValidator(_one), Field(json_schema_extra={"const": 1})]
    name: str = ""
    licence: Annotated[str, Field(min_length=1)]
    citation: str = ""
    publishable: bool = False
    drafted: bool = False
    manifest: str
    record: str = ""
    patient: str
    silo: SiloSpec | None = None
    missing: tuple[str, ...] = ("", "NA", "NaN", "nan")
    tables: tuple[TableFile, ...] = ()
    rows: tuple[RowsSpec, ...] = ()
    min_class_patients: int = 2
    label: LabelSpec | None = None
    conditions: Conditions = ()
    modalities: Annotated[dict[Annotated[Name, AfterValidator(_plain)], ModalitySpec], Field(min_length=1)]
    leaks: tuple[str, ...] = ()
    real: dict[str, str] = Field(default_factory=dict)
    derived: dict[str, str] = Field(default_factory=dict)
    traps: tuple[str, ...] = ()
    card: CardSpec | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        fault = self._label_fault()
        if fault:
            raise ValueError(fault)
        for key in ("leaks", "real", "derived"):
            unknown = set(getattr(self, key)) - set(self.modalities)
            if unknown:
                raise ValueError(f"{key}: {', '.join(sorted(unknown))} is no modality of this file")
        if both := set(self.real) & set(self.derived):
            raise ValueError(f"derived: {', '.join(sorted(both))} is named under real too")
        if not self.record and any(
            spec.kind == "series" and any(t.file for t in spec.tables) for spec in self.modalities.values()
        ):
            raise ValueError("record: a series needs the column that names each record")
        return self

    @property
    def leading(self) -> tuple[ColumnSpec, ...]:
        """What the label is made of: its condition, or the event and its time; nothing where there is no label."""
        if self.label is None:
            return self.conditions[:1]
        of = {each.name: each for each in self.conditions}
        return (of[self.label.event], of[self.label.time]) if self.label != LabelSpec() else ()

    def _label_fault(self) -> str:
        """What is wrong with the label, empty if nothing is."""
        known = {each.name: each.type for each in self.conditions}
        if self.label not in (None, LabelSpec()):
            for key, kind in (("event", "flag"), ("time", "number")):
                name = getattr(self.label, key)
                if known.get(name) != kind:
                    return f"label: {key}: '{name}' must be a condition of type {kind}"
        numbers = [each for each in self.leading if each.type == "number"]
        if any(each.low is None or each.high is None for each in numbers):
            return f"conditions: '{numbers[0].name}' is what the label says: declare its low and high"
        if any(each.cuts for each in self.conditions if each not in numbers or len(self.leading) > 1):
            return "conditions: cuts belong to the first condition, where it is a number and the label"
        return _cuts_fault(numbers[0]) if numbers and len(self.leading) == 1 else ""


def _cuts_fault(number: ColumnSpec) -> str:
    """What is wrong with the strata of a number, empty if nothing is."""
    assert number.low is not None and number.high is not None
    declared, cuts = number.declared(), number.cuts or fifths(number.low, number.high)
    if not number.low < cuts[0] <= cuts[-1] < number.high:
        return f"conditions: cuts of '{number.name}' must lie between its low and high"
    label = label_of(declared, cuts)
    spans = (inside(label, declared, number.low, number.high, index) for index in range(len(label.categories)))
    return f"conditions: no step of '{number.name}' lies between two of its cuts" if any(a > b for a, b in spans) else ""
