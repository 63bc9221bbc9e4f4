"""Any user's cohort: a `cohort.yaml`, a manifest, media, long series. It also reads what a run wrote under `synthetic/`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from fpmg_bench.cohorts.losses import Loss
from fpmg_bench.contracts import About, Form
from fpmg_bench.types import Cohort
from fpmg_plugins.datasets.folder.about import about
from fpmg_plugins.datasets.folder.assemble import assemble
from fpmg_plugins.datasets.folder.document import Document
from fpmg_plugins.datasets.folder.identity import content, named
from fpmg_plugins.datasets.folder.joined import whole
from fpmg_plugins.datasets.folder.source import said_of, write
from fpmg_plugins.datasets.folder.spec import CohortSpec
from fpmg_plugins.datasets.folder.unread import losses


class Folder:
    """The cohort that a `cohort.yaml` describes.

    root: the folder that its file names are relative to (default: the folder of the file); file: the cohort.yaml, relative to
    the root. Everything wrong with file or rows is a DatasetError that names the line or row; nothing is left out uncounted.
    """

    def __init__(self, root: str = "", file: str = "cohort.yaml") -> None:
        self.root = root
        self.file = file

    @property
    def licence(self) -> str:
        """As cohort.yaml states it."""
        return self._document.spec.licence

    @property
    def citation(self) -> str:
        """As cohort.yaml states it."""
        return self._document.spec.citation

    @property
    def publishable(self) -> bool:
        """May samples be shown? False unless cohort.yaml says so."""
        return self._document.spec.publishable

    @property
    def about(self) -> About:
        """As cohort.yaml states it."""
        return about(self._document.spec)

    def fingerprint(self) -> str:
        """Digest of cohort.yaml, manifest, series and media: contents, or sizes and both ends where media exceed 256 MiB."""
        return content(self._document, self.folder())

    def folder(self) -> Path:
        """Where the files are."""
        file = self._file()
        return Path(self.root).expanduser() if self.root else file.parent

    def load(self) -> Cohort:
        """All records with a known label."""
        return assemble(self._document, self.folder())

    def source(self) -> dict[str, Any]:
        """How the files are written: the declaration, and names and types of columns."""
        return said_of(self._document, self.folder())

    @classmethod
    def write(cls, said: Mapping[str, Any], cohort: Cohort, folder: Path, form: Form = "source") -> list[str]:
        """Any cohort of these schemas as `said` describes the source's files; what is not as there, in words."""
        return write(said, cohort, folder, form)

    def unread(self) -> list[Loss]:
        """Columns and files that cohort.yaml does not name, and what was done to headers."""
        root = self.folder()
        media = {file.resolve() for file in named(self._document, root)}
        return list(losses(self._document, root, whole(self._document, root, 1), media))

    @classmethod
    def file_schema(cls) -> dict[str, Any]:
        """What a cohort.yaml may say, as a JSON schema for editors: made from what reads it."""
        return CohortSpec.model_json_schema()

    @cached_property
    def _document(self) -> Document:
        return Document(self._file())

    def _file(self) -> Path:
        return Path(self.root).expanduser() / self.file
