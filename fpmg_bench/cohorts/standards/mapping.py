"""What a cohort takes of a standard's tables, and where it stands in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fpmg_bench.document import Problems, read_document, read_text
from fpmg_bench.errors import DatasetError

Standard = Literal["omop", "fhir"]
Name = Annotated[str, Field(min_length=1)]
HINT = "start from what `fpmg-bench data new FOLDER` writes as mapping.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Persons(_Strict):
    """id: names a person; born: birth date or year, the first that is filled in; columns: of the manifest; codes: column -> code -> word."""

    table: Name
    id: Name
    born: tuple[str, ...] = ()
    columns: dict[str, str] = {}
    codes: dict[str, dict[str, str]] = {}


class _Events(_Strict):
    """Rows of persons. A place is a column (OMOP) or a path (FHIR: `code.coding.0.code`); time: the first that is filled in;

    each: a list in a resource of which every item is a row.
    """

    table: Name
    person: Name
    time: tuple[str, ...] = ()
    each: str = ""


class SeriesOf(_Events):
    """label: words for the variable's code; unit: a variable in two units becomes two."""

    variable: Name
    value: Name
    label: str = ""
    unit: str = ""


class FlagsOf(_Events):
    """Either a flag for each of the `most` commonest codes, named prefix: label; or one, `name`: has the person a row, one in which

    something of `filled` is filled in and not false?
    """

    code: str = ""
    label: str = ""
    prefix: str = ""
    most: Annotated[int, Field(gt=0, le=1000)] = 50
    name: str = ""
    filled: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.code) == bool(self.name):
            raise ValueError("give either code (a flag for each) or name (of one flag)")
        return self


class TextsOf(_Events):
    """text: the first that is filled in; what ends in `data` is base64, as FHIR attachments are."""

    text: Annotated[tuple[str, ...], Field(min_length=1)]
    name: Name


class NamesOf(_Strict):
    """A table of words for codes."""

    table: Name
    code: Name
    name: Name


class Mapping(_Strict):
    """The whole file."""

    standard: Standard
    persons: Persons
    series: tuple[SeriesOf, ...] = ()
    flags: tuple[FlagsOf, ...] = ()
    texts: tuple[TextsOf, ...] = ()
    names: NamesOf | None = None

    @property
    def tables(self) -> set[str]:
        """Tables, or kinds of resources, that something is taken of."""
        named = {self.names.table} if self.names else set()
        return {self.persons.table, *named, *(part.table for part in (*self.series, *self.flags, *self.texts))}


def shipped(standard: Standard) -> Path:
    """The mapping that comes with the program."""
    return Path(__file__).parent / f"{standard}.yaml"


def mapping_of(file: Path) -> Mapping:
    """Raises DatasetError with the lines of all that is wrong."""
    problems = Problems(str(file), DatasetError, HINT)
    try:
        root = read_document(read_text(file, problems), problems)
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror}", HINT) from error
    problems.raise_if_any()
    try:
        return Mapping.model_validate_json(json.dumps(root.plain()), strict=True)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            problems.add(root.at(*each["loc"]), ".".join(map(str, each["loc"])), str(each["msg"]).removeprefix("Value error, "))
        problems.raise_if_any()
        raise
