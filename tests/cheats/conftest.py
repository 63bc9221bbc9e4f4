"""The cheats as a distribution that is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

DISTRIBUTION = "cheaters"


@pytest.fixture(scope="session")
def cheaters(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the distribution whose plug-ins all cheat."""
    return DISTRIBUTION


@pytest.fixture(scope="session", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory):
    """As pip would leave it: importable and listed."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / f"{DISTRIBUTION}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fpmg_bench]\nmain = cheating_plugins\n")
    added = [str(folder), str(Path(__file__).parent)]
    sys.path[:0] = added
    yield
    for each in added:
        sys.path.remove(each)
