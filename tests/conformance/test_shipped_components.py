"""Everything that ships passes the checks that third parties run on their own plug-ins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fpmg_bench.registry import Registry
from fpmg_bench.testing import parametrize_with_checks

NEEDS_FILES = ("folder",)  # has no defaults: it reads what the user names


def _shipped() -> Iterator[Any]:
    registry = Registry.discover()
    for entry in registry.entries():
        if entry.distribution == "fpmg-bench" and entry.name not in NEEDS_FILES:
            yield registry.load(entry.kind, entry.name)()


@parametrize_with_checks(_shipped())
def test_contract(component: Any, check: Any) -> None:
    check(component)


def test_nothing_that_ships_is_broken() -> None:
    assert not [broken for broken in Registry.discover().broken if broken.distribution == "fpmg-bench"]
