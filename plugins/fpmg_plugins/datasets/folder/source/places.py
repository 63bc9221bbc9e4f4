"""The tables that a cohort.yaml names: which file, which sheet, how it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fpmg_bench.cohorts.tables import Form
from fpmg_plugins.datasets.folder.spec import CohortSpec, SeriesSpec


@dataclass(frozen=True, slots=True)
class Place:
    """path: keys of cohort.yaml that lead to the file's name; key: by which its header is kept."""

    path: tuple[str | int, ...]
    file: str
    form: Form

    @property
    def key(self) -> str:
        return key(self.file, self.form)


def key(file: str, form: Form) -> str:
    """A file's name, with its sheet where one is declared: two sheets are two tables."""
    return f"{file}[{form.sheet}]" if file.endswith(".xlsx") and form.sheet else file


def places(spec: CohortSpec) -> Iterator[Place]:
    """The manifest, what is joined to it, and the tables of series; one file may be named twice."""
    usual = spec.form()
    yield Place(("manifest",), spec.manifest, usual)
    for at, table in enumerate(spec.tables):
        yield Place(("tables", at, "file"), table.file, table.form(usual))
    for name, part in spec.modalities.items():
        if isinstance(part, SeriesSpec):
            for at, long in enumerate(part.tables):
                if long.file:
                    more = ("more", at - 1) if at else ()
                    yield Place(("modalities", name, *more, "file"), long.file, long.form(usual))
