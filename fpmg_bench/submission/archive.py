"""The zip file of a bundle: the same content gives the same bytes, and a foreign one is unpacked without trusting it.

Nothing is unpickled or executed, no name leads out of the folder, no link is followed or made, and sizes are bounded by what comes out
of the file, not by what it says of itself.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fpmg_bench.errors import StoreError
from fpmg_bench.submission.layout import LARGEST, MOST_FILES, TOTAL, is_release, known

CHUNK = 1 << 20
KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OverflowError, ValueError)


@dataclass(frozen=True, slots=True)
class Packed:
    """One file as it came out: sha256, hexadecimal, and size in bytes."""

    sha256: str
    bytes: int


def pack(target: Path, files: Mapping[str, Path]) -> None:
    """Write the zip, whole or not at all. Raises StoreError where a file is too large, or the target exists."""
    if target.exists():
        raise StoreError(f"{target} exists", "name another file, or delete this one")
    sizes = [file.stat().st_size for file in files.values()]
    if len(files) > MOST_FILES or sum(sizes) > TOTAL or max(sizes, default=0) > LARGEST:
        raise StoreError(
            f"{len(files)} files of {sum(sizes):,} bytes, one of {max(sizes, default=0):,}: a bundle has at most {MOST_FILES:,}, {TOTAL:,} and {LARGEST:,}",
            "leave the releases out, or split the suite",
        )
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name)  # of 1980, so that the same run is the same file
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, files[name].read_bytes())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def unpack(source: Path, to: Path) -> dict[str, Packed]:
    """Every file of a bundle by name; those that are no releases now lie in `to`, which is empty.

    Raises StoreError for what is no zip, names other files than bundles have, or is too large.
    """
    try:
        if source.stat().st_size > TOTAL:
            raise StoreError(f"{source}: larger than {TOTAL:,} bytes", "a bundle is smaller")
        with zipfile.ZipFile(source) as archive:
            entries = list(_entries(source, archive))
            found: dict[str, Packed] = {}
            for entry in entries:
                left = TOTAL - sum(each.bytes for each in found.values())
                with archive.open(entry) as stream:
                    found[entry.filename] = _out(source, stream, entry.filename, to, min(LARGEST, left))
            return found
    except OSError as error:
        raise StoreError(f"{source}: {error.strerror or error}", "name a bundle that `fpmg-bench submit` made") from error
    except BROKEN as error:
        raise StoreError(f"{source}: no zip file that can be read ({error})", "fetch it again") from error


def _entries(source: Path, archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """The files; folders are passed over. Raises StoreError for the first that a bundle cannot have."""
    infos = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(infos) > MOST_FILES:
        raise StoreError(f"{source}: {len(infos):,} files; a bundle has at most {MOST_FILES:,}")
    names: set[str] = set()
    for entry in infos:
        why = _foreign(entry, names)
        if why:
            raise StoreError(f"{source}: {entry.filename[:200]!r} {why}", "nothing of it was unpacked")
        names.add(entry.filename.casefold())
        yield entry


def _foreign(entry: zipfile.ZipInfo, names: set[str]) -> str:
    """Why this is no file of a bundle; "" where it is one."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if not known(entry.filename) or entry.filename != entry.orig_filename:
        return "is no file of a bundle"
    if entry.filename.casefold() in names:
        return "is there twice"
    if kind not in (0, stat.S_IFREG) or entry.flag_bits & ENCRYPTED or entry.compress_type not in KINDS:
        return "is no plain file"
    return ""


def _out(source: Path, stream: IO[bytes], name: str, to: Path, limit: int) -> Packed:
    """Hash one file, and write it unless it is a release's. Raises StoreError where more than `limit` bytes come out."""
    total, size = hashlib.sha256(), 0
    target = to / name
    keep = not is_release(name)
    if keep:
        target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") if keep else open(os.devnull, "wb") as out:
        while some := stream.read(CHUNK):
            size += len(some)
            if size > limit:
                raise StoreError(f"{source}: {name} is larger than a bundle may be", "it was not read to its end")
            total.update(some)
            out.write(some)
    return Packed(total.hexdigest(), size)
