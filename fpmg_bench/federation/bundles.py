"""What travels together: modules grouped by the silos that hold them, and each group's exchange in a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fpmg_bench.errors import PlumbingError
from fpmg_bench.federation import faulted, ways
from fpmg_bench.federation.exchange import Exchange, Node
from fpmg_bench.federation.layout import Bundle, Layout, modules_of
from fpmg_bench.federation.meter import Meter
from fpmg_bench.federation.mixing import Mixing, mixing
from fpmg_bench.federation.plumbing import nodes_for
from fpmg_bench.federation.record import Exchanged

if TYPE_CHECKING:
    from fpmg_bench.faults import Round
    from fpmg_bench.federation.masks.pairs import Secrets
    from fpmg_bench.federation.stage import Federated, Plan
    from fpmg_bench.federation.training import Training
    from fpmg_bench.transport import Transport
    from fpmg_bench.types import State, Step, Way


class Bundles:
    """The groups of modules of one stage; layouts and mixing matrices are worked out once and kept."""

    def __init__(self, plan: Plan, transport: Transport, travels: Mapping[str, Way]) -> None:
        self.plan, self.transport, self.travels = plan, transport, travels
        self.layouts: dict[tuple[frozenset[int], frozenset[str]], Layout] = {}
        self.mixed: dict[tuple[object, ...], Mixing | None] = {}
        self.secrets: dict[int, Secrets] = {}  # of this process's silos, where they have agreed on some

    def groups(self, trained: Mapping[int, State], before: Mapping[int, State]) -> list[tuple[tuple[int, ...], Layout]]:
        """Modules grouped by the silos that hold them and their way; each group travels as one flat message among its holders.

        before: states of this process's nodes, whose layout a server goes by, which trains nothing.
        """
        own = {silo: sorted(modules_of(state)) for silo, state in trained.items()}
        holders: dict[str, list[int]] = {}
        for silo, modules in self.transport.gather(f"{self.plan.stage}, modules", own).items():
            for module in modules:
                holders.setdefault(module, []).append(silo)
        groups: dict[tuple[tuple[int, ...], Way], set[str]] = {}
        for module, silos in holders.items():
            groups.setdefault((tuple(silos), ways.way_of(module, self.travels)), set()).add(module)
        return [(silos, self._layout(silos, modules, trained or before)) for (silos, _), modules in sorted(groups.items())]

    def way(self, layout: Layout) -> Way:
        """How a group travels."""
        return ways.way_of(layout.fields[0].module, self.travels)

    def _layout(self, silos: tuple[int, ...], modules: set[str], states: Mapping[int, State]) -> Layout:
        key = (frozenset(silos), frozenset(modules))
        if key not in self.layouts:
            self.layouts[key] = Layout.of(states[next((s for s in silos if s in states), min(states))], modules)
        return self.layouts[key]

    def exchange(
        self,
        layout: Layout,
        silos: tuple[int, ...],
        trained: Mapping[int, State],
        now: Federated,
        work: Training | None,
        faults: Round,
        patients: Mapping[int, float],
    ) -> Exchanged:
        """One group's round: what was trained travels and merges by the plan. patients: of all silos that take part in the stage."""
        way, plan = self.way(layout), self.plan.steps(list(silos), now.round)
        steps = ways.steps_of(way, plan, silos)
        flat = {s: layout.flatten(trained[s]) for s in silos if s in trained}
        masses = {s: patients[s] for s in silos}
        honest = tuple(s for s in silos if s not in self.plan.faults.liars)
        name = ",".join(layout.modules())  # not the silos: some may be away in a round
        nodes = self._nodes(steps, layout, flat, masses, now, name)
        if not work:
            faulted.lie(faults, nodes, honest)
        secrets = None if self.transport.whole else self.secrets
        place = (self.plan.stage, now.round, self.plan.seed)
        rule = ways.rule(way, self.plan.aggregator)
        exchange = Exchange(nodes, rule, self.transport, *place, faults, masses, secrets)
        after = exchange.run(steps, work.on(layout) if work else None)
        for shares, told in exchange.shared:
            now.key_bytes, now.key_messages = now.key_bytes + shares, now.key_messages + told
        self._explain(layout, nodes, now)
        exchange.meter.header = self.transport.header or layout.header
        asked = ways.round_bytes(self.plan.topology, plan, len(silos), layout, way)
        closed = self._closed_form(asked, exchange.meter, now.round)
        memories = {at: node.memory if node.advanced is None else node.advanced for at, node in nodes.items()}
        now.merging[name] = now.merging.get(name, {}) | memories
        now.hubs[name] = now.hubs.get(name, {}) | {at: node.model for at, node in nodes.items() if at < 0}
        found = layout, silos, honest, flat, dict(after), exchange.meter, closed
        if way == "relay":
            return Exchanged(*found, None, {s: {at: dict(m.payload) for at, m in nodes[s].known.items()} for s in after})
        return Exchanged(*found, self._mixing(silos, steps, masses))

    def _explain(self, layout: Layout, nodes: Mapping[int, Node], now: Federated) -> None:
        """Recorded frames become what their receiver can make of them: whole states, and its own of before the round."""
        for at, node in nodes.items():
            own = now.states[at if at >= 0 else min(now.states)]
            start = dict(own) | layout.views(node.reference)
            for frame in self.transport.frames.get(at, ()):
                if "start" not in frame:
                    whole = {} if frame["masked"] else {"state": dict(own) | layout.views(frame["payload"])}
                    frame |= {"modules": tuple(layout.modules()), "start": start, **whole}

    def _nodes(
        self,
        steps: Sequence[Step],
        layout: Layout,
        flat: Mapping[int, Bundle],
        masses: Mapping[int, float],
        now: Federated,
        name: str,
    ) -> dict[int, Node]:
        nodes = nodes_for(steps, flat or self._hub(layout, now), masses)
        nodes = {at: node for at, node in nodes.items() if self.transport.holds(at)}
        before: dict[int, Bundle] = {}
        for silo in flat:
            same = next((s for s in before if now.states[s] is now.states[silo]), None)
            before[silo] = before[same] if same is not None else layout.flatten(now.states[silo])
        first = before[min(before)] if before else nodes[min(nodes)].model
        for at, node in nodes.items():
            kept = now.hubs.get(name, {}).get(at, first)
            node.reference = before[at] if at >= 0 else kept
            node.model = node.model if at >= 0 else kept
            node.memory = now.merging.get(name, {}).get(at, {})
        return nodes

    def _hub(self, layout: Layout, now: Federated) -> dict[int, Bundle]:
        """The starting model of the server or hub that is alone in its process."""
        return {at: layout.flatten(state) for at, state in now.states.items()}

    def _closed_form(self, expected: int | None, meter: Meter, round: int) -> int | None:
        """Bytes that the topology's formula asks for; PlumbingError where the meter disagrees. None where messages were lost."""
        if meter.lost:
            return None
        if self.transport.whole and expected is not None and expected != meter.bytes:
            where = f"{self.plan.stage}, round {round}"
            raise PlumbingError(f"{where}: {meter.bytes} bytes were sent, the closed form of the topology says {expected}")
        return expected

    def _mixing(self, silos: tuple[int, ...], steps: Sequence[Step], masses: Mapping[int, float]) -> Mixing | None:
        plan = (silos, tuple(steps))  # one-peer graphs change from round to round
        if plan not in self.mixed:
            self.mixed[plan] = None if any(step.train for step in steps) else mixing(steps, masses)
        return self.mixed[plan]
