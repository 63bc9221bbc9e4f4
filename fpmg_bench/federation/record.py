"""The line of rounds.jsonl: what one round did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.federation import consensus
from fpmg_bench.federation.hops import hops

if TYPE_CHECKING:
    from fpmg_bench.federation.layout import Bundle, Layout
    from fpmg_bench.federation.meter import Meter
    from fpmg_bench.federation.mixing import Mixing


@dataclass(frozen=True, slots=True)
class Exchanged:
    """One group of modules after its exchange."""

    layout: Layout
    silos: tuple[int, ...]
    honest: tuple[int, ...]
    before: Mapping[int, Bundle]
    after: Mapping[int, Bundle]
    meter: Meter
    closed_form: int | None
    mixing: Mixing | None
    received: Mapping[int, Mapping[int, Bundle]] | None = None  # of a relay: silo -> origin -> its model

    @property
    def pi(self) -> dict[int, float]:
        """Weights of the mean that the mixing keeps; among honest silos only, where some lie."""
        pi = self.mixing.stationary if self.mixing else dict.fromkeys(self.silos, 1 / len(self.silos))
        if self.honest == self.silos:
            return pi
        total = sum(pi[silo] for silo in self.honest)
        return {silo: pi[silo] / total for silo in self.honest}


def line(
    stage: str,
    round: int,
    losses: Mapping[int, Mapping[str, float]],
    bundles: Sequence[Exchanged],
    bent: bool,
    whole: bool,
) -> dict[str, Any]:
    """The line of rounds.jsonl: losses, consistency (of honest silos) and bytes of one round.

    bent: models or messages were changed or lost, so the plan's mixing does not tell what happened: no `theory`. whole: all
    silos' models are here; without them there is no consistency.
    """
    before: dict[str, consensus.Spread] = {}
    after: dict[str, consensus.Spread] = {}
    sent: dict[int, int] = {}
    for bundle in bundles:
        if whole and bundle.honest and bundle.received is None:  # what is relayed is meant to stay apart
            before |= consensus.distances(bundle.layout, {s: bundle.before[s] for s in bundle.honest}, bundle.pi)
            after |= consensus.distances(bundle.layout, {s: bundle.after[s] for s in bundle.honest}, bundle.pi)
        for node, count in bundle.meter.sent.items():
            sent[node] = sent.get(node, 0) + count
    closed = [bundle.closed_form for bundle in bundles]
    known = [] if bent else [(bundle.mixing, bundle.layout.modules()) for bundle in bundles if bundle.mixing]
    moduli = {module: mixing.second_modulus for mixing, modules in known for module in modules}
    return {
        "stage": stage,
        "round": round,
        **(consensus.record(before, after, moduli) if whole else {"moduli": moduli}),
        "theory": max(moduli.values(), default=None),
        "losses": {str(silo): dict(values) for silo, values in losses.items()},
        "bytes": sum(bundle.meter.bytes for bundle in bundles),
        "headers": sum(bundle.meter.headers for bundle in bundles),
        "messages": sum(bundle.meter.messages for bundle in bundles),
        "closed_form": None if any(c is None for c in closed) else sum(c for c in closed if c is not None),
        "path": hops(bundle.meter.steps for bundle in bundles),
        "sent": {str(node): count for node, count in sorted(sent.items())},
    }
