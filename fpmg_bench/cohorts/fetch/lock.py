"""fetch.lock.json beside the data: the sha256 of every file that was fetched, and what it was checked against.

Where nobody publishes a hash the first fetch is trusted and recorded; every later one must bring the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fpmg_bench.errors import DatasetError

LOCK = "fetch.lock.json"
LINE = re.compile(r"^([0-9a-fA-F]{64})\s+\*?(.+?)\s*$")


def read_lock(folder: Path) -> dict[str, Any]:
    """The lock of a fetched cohort; {} where there is none. Raises DatasetError where it is damaged."""
    file = folder / LOCK
    if not file.is_file():
        return {}
    try:
        lock: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return lock if isinstance(lock["files"], dict) else {}
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{file}: damaged ({error})", "delete it to trust the next fetch anew") from error


def write_lock(folder: Path, base: str, files: Mapping[str, Mapping[str, Any]]) -> None:
    """files: name -> {"sha256", "bytes", "checked"}."""
    text = json.dumps({"version": 1, "base": base, "files": dict(sorted(files.items()))}, indent=2)
    (folder / LOCK).write_text(text + "\n", encoding="utf-8")


def published(file: Path) -> dict[str, str]:
    """name -> "sha256:..." of a SHA256SUMS.txt. Raises DatasetError where it lists nothing."""
    lines = (LINE.match(line) for line in file.read_text(encoding="utf-8").splitlines())
    sums = {match[2].removeprefix("./"): f"sha256:{match[1].lower()}" for match in lines if match}
    if not sums:
        raise DatasetError(
            f"{file}: lists no sha256 sums", "was an error page downloaded in its place? delete it and fetch again"
        )
    return sums


def digest(file: Path, algorithm: str = "sha256") -> str:
    """The hash of a file as hexadecimal digits, read in pieces."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def check(file: Path, known: str) -> None:
    """Raises DatasetError, naming both hashes, where the file's hash is not `known` ("sha256:..." or "md5:...")."""
    algorithm, _, wanted = known.partition(":")
    found = digest(file, algorithm)
    if found != wanted.lower():
        raise DatasetError(
            f"{file}: {algorithm} is {found}, expected {wanted}", "another version of the file, or a damaged one: get it again"
        )
