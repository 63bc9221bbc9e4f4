"""Folders as bytes: how trials and shared stages 1 travel to a worker and back. No name leads out, nothing is unpickled."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from io import BufferedRandom
from pathlib import Path
from typing import IO, Any

from fpmg_bench.document import inside
from fpmg_bench.errors import StoreError

PART = 1 << 23  # bytes of a message: whatever passes through the scheduler stays small
LIMIT = 1 << 31  # bytes of a folder
REBUILT = ("synthetic", "ranks")  # a trial that goes on makes these again


def pack(folders: Mapping[str, Path], file: IO[bytes], skip: Collection[str] = ()) -> None:
    """An uncompressed archive of folders' plain files, named name/path below it; without hidden ones and the folders of `skip`."""
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, folder in folders.items():
            for path in sorted(folder.rglob("*")):
                below = path.relative_to(folder)
                if path.is_file() and not path.is_symlink() and not _hidden(below) and below.parts[0] not in skip:
                    entry = tarfile.TarInfo(f"{name}/{below.as_posix()}")
                    entry.size = path.stat().st_size
                    with path.open("rb") as data:
                        archive.addfile(entry, data)
    if file.tell() > LIMIT:
        raise StoreError(f"{', '.join(folders)}: {file.tell()} bytes of files, at most {LIMIT} travel", "run it on one machine")


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def unpack(file: IO[bytes], folder: Path, place: str) -> None:
    """The files of an archive, below `folder`. Raises DatasetError for a name that leads out, StoreError for what is no plain file.

    place: where the archive came from, for the message.
    """
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for entry in archive:
                if entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
                    raise StoreError(f"{place}: '{entry.name}' is no plain file")
                target = inside(folder, entry.name, place)
                target.parent.mkdir(parents=True, exist_ok=True)
                data = archive.extractfile(entry)
                assert data is not None
                with data, target.open("wb") as written:
                    shutil.copyfileobj(data, written)
    except tarfile.TarError as error:
        raise StoreError(f"{place}: no archive: {error}") from error


def messages(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """A folder in parts of bounded size; each says which of how many it is, and the checksum of the whole."""
    with tempfile.TemporaryFile() as file:
        pack({name: folder}, file)
        size = file.tell()
        file.seek(0)
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        count = -(-size // PART)
        for part in range(count):
            yield {"name": name, "part": part, "of": count, "sha256": checksum, "data": file.read(PART)}


@dataclass(slots=True)
class Arrivals:
    """Folders on their way into `root`. wanted: names of folders that may come (trials/KEY, stage1/KEY)."""

    root: Path
    wanted: Collection[str]
    _open: dict[tuple[str, str], BufferedRandom] = field(default_factory=dict)

    def take(self, sender: str, message: Mapping[str, Any]) -> Path | None:
        """Keep a part. With the last one: the folder as it came, beside its place, for `settle`. What does not fit is dropped.

        Raises StoreError or DatasetError where the whole is not what was sent, or leads out of its folder.
        """
        name, part = str(message["name"]), int(message["part"])
        if name not in self.wanted:
            raise StoreError(f"{sender}: sent '{name}', which nobody asked for")
        if part == 0:
            self._drop(sender, name)
            self._open[sender, name] = tempfile.TemporaryFile(dir=self.root)  # noqa: SIM115 - open until its last part
        file = self._open.get((sender, name))
        if file is None or file.tell() != part * PART or file.tell() > LIMIT:
            return None
        file.write(message["data"])
        return self._whole(sender, name, str(message["sha256"])) if part == int(message["of"]) - 1 else None

    def _whole(self, sender: str, name: str, checksum: str) -> Path:
        with closing(self._open.pop((sender, name))) as file:
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != checksum:
                raise StoreError(f"{sender}: '{name}' arrived damaged")
            file.seek(0)
            beside = Path(tempfile.mkdtemp(prefix=".arrived-", suffix=".tmp", dir=self.root))
            unpack(file, beside, f"{sender}: {name}")
        return beside / name

    def _drop(self, sender: str, name: str) -> None:
        if (file := self._open.pop((sender, name), None)) is not None:
            file.close()

    def close(self) -> None:
        """Forget what is not whole."""
        for file in self._open.values():
            file.close()
        self._open.clear()


def settle(arrived: Path, target: Path) -> None:
    """Move a folder that `Arrivals.take` gave to its place; an older one, half-finished, goes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    arrived.rename(target)
    shutil.rmtree(arrived.parents[1], ignore_errors=True)
