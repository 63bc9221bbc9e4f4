"""What happens to a message between two silos: another model for every other receiver, a changed relay, or nothing arrives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Gt, Le

from fpmg_bench.faults.byzantine import flipped
from fpmg_bench.faults.kind import Kind

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.transport import Message
    from fpmg_bench.types import Rng


def _backwards(message: Message, reference: Mapping[str, Tensor], scale: float) -> Message:
    return replace(message, payload={k: flipped(v, reference[k], scale) for k, v in message.payload.items()})


@dataclass(frozen=True)
class Equivocation(Kind):
    """Sends its model to every other receiver of a step, beginning with the first, and its sign flip to the rest: left and right differ."""

    scale: Annotated[float, Gt(0)] = 1.0
    byzantine: ClassVar[bool] = True
    needs: ClassVar[Literal["receivers"]] = "receivers"

    def sends(self, message: Message, place: int, reference: Mapping[str, Tensor], rng: Rng) -> Message | None:
        own = message.origin == message.src
        return _backwards(message, reference, self.scale) if own and place % 2 else message


@dataclass(frozen=True)
class RelayTampering(Kind):
    """Relays the sign flip of what it received, as seen from its own model before training; its own model is honest."""

    scale: Annotated[float, Gt(0)] = 1.0
    byzantine: ClassVar[bool] = True
    needs: ClassVar[Literal["relays"]] = "relays"

    def sends(self, message: Message, place: int, reference: Mapping[str, Tensor], rng: Rng) -> Message | None:
        return message if message.origin == message.src else _backwards(message, reference, self.scale)


@dataclass(frozen=True)
class Omission(Kind):
    """Each transfer of the silo is lost with probability p, independently, with all modules that it carries."""

    p: Annotated[float, Gt(0), Le(1)] = 0.1
    needs: ClassVar[Literal["messages"]] = "messages"

    def sends(self, message: Message, place: int, reference: Mapping[str, Tensor], rng: Rng) -> Message | None:
        import torch

        return None if float(torch.rand((), generator=rng)) < self.p else message


@dataclass(frozen=True)
class CutLink(Kind):
    """Nothing passes between two silos, in either direction: a ring becomes a path.

    Its two silos by name, or a number: so many drawn silos each lose the link to the next one in the ring of all silos.
    """

    needs: ClassVar[Literal["links"]] = "links"
