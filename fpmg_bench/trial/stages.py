"""Steps 4 to 6: stage 1 federates every encoder, its vectors feed stage 2, which federates the generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench import federation
from fpmg_bench.errors import PlumbingError, TrialError
from fpmg_bench.faults import LabelFlip
from fpmg_bench.privacy import LocalShard
from fpmg_bench.stopping import Apart
from fpmg_bench.strata import consistent
from fpmg_bench.trial import account, counted, requested, sizes, vectors
from fpmg_bench.trial.surroundings import Surroundings, Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Learner
    from fpmg_bench.federation import Federated
    from fpmg_bench.privacy.shard import Observer
    from fpmg_bench.trial.silos import Silo
    from fpmg_bench.types import Cohort, Representation, State


class Stages(Surroundings):
    """Both stages of one trial, and what a later trial or a resumed one needs back of them."""

    def encoders(self) -> dict[int, dict[str, State]]:
        """Step 4: silo -> modality -> encoder state; taken over from another trial with the same stage 1 where there is one."""
        found = self.sink.load_stage1()
        if found is not None:
            self.take_over(found.extra)
            return {silo: dict(states) for silo, states in found.states.items()}
        counted.count_sizes(self)
        counted.count_conditions(self)
        states: dict[int, dict[str, State]] = {silo.index: {} for silo in self.silos}
        for modality in self.parts.encoders:
            for silo, state in self._encoder(modality).items():
                states[silo][modality] = state
        self.sink.save_stage1(states, self.extra())
        return states

    def extra(self) -> dict[str, Any]:
        """What else a later trial or a resumed one needs back."""
        audit = {"audit": self.audited.kept()} if self.audited else {}
        spent = account.spent(self.ledgers, self.draws)
        kept: dict[str, Any] = {} if self.conditions is None else {"conditions": self.conditions.tolist()}
        kept |= {"sizes": {str(silo): row.tolist() for silo, row in self.counts.items()}} if self.counts else {}
        known = {"plumbing": self.plumbing, "statistics": self.statistics, "transport": self.carried}
        return {"spent": spent} | known | kept | audit

    def take_over(self, extra: Mapping[str, Any]) -> None:
        """Go on from what `extra` kept: spent privacy, plumbing rows, bytes of the statistics exchanges."""
        account.recall(self.ledgers, self.draws, extra["spent"])
        if self.audited:
            self.audited.recall(extra["audit"])
        self.conditions = np.array(extra["conditions"]) if "conditions" in extra else None
        counted.take_sizes(self, {int(silo): row for silo, row in extra.get("sizes", {}).items()})
        self.plumbing = list(extra["plumbing"])
        self.carried = dict(extra.get("transport", self.carried))
        self.statistics = {stage: dict(counts) for stage, counts in extra["statistics"].items()}

    def _encoder(self, modality: str) -> Mapping[int, State]:
        stage, encoder = f"stage1:{modality}", self.parts.encoders[modality]
        mask = self.train.present[modality]
        shards: dict[int, LocalShard] = {}
        apart = Apart(self, stage, account.rounds_of(encoder, self.spec.budget.encoder_rounds), self._asked)
        for silo in self.silos:
            rows = silo.rows[mask[silo.rows]]
            if len(rows):
                data, patient = self.train.data[modality].take(rows), self.train.patient[rows]
                looks_on = self._witness(silo.index, stage, patient, lambda canaries: canaries.data[modality])
                shards[silo.index] = apart.shard(silo, data, patient, looks_on)
        if not shards and self.transport.whole:
            raise TrialError(f"{stage}: no training patient of any silo has this modality", "leave it out of `encoders`")
        states = self._federate(stage, encoder, self.train.schemas[modality], shards, self.spec.budget.encoder_rounds, apart)
        return self._handed_over(stage, states)

    def _witness(self, silo: int, stage: str, patient: NDArray[np.int64], rows: Callable[[Cohort], Any]) -> Observer | None:
        """Who looks on at a silo's private accesses of a stage, where it plans any: only an audit's own eyes."""
        planned = self.ledgers[silo].planned.get(stage) if silo in self.ledgers else None
        if self.audited is None or planned is None or not any(asdict(planned).values()):
            return None
        return self.audited.witness(silo, stage, patient, planned, rows)

    def _handed_over(self, stage: str, states: Mapping[int, State]) -> Mapping[int, State]:
        """The finished encoder also at the silos that none of its patients could train, where the topology reaches them."""
        lacking = {silo.index for silo in self.silos} - set(states)
        assert self.parts.topology is not None
        steps = federation.Schedule(self.parts.topology, stage, self.spec.seed).meeting([s.index for s in self.silos])
        holders = {silo: states[silo] for silo in states if silo not in self.faults.liars} or states
        given = {silo: states[holder] for silo, holder in federation.sources(steps, holders, lacking).items()}
        sizes = [sum(t.numel() * t.element_size() for t in state.values()) for state in given.values()]
        self.statistics[stage] |= {"handover": sum(sizes), "handover_messages": len(given)}
        self.statistics[stage]["path"] += federation.hops([federation.handover_path(steps, given, max(sizes, default=0))])
        return {**states, **given}

    def _lacks(self, silo: Silo) -> frozenset[str]:
        return frozenset(m for m in self.parts.encoders if not bool(self.train.present[m][silo.rows].any()))

    def _vectors(self, encoders: Mapping[int, Mapping[str, State]]) -> dict[int, Representation]:
        """Step 5: every silo encodes its own records."""
        return {silo.index: self.encode(self.train.take(silo.rows), encoders[silo.index]) for silo in self.silos}

    def encode(self, cohort: Cohort, states: Mapping[str, State]) -> Representation:
        """Vectors of any records with one silo's encoders."""
        return vectors.encode(self.parts, self.train, cohort, states)

    def generator(self, encoders: Mapping[int, Mapping[str, State]], watch: Watch) -> dict[int, State]:
        """Step 6: silo -> generator state."""
        generator = self.parts.generator
        assert generator is not None
        named = {silo.index: silo for silo in self.silos}
        shards: dict[int, LocalShard] = {}
        apart = Apart(self, "stage2", account.rounds_of(generator, self.spec.budget.rounds), self._asked)
        for silo, rows in self._flipped(self._vectors(encoders)).items():
            patient = rows.patient.numpy()
            looks_on = self._witness(silo, "stage2", patient, partial(self.encode, states=encoders[silo]))
            shards[silo] = apart.shard(named[silo], rows, patient, looks_on)
        return self._federate("stage2", generator, self.space, shards, self.spec.budget.rounds, apart, watch)

    def _asked(self) -> NDArray[np.float64]:
        """Conditions that a release is asked for."""
        return requested.mixture(self.train, sizes.labels(self.train, self.sizes), self.spec.seed, self.conditions)

    def _flipped(self, rows: Mapping[int, Representation]) -> dict[int, Representation]:
        """What every silo trains stage 2 on: the labels of some are in reverse order."""
        found = dict(rows)
        for silo in self.faults.of(LabelFlip):
            condition = rows[silo].condition.clone()
            condition[:, 0] = len(self.train.classes) - 1 - condition[:, 0]
            made = consistent(self.train.conditions, condition.numpy())
            found[silo] = replace(rows[silo], condition=condition.new_tensor(made))
        return found

    def _federate(
        self,
        stage: str,
        learner: Learner,
        schema: Any,
        shards: Mapping[int, LocalShard],
        rounds: int,
        apart: Apart,
        watch: Watch | None = None,
    ) -> dict[int, State]:
        assert self.parts.topology is not None and self.parts.aggregator is not None
        first = self.parts.encoder_aggregator if stage != "stage2" else None
        total = account.rounds_of(learner, rounds)
        silos = {
            s.index: federation.SiloPlan(s.pace(stage).steps, s.params, self._lacks(s)) for s in self.silos if s.index in shards
        }
        stop, privacy = (self.spec.budget.stop or {}).get("consensus"), self.spec.privacy
        plan = federation.Plan(
            stage,
            self.parts.topology,
            first or self.parts.aggregator,
            rounds,
            silos,
            self.spec.seed,
            stop,
            self.faults,
            self.parts.device,
            account.additive(learner) and privacy is not None and privacy.colluding is not None,
        )
        resume = self._restored(stage)
        if resume is None:
            self._check_plumbing(plan.schedule, shards, total)
        self.sink.event({"event": "stage", "name": stage, "total": total})

        def report(record: dict[str, Any], now: Federated) -> None:
            if self.seen is not None:
                self.seen(record, now)
            if watch is not None:
                watch(record, now)
            self.sink.round(record)
            self._checkpoint(stage, now)

        done = federation.run(learner, schema, shards, plan, report, self.transport, resume, apart.held_in(learner, schema))
        self.statistics[stage] = {
            "bytes": done.statistics_bytes,
            "messages": done.statistics_messages,
            "handover": done.handover_bytes,
            "handover_messages": done.handover_messages,
            "keys": done.key_bytes,
            "key_messages": done.key_messages,
            "path": list(done.path),
        }
        return {silo: state for silo, state in done.states.items() if silo >= 0}

    def _check_plumbing(self, schedule: federation.Schedule, shards: Mapping[int, LocalShard], rounds: int) -> None:
        stage = schedule.stage
        masses = self.transport.gather(f"{stage}, patients", {s: float(shard.patients) for s, shard in shards.items()})
        if not self.transport.first:
            return
        rows = federation.check(schedule, masses, rounds)
        self.plumbing.extend(rows)
        failed = next((row for row in rows if row["status"] == "failed"), None)
        if failed:
            raise PlumbingError(
                f"{stage}: {failed['check']}: measured {failed['measured']}, expected {failed['expected']}",
                "see the topology's plan()",
            )

    def _checkpoint(self, stage: str, now: Federated) -> None:
        memories = {"silos": now.memories, "merging": now.merging, "hubs": now.hubs, "best": now.best.states if now.best else {}}
        counted = (now.statistics_bytes, now.statistics_messages, now.handover_bytes, now.handover_messages)
        best = {"best": now.best.told()} if now.best else {}
        extra = self.extra() | best | {"done": now.done, "counted": (*counted, now.key_bytes, now.key_messages, now.path)}
        self.sink.checkpoint(stage, now.round, now.states, memories, extra)

    def _restored(self, stage: str) -> Federated | None:
        point = self.sink.restore(stage)
        if point is None:
            return None
        extra, kept = point.extra, point.memories
        self.take_over(extra)
        best = federation.Standing(**extra["best"], states=dict(kept["best"])) if "best" in extra else None
        found = federation.Federated(
            dict(point.states), dict(kept["silos"]), dict(kept["merging"]), dict(kept["hubs"]),
            point.round, extra["done"], *extra["counted"],
        )  # fmt: skip
        found.best = best
        return found
