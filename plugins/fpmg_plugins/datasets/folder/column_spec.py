"""What a cohort.yaml may say of a file's cells, and of one column."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from fpmg_bench.cohorts.icd10 import CHAPTERS
from fpmg_bench.cohorts.tables import USUAL, Form
from fpmg_bench.cohorts.tables.form import known_encoding
from fpmg_bench.types import Column
from fpmg_plugins.datasets.folder.cell_spec import CellSpec

LONGEST_NAME = 200  # characters
Scalar = StrictStr | StrictBool | StrictInt | StrictFloat
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


def distinct(columns: tuple[ColumnSpec, ...]) -> tuple[ColumnSpec, ...]:
    """The columns. Raises ValueError where two have one name."""
    names = [column.name for column in columns]
    if twice := [name for at, name in enumerate(names) if name in names[:at]]:
        raise ValueError(f"column '{twice[0]}' is declared twice")
    return columns


class Strict(BaseModel):
    """Keys that are not listed are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Written(Strict):
    """How the cells of a file are written; what is not said of a series or a joined table is as the manifest's.

    encoding: a codec of Python's (utf-8); separator: between cells (,); decimal, thousands: marks in numbers (. and none);
    sheet: of an .xlsx (the first); header: the line that names the columns (1), above which nothing is read.
    """

    encoding: Annotated[str, AfterValidator(known_encoding)] | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    sheet: str | None = None
    header: Annotated[StrictInt, Field(gt=0, le=1000)] | None = None

    def form(self, rest: Form = USUAL) -> Form:
        """rest: for what is not declared here."""
        said = {key: value for key in Written.model_fields if (value := getattr(self, key)) is not None}
        return replace(rest, **said)


class ColumnSpec(CellSpec):
    """A table column, a series channel or a condition.

    column: where the values are (default: the name; for a series, the variable's name in the long table); map: value -> value
    (null: missing), before anything else; other: the category of all values that are not listed; outside: what to do with
    numbers beyond low and high (`missing` and `clip` are counted); unit: shown beside the name, never converted. cuts: of a number
    that is the label, the public points between its strata (default: fifths of its range). How cells are written: see CellSpec.
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
    cuts: tuple[float, ...] = ()
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
        if list(self.cuts) != sorted(set(self.cuts)) or (self.cuts and self.type != "number"):
            raise ValueError(f"column '{self.name}': cuts belong to type number, in rising order")
        self.check_cells(self.type)
        if self.other is not None and self.other not in self.all_categories:
            raise ValueError(f"column '{self.name}': other '{self.other}' is none of its categories")
        return self


Columns = Annotated[tuple[ColumnSpec, ...], Field(min_length=1), AfterValidator(distinct)]
Conditions = Annotated[tuple[ColumnSpec, ...], AfterValidator(distinct)]
