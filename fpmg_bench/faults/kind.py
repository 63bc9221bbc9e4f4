"""What every kind of fault can do, and by default does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.transport import Message
    from fpmg_bench.types import Rng


@dataclass(frozen=True)
class Crowd:
    """What an omniscient liar sees. models, references [m, d] float64: the honest silos' after and before training.

    n: silos of the exchange, f: those of them that tell this lie.
    """

    models: Tensor
    references: Tensor
    n: int
    f: int


@dataclass(frozen=True)
class Kind:
    """One kind of fault. Its fields are its parameters in a suite; rng: a stream of its own for this silo and round.

    lies: its silos are adversaries, whose models no metric looks at. omniscient: `lie` needs the crowd. rounds: it comes and goes by
    rounds (else it is there from the start). needs: what a plan must have for it to do anything.
    """

    byzantine: ClassVar[bool] = False
    omniscient: ClassVar[bool] = False
    rounds: ClassVar[bool] = True
    needs: ClassVar[Literal["", "messages", "relays", "receivers", "links"]] = ""

    def away(self, rng: Rng) -> bool:
        """Whether the silo is inactive in this round: it neither trains nor sends."""
        return False

    def delay(self, rng: Rng) -> float:
        """Seconds that the silo is late in this round."""
        return 0.0

    def lie(self, model: Tensor, reference: Tensor, crowd: Crowd | None, rng: Rng) -> Tensor:
        """What the silo's trained model [d] becomes before the exchange. reference [d]: its model before training."""
        return model

    def sends(self, message: Message, place: int, reference: Mapping[str, Tensor], rng: Rng) -> Message | None:
        """What becomes of a message that the silo sends; None: lost. place: which of its receivers in this step this is."""
        return message
