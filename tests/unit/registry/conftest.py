"""Distributions made on the spot: a dist-info folder and a module on sys.path."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from fpmg_bench.registry import Registry

Install = Callable[..., None]
HEADER = "from fpmg_bench.hookspecs import Component, hookimpl\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """install(distribution, module, source, version="1.0", entry_point="main"): as pip would leave it, importable and listed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)

    def make(distribution: str, module: str, source: str, *, version: str = "1.0", entry_point: str = "main") -> None:
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[fpmg_bench]\n{entry_point} = {module}\n")
        (tmp_path / f"{module}.py").write_text(HEADER + dedent(source))

    yield make  # type: ignore[misc]
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def discover() -> Callable[[], Registry]:
    """The registry without the plug-in that ships."""
    return lambda *disabled: Registry.discover(["builtin", *disabled])
