"""The fingerprint of a folder cohort."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fpmg_bench import keys
from fpmg_bench.cohorts import icd10, tables
from fpmg_bench.document import inside
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder import naming
from fpmg_plugins.datasets.folder.document import Document
from fpmg_plugins.datasets.folder.joined import whole

READ_WHOLE = 256 * 2**20
END = 64 * 2**10


def content(document: Document, root: Path) -> str:
    """Digest of everything the cohort is made of, and of the source that reads it."""
    spec = document.spec
    files = {spec.manifest: document.place("manifest")}
    files |= {part.file: document.place("tables", at, "file") for at, part in enumerate(spec.tables)}
    for name, part in spec.modalities.items():
        named_here = [table.file for table in part.tables if table.file] if part.kind == "series" else []
        files |= dict.fromkeys(named_here, document.place("modalities", name, "file"))
    media = named(document, root)
    whole = sum(file.stat().st_size for file in media) <= READ_WHOLE
    return keys.digest(
        {
            "cohort": keys.source_hash(document.file),
            "tables": [_hash(inside(root, name, place)) for name, place in files.items()],
            "media": [_hash(file, whole) for file in media],
            "source": keys.source_hash(*_sources()),
        }
    )


def _sources() -> list[Path]:
    """What turns cells into values: this room, and the core's reader of tables."""
    rooms = (Path(__file__).parent, Path(tables.__file__).parent)
    return [*(file for room in rooms for file in sorted(room.glob("*.py"))), Path(icd10.__file__)]


def named(document: Document, root: Path) -> list[Path]:
    """Files of pictures and clips that the manifest names and that are there."""
    spec = document.spec
    parts = [(name, part) for name, part in spec.modalities.items() if part.kind in ("image", "video")]
    if not parts:
        return []
    manifest = whole(document, root)
    found = [naming.files(part, manifest, root, document.place("modalities", name, "column")) for name, part in parts]
    return [file for each in found for files in each for file in files if file.is_file()]  # others are named by `load`


def _hash(file: Path, whole: bool = True) -> str:
    if not file.is_file():
        raise DatasetError(f"{file}: there is no such file", "names in cohort.yaml are relative to its root")
    if whole:
        return keys.source_hash(file)
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(END)
        stream.seek(max(0, size - END))
        ends = head + stream.read(END)
    return f"{size}:{hashlib.sha256(ends).hexdigest()}"
