"""How the cells of one column are written: each key is declared, so that a release can be written the same way."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr

ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
NUMBER_ONLY = ("decimal", "thousands", "suffix", "below", "above", "date", "since", "part")


def _day_format(form: str) -> str:
    """A format of strptime that names a day."""
    if not all(any(mark in form for mark in marks) for marks in (("%d",), ("%m", "%b", "%B"), ("%Y", "%y"))):
        raise ValueError("a form of dates has %d, %m (or %b) and %Y (or %y), for example %d.%m.%Y or %Y-%m-%d %H:%M:%S")
    return form


class CellSpec(BaseModel):
    """Keys of a column that tell how its cells are written.

    missing: cells that say nothing, beside those of the whole file (numbers are compared as numbers);
    decimal, thousands: marks in its numbers, where they are not the file's;
    suffix: what may stand behind a number (" %"); it is taken away, and nothing is converted;
    below, above: "<x" is read as x, ">x" as x, and counted; written is the number x;
    split, part, parts: the `part`-th of exactly `parts` pieces of a cell ("120/80": split "/", part 1 of 2);
    split, holds: a flag, whether one of the pieces is `holds` ("I10;E11": split ";", holds I10);
    date, since: days since a day (2020-01-31) or since the date in a column (same form, or since_date); strptime's form;
    group: icd10 reads codes as their chapter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    missing: tuple[StrictStr | StrictInt | StrictFloat, ...] = ()
    decimal: Literal[".", ","] | None = None
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    suffix: str = ""
    below: float | None = None
    above: float | None = None
    split: str = ""
    part: Annotated[int, Field(gt=0)] | None = None
    parts: Annotated[int, Field(gt=1)] = 2
    holds: str = ""
    date: Annotated[str, AfterValidator(_day_format)] = ""
    since: str = ""
    since_date: Annotated[str, AfterValidator(_day_format)] = ""
    group: Literal["", "icd10"] = ""

    def check_cells(self, type_: str) -> None:
        """Raises ValueError where keys do not fit the column's type, or each other."""
        given = {key for key in CellSpec.model_fields if getattr(self, key) != CellSpec.model_fields[key].default}
        name = getattr(self, "name", "")
        if type_ != "number" and (wrong := sorted(given & set(NUMBER_ONLY))):
            raise ValueError(f"column '{name}': {', '.join(wrong)} belong to type number")
        if bool(self.date) != bool(self.since):
            raise ValueError(
                f"column '{name}': date (the form) and since (a day such as 2020-01-31, or a column) belong together"
            )
        if self.split and (self.part is None) == (not self.holds):
            raise ValueError(f"column '{name}': with split, say which `part` is the number, or which code the flag `holds`")
        if (self.part or self.holds) and not self.split:
            raise ValueError(f"column '{name}': part and holds need `split`, what stands between the pieces")
        if self.part and self.part > self.parts:
            raise ValueError(f"column '{name}': part {self.part} of {self.parts} parts")
        if self.holds and type_ != "flag":
            raise ValueError(f"column '{name}': holds belongs to type flag: does the cell hold this code?")
        if self.group and type_ == "number":
            raise ValueError(f"column '{name}': group belongs to type category, or to a flag that `holds` a chapter")
