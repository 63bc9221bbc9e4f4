"""Files that are either whole or absent: written beside, flushed to disk, renamed."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fpmg_bench.store.reading import sealed


def plain(value: Any) -> Any:
    """Strict JSON of a nested value: NaN becomes null, infinities "inf" and "-inf", scalars of numpy and torch Python numbers."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, float):
        return _number(float(value))
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _number(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def write_bytes(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replace `path` by these bytes, or leave it as it was if the process dies or the disk is full. An OSError names the file.

    mode: of the file, less the umask.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with naming(path, beside):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _sync_folder(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


@contextlib.contextmanager
def naming(path: Path, beside: Path | None = None) -> Iterator[None]:
    """An OSError within, of which the system said no file (a full disk) or the one `beside`, is of this one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(beside)):
            error.filename = str(path)
        raise


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by readable, strict JSON with its checksum."""
    write_bytes(path, sealed(plain(value)))


@contextlib.contextmanager
def whole_folder(target: Path, *, flushed: bool = True) -> Iterator[Path]:
    """A folder to fill, which becomes `target` on success. The first writer wins; a later one's folder is dropped.

    flushed: to disk, file by file, before it appears; of tens of thousands of files that takes minutes.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with naming(target):
            beside.mkdir(parents=True)
            yield beside
            _publish(beside, target, flushed=flushed)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _publish(beside: Path, target: Path, *, flushed: bool) -> None:
    for file in beside.rglob("*") if flushed else ():
        if file.is_file():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
    try:
        beside.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    _sync_folder(target.parent)


def sweep(folder: Path) -> None:
    """Remove what interrupted writers left beside their targets, here and one folder below. Only for folders with one writer."""
    for left in [*folder.glob(".*.tmp"), *folder.glob("*/.*.tmp")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
