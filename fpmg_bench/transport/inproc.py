"""All silos in one process: a message is a shared tensor, never a copy. Deterministic, the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from fpmg_bench.errors import SiloLost
    from fpmg_bench.transport.message import Awaited, Message


@dataclass(slots=True)
class Inproc:
    """Delivers at once. `record` keeps what every silo received, for the neighbour's view: `frames[silo]`."""

    record: bool = False
    frames: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    whole: ClassVar[bool] = True
    first: ClassVar[bool] = True
    header: ClassVar[int | None] = None
    gone: ClassVar[Mapping[int, str]] = MappingProxyType({})

    def holds(self, node: int) -> bool:
        """Every node is in this process."""
        return True

    def gather(self, what: str, local: Mapping[int, Any], silos: Sequence[int] | None = None) -> dict[int, Any]:
        """What all silos say is known here."""
        return dict(local)

    def committed(self, stage: str, round: int) -> None:
        """Nobody is behind."""

    def repeat(self, lost: SiloLost, stage: str, round: int) -> None:
        """No silo dies alone here."""
        raise lost

    def settle(self, stage: str, round: int, metered: int) -> None:
        """Nothing is sent but what is metered."""

    def deliver(self, messages: list[Message], stage: str, round: int, awaited: Sequence[Awaited] = ()) -> list[Message]:
        """The messages as they arrive."""
        if self.record:
            for message in messages:
                self.frames.setdefault(message.dst, []).append(_frame(message, stage, round))
        return messages


def _frame(message: Message, stage: str, round: int) -> dict[str, Any]:
    known = {"stage": stage, "round": round, "src": message.src, "origin": message.origin}
    return known | {"relayed": message.relayed, "masked": message.masked, "payload": message.payload}
