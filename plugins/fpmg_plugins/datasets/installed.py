"""Finds the data files that arrive with the installed torchxrayvision, without importing it (it would import torch)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from fpmg_bench import keys
from fpmg_bench.errors import DatasetError


def data_file(name: str) -> Path:
    """`torchxrayvision/data/<name>`. Raises DatasetError where the package or the file is not there."""
    found = importlib.util.find_spec("torchxrayvision")
    places = list(found.submodule_search_locations or ()) if found else []
    for place in places:
        file = Path(place) / "data" / name
        if file.is_file():
            return file
    where = f"{places[0]}/data" if places else "this Python"
    raise DatasetError(f"{name}: not in {where}", "python -m pip install 'torchxrayvision>=1.5'")


def content(*files: str) -> str:
    """sha256 of those files."""
    return keys.source_hash(*(data_file(name) for name in files))
