"""How model messages reach another node. The default keeps all silos in one process; `gloo` gives each a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from fpmg_bench.transport.inproc import Inproc
from fpmg_bench.transport.message import Awaited, Message

if TYPE_CHECKING:
    from fpmg_bench.errors import SiloLost

__all__ = ["Awaited", "Inproc", "Message", "Transport"]


class Transport(Protocol):
    """What the round loop asks of it.

    whole: all nodes are in this process; first: this process does what one has to do for all; header: bytes of a real
    message's header, None where none is written; frames: what every silo received, where that is recorded (record); gone: silos that died, and where.
    """

    @property
    def whole(self) -> bool: ...
    @property
    def first(self) -> bool: ...
    @property
    def header(self) -> int | None: ...
    @property
    def gone(self) -> Mapping[int, str]: ...
    @property
    def record(self) -> bool: ...
    @property
    def frames(self) -> dict[int, list[dict[str, Any]]]: ...

    def holds(self, node: int) -> bool:
        """Whether this process is that node."""
        ...

    def gather(self, what: str, local: Mapping[int, Any], silos: Sequence[int] | None = None) -> dict[int, Any]:
        """JSON that silos (default: all) tell under one name, once; `local`: those of this process."""
        ...

    def deliver(self, messages: list[Message], stage: str, round: int, awaited: Sequence[Awaited] = ()) -> list[Message]:
        """Messages of this process's nodes go out; those that arrive at them come back, in the plan's order."""
        ...

    def committed(self, stage: str, round: int) -> None:
        """Return when all have finished a round; SiloLost where one died and the others repeat it."""
        ...

    def repeat(self, lost: SiloLost, stage: str, round: int) -> None:
        """Make ready to repeat a round without the silo that died; raises `lost` where that cannot be."""
        ...

    def settle(self, stage: str, round: int, metered: int) -> None:
        """PlumbingError where a round's meter and what was really sent differ."""
        ...
