"""A registry of toys and a suite that uses them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from suite_toys import HEAD, METHODS  # the registry imports its classes by name

from fpmg_bench.errors import SuiteError
from fpmg_bench.hookspecs import GROUP
from fpmg_bench.registry import Entry, Registry
from fpmg_bench.registry.discovery import Plugin
from fpmg_bench.suite import CohortInfo, SiloInfo, Suite, parse_suite
from fpmg_bench.types import Column, Schema

TOYS = {
    "dataset": {"toy": "Cohorts", "toy-two": "Cohorts"},
    "encoder": {"tables": "Tables", "words": "Words"},
    "generator": {"gan": "Gan", "relaying": "Relaying"},
    "topology": {"ring": "Ring", "star": "Star", "isolated": "Isolated", "whisper": "Whisper"},
    "aggregator": {"mean": "Mean", "krum": "Krum"},
    "metric": {"rg": "Rg", "dg": "Dg"},
}


@pytest.fixture(scope="session")
def registry() -> Registry:
    import pluggy

    entries = tuple(
        Entry(name, kind, f"suite_toys:{cls}", "", "toys", "1", "main")  # type: ignore[arg-type]
        for kind, classes in TOYS.items()
        for name, cls in classes.items()
    )
    return Registry((Plugin("toys", "main", pluggy.PluginManager(GROUP), entries),))


@pytest.fixture
def suite() -> Callable[..., Suite]:
    """suite(methods=..., more=..., head=...): the small suite with more methods (indented by two) and more sections."""

    def make(methods: str = "", more: str = "", head: str = HEAD, registry: Registry | None = None) -> Suite:
        return parse_suite(head + METHODS + methods + more, registry=registry)

    return make


@pytest.fixture
def problems(registry: Registry) -> Callable[[str], list[str]]:
    """problems(text): the lines of the error that a suite gives, without its file name; [] if it is fine."""

    def lines(text: str) -> list[str]:
        try:
            parse_suite(text, registry=registry)
        except SuiteError as error:
            return [line.removeprefix("suite.yaml:") for line in error.message.split("\n")]
        return []

    return lines


@pytest.fixture
def info() -> Callable[..., CohortInfo]:
    """info(name, sites={"A": 60}, modalities={"table": "table"}): a cohort as planning knows it."""

    def make(
        name: str = "toy",
        sites: dict[str, int] | None = None,
        modalities: dict[str, str] | None = None,
        patients: int = 1000,
    ) -> CohortInfo:
        kinds = {"labs": "table", "notes": "text"} if modalities is None else modalities
        schemas = {modality: Schema(kind) for modality, kind in kinds.items()}  # type: ignore[arg-type]
        silos = {"A": 500, "B": 300, "C": 200} if sites is None else sites
        return CohortInfo(
            name,
            "fingerprint",
            schemas,
            (Column("label", "flag"),),
            ("0", "1"),
            (patients // 2, patients // 2),
            patients,
            patients,
            dict.fromkeys(kinds, patients),
            tuple(SiloInfo(silo, n, n, (n // 2, n // 2), dict.fromkeys(kinds, n)) for silo, n in silos.items()),
        )

    return make
