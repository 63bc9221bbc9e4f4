"""One learner, trained by all silos: statistics, then rounds of local training, transfers and merges."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import SiloLost, TrialError
from fpmg_bench.faults import Round
from fpmg_bench.federation import faulted, secure, statistics
from fpmg_bench.federation.bundles import Bundles
from fpmg_bench.federation.checks import Checks, HeldIn
from fpmg_bench.federation.hops import Load, handover_path, hops, sources
from fpmg_bench.federation.record import Exchanged, line
from fpmg_bench.federation.stage import Federated, Learning, Plan, SiloShard
from fpmg_bench.federation.sums import agree
from fpmg_bench.federation.training import Training
from fpmg_bench.federation.ways import ways_of
from fpmg_bench.keys import rng_for
from fpmg_bench.transport import Inproc, Transport

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Learner
    from fpmg_bench.federation.masking import FixedPoint
    from fpmg_bench.types import State


Report = Callable[[dict[str, Any], Federated], None]


def run(
    learner: Learner,
    schema: Any,
    shards: Mapping[int, SiloShard],
    plan: Plan,
    report: Report,
    transport: Transport | None = None,
    resume: Federated | None = None,
    held: HeldIn | None = None,
) -> Federated:
    """Train `learner` over the shards. `report` gets each round's record and the state to checkpoint. held: patients who say when to stop."""
    rounds = plan.rounds if learner.rounds is None else learner.rounds
    stage = Loop(learner, schema, shards, plan, transport or Inproc())
    stage.checks = Checks(held, stage.bundles, stage.named, rounds) if held and rounds else None
    plan.schedule.foretell(list(stage.masses), rounds)
    now = resume or stage.start(rounds)
    while now.round < rounds and not now.done:
        record = stage.round(now, last=now.round + 1 == rounds)
        report(record, now)
    return now


