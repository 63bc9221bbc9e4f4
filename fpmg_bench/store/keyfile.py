"""What secure noise leaves on disk: while a trial may be resumed, the key that it is drawn with; afterwards, that it was released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpmg_bench.errors import StoreError
from fpmg_bench.store.atomic import write_bytes
from fpmg_bench.store.reading import Damaged, read_json, sealed

OWN = 0o600


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file of its owner's alone. key: of the trial that it belongs to."""

    path: Path
    key: str

    def read(self) -> dict[str, Any]:
        """What was written last; nothing where there is no file, or one of another trial.

        Raises StoreError where it is damaged: fresh noise for what has been sent would cost more than is charged.
        """
        found = read_json(self.path)
        if isinstance(found, Damaged):
            raise StoreError(
                f"{found}: the key of this trial's noise is lost, and what it has sent cannot be sent again",
                f"delete {self.path.parent}, and count what it sent as spent",
            )
        return found if found and found.get("trial") == self.key else {}

    def write(self, note: Mapping[str, Any]) -> None:
        """Whole and on disk when this returns."""
        write_bytes(self.path, sealed({"trial": self.key, **note}), OWN)
