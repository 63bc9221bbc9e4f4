"""Whose patients stand beside each other: the cohort, loaded again, and the releases of the methods that lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import FpmgError
from fpmg_bench.report.patients.samples import release_of
from fpmg_bench.report.verdicts.leaders import lead
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.spec import Choice

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.types import Cohort

MOST = 2  # methods beside the real patients


@dataclass(frozen=True, slots=True)
class Loader:
    """Reads cohorts for the report; each once."""

    real: Callable[[Group], Cohort]
    folder: Callable[[Path], Cohort]


class Gone(Exception):
    """Patients that cannot be read here, with the reason in words."""


def loader(registry: Registry) -> Loader:
    """With the components of this machine."""
    read: dict[str, Cohort | str] = {}

    def real(group: Group) -> Cohort:
        choice = group.methods[0].spec["dataset"]
        known = f"{choice}{group.cohort.get('fingerprint')}"
        if known not in read:
            read[known] = _loaded(registry, choice, group.cohort)
        found = read[known]
        if isinstance(found, str):
            raise Gone(found)
        return found

    def folder(place: Path) -> Cohort:
        try:
            made: Cohort = registry.build("dataset", Choice("folder", {"root": str(place)})).load()
        except Exception as error:
            raise Gone(_said(error)) from error
        return made

    return Loader(real, folder)


def _loaded(registry: Registry, choice: Mapping[str, Any], info: Mapping[str, Any]) -> Cohort | str:
    """The cohort, or why there is none."""
    try:
        dataset: Any = registry.build("dataset", Choice(str(choice["name"]), choice.get("params") or {}))
        if dataset.fingerprint() != info.get("fingerprint"):
            return "the cohort has changed since the run was planned"
        cohort: Cohort = dataset.load()
    except Exception as error:  # noqa: BLE001 - a dataset is a plug-in: whatever it raises, the panel says so and the report is written
        return _said(error)
    return cohort


def _said(error: Exception) -> str:
    """The program's own words, which hold no cell; of others' errors the kind alone."""
    return error.message if isinstance(error, FpmgError) else type(error).__name__


def leading(view: View, group: Group) -> list[tuple[Method, Path]]:
    """The best of the competing methods whose releases are stored, by TSTR, else by RG, else in the suite's order."""
    table = lead(view, group)
    order = [method for method, _ in table.order] if table else [m for m in group.ranked if not m.pooled] or group.ranked
    stored = ((method, release_of(method)) for method in order)
    return [(method, place) for method, place in stored if place is not None][:MOST]


def releases(loader: Loader, found: list[tuple[Method, Path]], unreadable: list[str]) -> Iterator[tuple[Method, Cohort]]:
    """The records of each; of a damaged folder the reason instead."""
    for method, place in found:
        try:
            yield method, loader.folder(place)
        except Gone as error:
            unreadable.append(f"{method.name}: {error}")