class Loop(Learning):
    """The rounds of a stage, one after another."""

    def __init__(self, learner: Learner, schema: Any, shards: Mapping[int, SiloShard], plan: Plan, transport: Transport) -> None:
        super().__init__(learner, schema, dict(sorted(shards.items())), plan, transport)
        self.bundles = Bundles(plan, transport, ways_of(learner))
        own = {silo: float(shard.patients) for silo, shard in self.shards.items()}
        self.masses: dict[int, float] = dict(sorted(transport.gather(f"{plan.stage}, patients", own).items()))  # of all silos
        self.named = tuple(self.masses)
        self.checks: Checks | None = None

    def start(self, rounds: int) -> Federated:
        """Statistics once around, then the same initial state at every silo that got the same statistics."""
        kept: dict[int, State] = {s: {} for s in self.shards}  # what a silo learnt about itself here is its own to use later
        local = {s: self.learner.statistics(self.schema, self.shard(s, -1), self.context(s, -1, kept[s])) for s in self.shards}
        sums, point = self._summed(local, rounds > 0)
        silos = list(self.masses)
        steps = self.plan.schedule.meeting(silos)
        now, one = Federated(self._initial(sums), kept), next(iter(sums.values()))
        now.statistics_bytes, now.statistics_messages = statistics.cost(steps, silos, one, point)
        now.path += statistics.path(steps, silos, one, point)
        if (one and point) or (rounds and (secure.is_masked(steps) or (self.checks and self.checks.point))):
            now.key_bytes, now.key_messages = secure.keys(steps, silos, rounds > 0)
            now.path += secure.key_path(steps, silos)
        return now

    def _summed(self, local: Mapping[int, State], rounds: bool) -> tuple[dict[int, State], FixedPoint | None]:
        """The sums of the silos' statistics, and how they were masked; once more, among those that are left, where a silo died."""
        where, hide = f"{self.plan.stage}, statistics", self.plan.schedule.hides_sums
        while True:
            try:
                silos = list(self.masses)
                steps = self.plan.schedule.meeting(silos)
                masked = rounds and secure.is_masked(steps)
                point = statistics.grid(hide, steps, local, where, self.transport, silos, self.plan.shares_noise)
                sums = statistics.exchange(
                    steps, local, where, self.plan.seed, self.transport, silos, point, self.bundles.secrets
                )
                if masked and not self.transport.whole and not self.bundles.secrets:
                    self.bundles.secrets |= agree(steps, where, self.transport, silos)
                statistics.overheard(steps, local, self.plan.stage, self.transport, point is not None)
                self.transport.committed(where, -1)
            except SiloLost as lost:
                if self.plan.shares_noise:
                    raise  # a total may have been seen: less another it would be the dead silo's part, with its part of the noise
                self._without(lost, -1)
            else:
                return sums, point

    def _initial(self, sums: Mapping[int, State]) -> dict[int, State]:
        """One state object for all silos whose statistics are the same, bit for bit."""
        import torch

        made: list[tuple[State, State]] = []
        states = {}
        for silo, stats in sums.items():
            same = next((state for known, state in made if all(torch.equal(known[k], stats[k]) for k in stats)), None)
            if same is None:
                same = self.learner.init(self.schema, stats, rng_for(self.plan.seed, self.plan.stage, "init"))
                made.append((stats, same))
            states[silo] = same
        return states

    def round(self, now: Federated, last: bool) -> dict[str, Any]:
        """One round, in place: train, exchange, take the merged models over. Returns the line of rounds.jsonl."""
        began = time.perf_counter()
        self.shards = self.checks.shards(now, self.shards) if self.checks else self.shards
        losses: dict[int, dict[str, float]] = {}
        faults = self.plan.faults.at(self.plan.stage, now.round)
        active = [silo for silo in self.masses if silo not in faults.absent]
        work = Training(self, now, losses, faults)
        serial = [silo for step in self.plan.steps(active, now.round) for silo in step.train]
        trained = work.ahead(serial[0], active) if serial else {silo: work(silo) for silo in active if silo in self.shards}
        merging = time.perf_counter()
        bundles = self._exchanged(trained, now, work if serial else None, faults)
        merged = [bundle for bundle in bundles if bundle.received is None]
        moved = self._take_over(now, merged, active)
        self._remember(now, bundles)
        whole = self.transport.whole
        record = line(self.plan.stage, now.round, losses, bundles, faults.bends, whole) | faulted.reported(
            faults, self.shards, [bundle.meter for bundle in bundles]
        )
        now.latest = bundles
        now.round += 1
        now.done = self.plan.stop is not None and moved < self.plan.stop
        record |= {"merge_seconds": time.perf_counter() - merging} | (self.checks(now, last) if self.checks else {})
        record["seconds"] = time.perf_counter() - began
        if last or now.done:
            self._hand_over(now, merged, active)
        return record

    def _exchanged(self, trained: Mapping[int, State], now: Federated, work: Training | None, faults: Round) -> list[Exchanged]:
        """All groups of modules after their exchange; once more, among those that are left, where a silo died in it."""
        merging, hubs, stage = dict(now.merging), dict(now.hubs), self.plan.stage
        while True:
            try:
                groups = self.bundles.groups(trained, now.states)
                bundles = [
                    self.bundles.exchange(layout, silos, trained, now, work, faults, self.masses) for silos, layout in groups
                ]
                self.transport.settle(stage, now.round, sum(bundle.meter.bytes for bundle in bundles))
                self.transport.committed(stage, now.round)
            except SiloLost as lost:
                if work is not None:
                    raise  # what the dead silo had trained is in no other's hands
                self._without(lost, now.round)
                now.merging, now.hubs = dict(merging), dict(hubs)
            else:
                return bundles

    def _without(self, lost: SiloLost, round: int) -> None:
        """Go on without a silo that died, where the transport does."""
        self.transport.repeat(lost, self.plan.stage if round >= 0 else f"{self.plan.stage}, statistics", round)
        self.masses = {silo: mass for silo, mass in self.masses.items() if silo not in self.transport.gone}

    def _hand_over(self, now: Federated, bundles: Sequence[Exchanged], active: Sequence[int]) -> None:
        """Silos that lack a modality take the final modules of its holders over."""
        lacking = {silo for silo in active if silo in self.shards and self.plan.silos[silo].lacks}
        steps = self.plan.schedule.meeting(active)  # the last round's edges may not connect all
        loads: list[list[Load]] = []
        for bundle in bundles:
            holders = bundle.honest or bundle.silos
            found = sources(steps, holders, lacking - set(bundle.silos))
            loads.append(handover_path(steps, found, bundle.layout.bytes))
            for silo, holder in found.items():
                given = {f.key: now.states[holder][f.key] for f in bundle.layout.fields}
                now.states[silo] = dict(now.states[silo]) | given
                now.handover_bytes += bundle.layout.bytes
                now.handover_messages += 1
        now.path += hops(loads)

    def _take_over(self, now: Federated, bundles: Sequence[Exchanged], active: Sequence[int]) -> float:
        """New states from the merged vectors; silos that share all vectors share one state. Returns the relative weight change.

        What did not travel (integers, modules a silo lacks) stays as it was initialised, and who was away keeps all.
        """
        shared: dict[tuple[int, ...], State] = {}
        change = norm = 0.0
        for silo in (silo for silo in active if silo in self.shards):
            parts = [(bundle.layout, bundle.after[silo]) for bundle in bundles if silo in bundle.silos]
            identity = tuple(id(vector) for _, merged in parts for vector in merged.values())
            if identity not in shared:
                fresh = dict(now.states[silo])
                for layout, merged in parts:
                    fresh |= layout.views(merged)
                    self._finite(silo, merged, now.round)
                shared[identity] = fresh
                moved, size = _movement(now.states[silo], fresh) if self.plan.stop is not None else (0.0, 0.0)
                change, norm = change + moved, norm + size
            now.states[silo] = shared[identity]
        return (change / norm) ** 0.5 if norm > 0 else float("inf")

    def _remember(self, now: Federated, bundles: Sequence[Exchanged]) -> None:
        """What was relayed to a silo lies in its memory, by its origin; what was lost stays as it came last."""
        for bundle in bundles:
            for silo, models in (bundle.received or {}).items():
                for origin, model in models.items():
                    self._finite(silo, model, now.round)
                    now.memories[silo] = now.memories[silo] | relayed(origin, bundle.layout.views(model))

    def _finite(self, silo: int, merged: Mapping[str, Tensor], round: int) -> None:
        import torch

        if not all(bool(torch.isfinite(vector).all()) for vector in merged.values()):
            raise TrialError(f"{self.plan.stage}, round {round}, silo {silo}: the merged weights are not finite", "lower lr")


def relayed(origin: int, state: State) -> State:
    """Another silo's tensors as a silo keeps them: "from.<origin>.<module>/<name>"."""
    return {f"from.{origin}.{key}": value for key, value in state.items()}


def _movement(old: State, new: State) -> tuple[float, float]:
    """Squared distance between two states, and the squared norm of the new one."""
    pairs = [(old[key].double(), value.double()) for key, value in new.items() if value.is_floating_point()]
    return sum(float((b - a).square().sum()) for a, b in pairs), sum(float(b.square().sum()) for _, b in pairs)
