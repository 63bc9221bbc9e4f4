"""How modules travel that the aggregator does not merge: averaged whatever the rule is, or relayed as each silo sent them.

A learner says so by `travels`: the first word of its modules' names ("discriminator" of "discriminator.text") -> way. Relayed modules
stay their silo's own; those of the others lie in its memory under "from.<silo>.<module>/<name>" in the next round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from fpmg_bench.errors import TrialError
from fpmg_bench.federation import secure
from fpmg_bench.federation.edges import edges_of, hubs_of
from fpmg_bench.types import SERVER, Step, Transfer

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Aggregator, Topology
    from fpmg_bench.federation.layout import Layout
    from fpmg_bench.types import State, Way


class Linear:
    """The linear part of every aggregator: the mean in float64, by the plan's weights, else by patients."""

    needs: ClassVar[Literal["sum", "individual"]] = "sum"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 1

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        merged: Tensor = (weights.double() @ inputs.double()).to(reference.dtype)
        return merged


def ways_of(learner: Any) -> Mapping[str, Way]:
    """First word of a module's name -> its way, of those that are not merged."""
    found: Mapping[str, Way] = getattr(learner, "travels", {})
    return found


def way_of(module: str, ways: Mapping[str, Way]) -> Way:
    """How one module travels."""
    return ways.get(module.partition(".")[0], "merge")


def rule(way: Way, aggregator: Aggregator) -> Aggregator:
    """What merges modules of this way; a relay asks no rule."""
    return aggregator if way == "merge" else Linear()


def steps_of(way: Way, steps: Sequence[Step], silos: Sequence[int]) -> Sequence[Step]:
    """How modules of this way travel by a topology's plan. TrialError where they cannot, as `why_not` says.

    A relay is the plan's own transfers where these bring every silo each other's model, held and not merged; a server passes on what it gets.
    """
    if reason := why_not(way, steps, silos):
        raise TrialError(f"modules that are not merged cannot travel here: {reason}")
    if way != "relay" or len(silos) < 2:
        return [] if way == "relay" else steps
    if not hubs_of(steps):
        return [replace(step, on_arrival="hold") for step in steps]
    up = tuple(Transfer(silo, SERVER, origin=silo) for silo in silos)
    down = tuple(Transfer(SERVER, dst, origin=src) for dst in silos for src in silos if src != dst)
    return [Step(up, on_arrival="hold"), Step(down, on_arrival="hold")]


def why_not(way: Way, steps: Sequence[Step], silos: Sequence[int]) -> str:
    """Why modules of this way cannot travel by these steps; "" where they can."""
    if way != "merge" and any(step.train for step in steps):
        return "one whole model goes from silo to silo; use a topology that merges"
    return _unrelayed(steps, silos) if way == "relay" and len(silos) > 1 else ""


def _unrelayed(steps: Sequence[Step], silos: Sequence[int]) -> str:
    """Why these steps bring not every silo each other's own model."""
    hubs, moves = hubs_of(steps), [move for step in steps for move in step.transfers]
    if any(step.masked for step in steps):
        return "masks hide each silo's model from the server that would pass it on; write masked: false, or use a relay ring"
    if hubs == {SERVER}:
        both = {(silo, SERVER) for silo in silos} | {(SERVER, silo) for silo in silos}
        return "" if set(edges_of(steps)) == both else "the server does not speak with every silo"
    if hubs:
        return "hubs pass on means, not models; use a relay ring, a full graph or a star"
    given = sorted((move.dst, move.src if move.origin is None else move.origin) for move in moves)
    if given != sorted((dst, src) for dst in silos for src in silos if src != dst):
        return "silos do not get each other silo's own model; use a relay ring, a full graph or a star"
    return ""


def round_bytes(topology: Topology, steps: Sequence[Step], silos: int, layout: Layout, way: Way) -> int | None:
    """Closed form of a round of modules of one way; steps: of the topology's plan. None where the topology has none.

    Of a relay n (n - 1) messages between silos, and over a server n^2: n to it, and n - 1 from it to each silo.
    """
    if way != "relay":
        return secure.round_bytes(topology, silos, layout)
    over_server = silos > 1 and bool(hubs_of(steps))
    return silos * (silos if over_server else silos - 1) * layout.bytes
