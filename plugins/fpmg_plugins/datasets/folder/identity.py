"""The fingerprint of a folder cohort."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fpmg_bench import keys
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder.columns import strings
from fpmg_plugins.datasets.folder.document import Document
from fpmg_plugins.datasets.folder.manifest import read

READ_WHOLE = 256 * 2**20
END = 64 * 2**10


def content(document: Document, root: Path) -> str:
    """Digest of everything the cohort is made of, and of the source that reads it."""
    spec = document.spec
    tables = [spec.manifest, *(part.file for part in spec.modalities.values() if part.kind == "series")]
    media = _media(document, root)
    whole = sum(file.stat().st_size for file in media) <= READ_WHOLE
    return keys.digest(
        {
            "cohort": keys.source_hash(document.file),
            "tables": [_hash(root / name) for name in tables],
            "media": [_hash(file, whole) for file in media],
            "source": keys.source_hash(*sorted(Path(__file__).parent.glob("*.py"))),
        }
    )


def _media(document: Document, root: Path) -> list[Path]:
    spec = document.spec
    parts = [(name, part) for name, part in spec.modalities.items() if part.kind in ("image", "video")]
    if not parts:
        return []
    manifest = read(root / spec.manifest, spec.missing)
    cells = [
        (part.folder, strings(manifest.cells(part.column, document.place("modalities", name, "column")))) for name, part in parts
    ]
    files = [root / folder / cell for folder, column in cells for cell in column if cell is not None]
    return [file for file in files if file.is_file()]  # a file that is not there is named by `load`


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
