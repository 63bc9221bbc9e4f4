"""Rows of the manifest: every column under its own name, in the order of the source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import Cohort
from fpmg_plugins.datasets.folder.source import cells, media
from fpmg_plugins.datasets.folder.source.form import Source
from fpmg_plugins.datasets.folder.spec import ColumnSpec, ImageSpec, ModalitySpec, SiloSpec, TableSpec, TextSpec, VideoSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Texts = list[str | None]


class Rows:
    """The manifest as it fills. columns: name -> cells; the first who writes a column wins: a condition before a table."""

    def __init__(self, source: Source, cohort: Cohort, root: Path) -> None:
        self.source, self.cohort, self.root = source, cohort, root
        self.header = source.headers[source.spec.manifest]
        self.columns: dict[str, Texts] = {}
        self.told: list[str] = []

    def fill(self) -> dict[str, Texts]:
        """All columns of the header, in its order; what nobody declares stays empty."""
        spec, n = self.source.spec, len(self.cohort)
        for name in filter(None, (spec.record, spec.patient)):
            self.put(name, cells.ids(n, self.header.columns.get(name, "")))
        if spec.silo is not None and self.cohort.silo_names:
            self.put(spec.silo.column, _silos(spec.silo, self.cohort))
        for at, column in enumerate(spec.conditions):
            self.column(column, self.cohort.condition[:, at], None)
        for name, part in spec.modalities.items():
            if name in self.cohort.schemas:
                self._modality(name, part)
        for rule in spec.rows:
            if rule.column not in self.columns:
                self.put(rule.column, [_kept(rule.keep, rule.drop)] * n)
        empty = [name for name in self.header.columns if name not in self.columns]
        if empty:
            self.told.append(
                f"columns that cohort.yaml does not declare, or that were not generated, are empty: {', '.join(empty)}"
            )
        return {name: self.columns.get(name, [None] * n) for name in self.header.columns}

    def put(self, name: str, values: Texts) -> None:
        """A column, unless it is there."""
        self.columns.setdefault(name, values)

    def column(self, spec: ColumnSpec, values: NDArray[Any], here: NDArray[np.bool_] | None) -> None:
        """A declared one. values: category indices, flags or numbers of a condition, or what a table holds."""
        if spec.type == "category" and values.dtype != object:
            known = [*spec.categories, None]
            values = np.array([known[-1] if np.isnan(v) else known[int(v)] for v in values], dtype=object)
        written = cells.texts(spec, values)
        self.put(spec.source, written if here is None else [w if there else None for w, there in zip(written, here, strict=True)])

    def _modality(self, name: str, spec: ModalitySpec) -> None:
        here = self.cohort.present[name]
        if isinstance(spec, TableSpec):
            frame = self.cohort.data[name].frame
            for column in spec.columns:
                self.column(column, frame[column.name].to_numpy(), here)
        elif isinstance(spec, TextSpec):
            self._text(spec, self.cohort.data[name].strings, here)
        elif isinstance(spec, ImageSpec | VideoSpec):
            self.put(spec.column, media.write(spec, name, self.cohort.data[name], here, self.root))
        if spec.present:
            self.put(spec.present, ["1" if there else "0" for there in here])

    def _text(self, spec: TextSpec, strings: tuple[str, ...], here: NDArray[np.bool_]) -> None:
        silent = {"", *self.source.spec.missing} if self.header.text else set()
        lost = sum(1 for string, there in zip(strings, here, strict=True) if there and string in silent)
        if lost:
            self.told.append(f"{lost} texts of {spec.column} are words that mean a missing cell: they are read as missing")
        self.put(spec.column, [string if there else None for string, there in zip(strings, here, strict=True)])


def _silos(spec: SiloSpec, cohort: Cohort) -> Texts:
    """The first value that forms a silo's group, or its name; nothing for the silo of empty cells."""
    values = {name: spec.groups[name][0] if spec.groups.get(name) else name for name in cohort.silo_names}
    return [None if cohort.silo_names[at] == spec.missing else values[cohort.silo_names[at]] for at in cohort.silo]


def _kept(keep: tuple[str, ...] | None, drop: tuple[str, ...] | None) -> str | None:
    """A cell that the rule lets pass."""
    if keep is not None:
        return keep[0] or None
    return cells.SYNTHETIC.rstrip("-") if "" in (drop or ()) else None
