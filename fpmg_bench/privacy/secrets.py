"""The key of `privacy: {secure: true}`: the system's, 256 bits, one a trial (or rank), of which every opening of a shard has its own.

It is stored before anything is drawn, with the budgets that the trial may spend: a charge is on disk before anything leaves. While the
trial is not trained the key stays, so that whoever resumes it draws the same noise, charges the same accesses and sends the same bytes;
fresh noise for what neighbours have already would be charged to nobody. Once what is released is stored, the key is gone for good.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fpmg_bench.errors import PrivacyError
from fpmg_bench.keys import KEY_BYTES, key_for


class Kept(Protocol):
    """Where the key outlives an interruption."""

    def read(self) -> Mapping[str, Any]: ...
    def write(self, note: Mapping[str, Any]) -> None: ...


class Memory(dict[str, Any]):
    """Where nothing resumes: the key is this process's."""

    def read(self) -> Mapping[str, Any]:
        return self

    def write(self, note: Mapping[str, Any]) -> None:
        self.clear()
        self.update(note)


@dataclass(slots=True)
class Secrets:
    """The key of one trial. charged: silo -> the epsilon that it may spend, written beside the key."""

    kept: Kept = field(default_factory=Memory)
    charged: Mapping[str, float] = field(default_factory=dict)
    _key: bytes | None = field(default=None, repr=False)

    def key(self, *path: str | int) -> bytes:
        """Of one opening. PrivacyError where the trial has been trained before: its key is gone, and new noise is a new charge."""
        if self._key is None:
            known = self.kept.read()
            if known.get("released"):
                raise PrivacyError(
                    "this trial has released its model under secure noise, and its key is gone: to train it again spends epsilon again",
                    "take another seed, or delete the trial's folder and count both",
                )
            found = known.get("key") or secrets.token_hex(KEY_BYTES)
            if found != known.get("key"):
                self.kept.write({"key": found, "charged": dict(self.charged)})
            self._key = bytes.fromhex(found)
        return key_for(self._key, *path)

    def forget(self) -> None:
        """What was drawn with the key is stored: nobody needs it again. Nothing to do where there is none."""
        if "key" in self.kept.read():
            self.kept.write({"released": True, "charged": dict(self.charged)})
        self._key = None
