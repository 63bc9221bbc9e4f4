"""What a cohort.yaml may say. Every key is listed here; anything else is an error that names its line."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from fpmg_bench.cohorts.icd10 import CHAPTERS
from fpmg_bench.cohorts.tables import USUAL, Form
from fpmg_bench.cohorts.tables.form import known_encoding
from fpmg_bench.types import Column
from fpmg_plugins.datasets.folder.cell_spec import CellSpec

LONGEST_NAME = 200  # characters
LARGEST = 2**26  # values of one picture, clip or text
Scalar = StrictStr | StrictBool | StrictInt | StrictFloat
Positive = Annotated[int, Field(gt=0, le=LARGEST)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


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


def _distinct(columns: tuple[ColumnSpec, ...]) -> tuple[ColumnSpec, ...]:
    names = [column.name for column in columns]
    if twice := [name for at, name in enumerate(names) if name in names[:at]]:
        raise ValueError(f"column '{twice[0]}' is declared twice")
    return columns


Window = Annotated[tuple[float, float], AfterValidator(_rising)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Written(_Strict):
    """How the cells of a file are written; what is not said of a series or a joined table is as the manifest's.

    encoding: a codec of Python's (utf-8); separator: between cells (,); decimal, thousands: marks in numbers (. and none);
    sheet: of an .xlsx (the first).
    """

    encoding: Annotated[str, AfterValidator(known_encoding)] | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    sheet: str | None = None

    def form(self, rest: Form = USUAL) -> Form:
        """rest: for what is not declared here."""
        said = {key: value for key in Written.model_fields if (value := getattr(self, key)) is not None}
        return replace(rest, **said)


class ColumnSpec(CellSpec):
    """A table column, a series channel or a condition.

    column: where the values are (default: the name; for a series, the variable's name in the long table); map: value -> value
    (null: missing), before anything else; other: the category of all values that are not listed; outside: what to do with
    numbers beyond low and high (`missing` and `clip` are counted); unit: shown beside the name, never converted. How cells are
    written: see CellSpec.
    """

    name: Name
    column: str = ""
    type: Literal["number", "category", "flag"] = "number"
    categories: tuple[str, ...] = ()
    map: dict[str, Scalar | None] = Field(default_factory=dict)
    other: str | None = None
    low: float | None = None
    high: float | None = None
    step: Annotated[float, Field(gt=0)] | None = None
    unit: str = ""
    outside: Literal["error", "missing", "clip", "keep"] = "error"

    @property
    def all_categories(self) -> tuple[str, ...]:
        """As declared; with `group` and none declared, all of the public grouping, and `other` where it is named."""
        if self.type != "category" or self.categories or not self.group:
            return self.categories
        return (*CHAPTERS, *(() if self.other in (None, *CHAPTERS) else (self.other,)))

    @property
    def source(self) -> str:
        """The column of the manifest, or the variable of the long table."""
        return self.column or self.name

    def declared(self) -> Column:
        """The column as cohorts declare it."""
        return Column(self.name, self.type, self.all_categories, self.low, self.high, self.step, self.unit)

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if bool(self.categories) if self.type != "category" else not (self.categories or self.group):
            raise ValueError(f"column '{self.name}': categories belong to type category, and there they are needed")
        if len(set(self.categories)) != len(self.categories):
            raise ValueError(f"column '{self.name}': a category is named twice")
        if self.type != "number" and (self.unit or not self.low is self.high is self.step is None):
            raise ValueError(f"column '{self.name}': low, high, step and unit belong to type number")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"column '{self.name}': low must be below high")
        self.check_cells(self.type)
        if self.other is not None and self.other not in self.all_categories:
            raise ValueError(f"column '{self.name}': other '{self.other}' is none of its categories")
        return self


Columns = Annotated[tuple[ColumnSpec, ...], Field(min_length=1), AfterValidator(_distinct)]


class TableSpec(_Strict):
    """Columns of the manifest. present: here and below, a column of flags; default: where anything is filled in."""

    kind: Literal["table"]
    columns: Columns
    present: str = ""


class ClockSpec(_Strict):
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
    a file: columns of the manifest). columns: the channels that are made of it.
    """

    file: str = ""
    record: str = ""
    layout: Literal["long", "wide", "row"] = "long"
    time: str = "time"
    clock: ClockSpec | None = None
    times: tuple[StrictInt, ...] = ()
    variable: str = "variable"
    value: str = "value"
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
        _distinct(self.channels)
        if self.window and self.step:
            raise ValueError("window and step exclude each other")
        if self.step and (self.more or self.layout == "row"):
            raise ValueError("step belongs to a single table of layout long or wide")
        return self


class TextSpec(_Strict):
    """length: characters that are kept; longer texts are cut and counted."""

    kind: Literal["text"]
    column: str
    length: Positive = 512
    present: str = ""


class _Media(_Strict):
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


class SiloSpec(_Strict):
    """groups: silo -> values that form it; missing: silo of empty cells; silos below min_records records, or below

    min_class_records records of some class, are merged into merge_into. names: all silos in order (default: sorted).
    """

    column: str
    groups: dict[str, tuple[str, ...]] = {}
    missing: str | None = None
    min_records: int = 0
    min_class_records: int = 0
    merge_into: str = "other"
    names: tuple[str, ...] = ()


class RowsSpec(_Strict):
    """Rows to use: those whose cell is one of `keep`, or none of `drop`; "" is the empty cell."""

    column: str
    keep: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.keep is None) == (self.drop is None):
            raise ValueError("give either keep or drop")
        return self


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

    drafted: ranges and categories are what was seen in patients, and nobody has declared them yet.
    real, derived: modality -> what it is, as recorded or as made from other data; traps: what a user should know first.
    """

    version: Annotated[StrictInt, AfterValidator(_one)]
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
    conditions: Columns
    modalities: Annotated[dict[Annotated[Name, AfterValidator(_plain)], ModalitySpec], Field(min_length=1)]
    leaks: tuple[str, ...] = ()
    real: dict[str, str] = {}
    derived: dict[str, str] = {}
    traps: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.conditions[0].type == "number":
            raise ValueError("conditions: the first one is the label: a category or a flag")
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
