"""The registry as tests of plug-ins see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fpmg_bench.registry import Registry


@pytest.fixture
def discover() -> Callable[[], Registry]:
    """The registry without the plug-in that ships."""
    return lambda *disabled: Registry.discover(["builtin", *disabled])
