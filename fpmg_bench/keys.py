"""Canonical JSON, content hashes, and the tree of random seeds. Every key and every random stream of a run comes from here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpmg_bench.types import Rng

AT_ONCE = 2**20  # bytes
KEY_BYTES = 32


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; NaN and infinities are refused, since they do not round-trip."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def digest(value: Any) -> str:
    """sha256 of the canonical JSON, hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def seed_for(root: int, *path: str | int) -> int:
    """A 63-bit seed for one stream: `seed_for(root, "silo", 3, "round", 12)`. Distinct paths give independent streams."""
    material = canonical([root, *path]).encode()
    return int.from_bytes(hashlib.sha256(material).digest()[:8], "big") >> 1


def rng_for(root: int, *path: str | int) -> Rng:
    """A fresh torch generator on the CPU for one stream."""
    import torch

    generator = torch.Generator()
    generator.manual_seed(seed_for(root, *path))
    return generator


def key_for(root: int | bytes, *path: str | int) -> bytes:
    """A key of 256 bits for one stream below a root seed or another key: HKDF-SHA256 (RFC 5869) of all of the root.

    Below a seed it is as secret as the seed, which every run directory tells: noise of such keys is simulated.
    """
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    known = root if isinstance(root, bytes) else canonical(root).encode()
    return HKDF(SHA256(), KEY_BYTES, salt=b"fpmg-bench", info=canonical(path).encode()).derive(known)


def source_hash(*files: Path) -> str:
    """sha256 over the bytes of files in the given order, which may be larger than memory."""
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while some := stream.read(AT_ONCE):
                total.update(some)
    return total.hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(item) for item in value)
    return value
