"""The one way to read a file of a run directory: bounded, held against its checksum and its shape. Damage is a value, no error."""

from __future__ import annotations

import errno
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fpmg_bench.store.shapes import ANY, Shape, misfit

LIMIT = 1 << 28  # bytes of JSON that are read: a plan of 10,000 trials takes a tenth of it
HEAD = b'{\n "sha256": "'
DIGITS = 64
MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # these say nothing of the file


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that cannot be used, and why. False like a file that is not there: readers count it, `run` computes it again."""

    path: Path
    why: str

    def __bool__(self) -> Literal[False]:
        return False

    def __str__(self) -> str:
        return f"{self.path.name}: {self.why}"


def read_bytes(path: Path, limit: int | None = None) -> bytes | Damaged | None:
    """A file's bytes; None where there is none. limit: larger ones are damaged."""
    try:
        if path.exists() and not path.is_file():
            return Damaged(path, "is no file")
        with path.open("rb") as file:
            data = file.read() if limit is None else file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in MACHINE:
            raise
        return Damaged(path, f"cannot be read: {error.strerror}")
    return data if limit is None or len(data) <= limit else Damaged(path, f"is larger than {limit} bytes")


def read_json(path: Path, shape: Shape = ANY) -> dict[str, Any] | Damaged | None:
    """The JSON object of a file, without its checksum; None where there is no such file. One without a checksum (of an older
    version, or written by hand) is held against the shape alone.
    """
    data = read_bytes(path, LIMIT)
    return parsed(data, path, shape) if isinstance(data, bytes) else data


def parsed(data: bytes, path: Path, shape: Shape) -> dict[str, Any] | Damaged:
    """The object in these bytes of a file."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return Damaged(path, "is cut, or no JSON" if data.strip() else "is empty")
    seal = value.pop("sha256", None) if isinstance(value, dict) else None
    if seal is not None and seal != checksum(data):
        return Damaged(path, "was changed after it was written (checksum)")
    wrong = misfit(value, shape, sample=seal is not None)  # what the store wrote itself is of one piece
    return Damaged(path, wrong) if wrong else value


def sealed(value: Any) -> bytes:
    """Readable JSON of a plain mapping that begins with the checksum of all that follows it."""
    body = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False).encode()
    rest = (b"," if value else b"") + body[1:] + b"\n"
    return HEAD + hashlib.sha256(rest).hexdigest().encode() + b'"' + rest


def checksum(data: bytes) -> str:
    """What the checksum of a sealed file's bytes must be; no checksum at all where it does not begin with one."""
    return hashlib.sha256(data[len(HEAD) + DIGITS + 1 :]).hexdigest() if data.startswith(HEAD) else "none"
