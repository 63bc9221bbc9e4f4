"""What metrics are handed, and that it stays as it was: arrays cannot be written, tables are compared afterwards and put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import Cohort, Table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Handed:
    """One cohort as it was when it was handed out. frames: copies, by modality; parts: its fields."""

    name: str
    cohort: Cohort
    parts: Mapping[str, Any]
    frames: Mapping[str, pd.DataFrame]

    @classmethod
    def of(cls, name: str, cohort: Cohort) -> Handed:
        """From here on no array of the cohort can be written."""
        parts = {field.name: getattr(cohort, field.name) for field in fields(cohort)}
        copied = {key: dict(part) if isinstance(part, Mapping) else part for key, part in parts.items()}
        sealed((parts["present"], cohort.condition, cohort.patient, cohort.silo))
        for data in cohort.data.values():
            sealed([getattr(data, field.name) for field in fields(data)])
        frames = {modality: data.frame.copy() for modality, data in cohort.data.items() if isinstance(data, Table)}
        return cls(name, cohort, copied, frames)

    def put_back(self) -> bool:
        """Whether something was written into it; then it is again what it was."""
        written = [modality for modality, frame in self.frames.items() if not frame.equals(self._table(modality).frame)]
        for modality in written:
            object.__setattr__(self._table(modality), "frame", self.frames[modality].copy())
        now = {key: getattr(self.cohort, key) for key in self.parts}
        changed = [key for key, part in self.parts.items() if not _same(part, now[key])]
        for key in changed:
            part = self.parts[key]
            object.__setattr__(self.cohort, key, dict(part) if isinstance(part, dict) else part)
        return bool(written or changed)

    def _table(self, modality: str) -> Table:
        found: Table = self.parts["data"][modality]
        return found


def _same(part: Any, now: Any) -> bool:
    """The same objects, under the same names where there are several."""
    if not isinstance(part, dict):
        return part is now
    return isinstance(now, Mapping) and part.keys() == now.keys() and all(now[key] is value for key, value in part.items())


def sealed(value: Any) -> Any:
    """The value, its arrays made read-only, also within mappings and sequences; records of JSON as views that cannot be written."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, Mapping):
        return MappingProxyType({key: sealed(item) for key, item in value.items()})
    elif isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return tuple(sealed(item) for item in value)
    return value
