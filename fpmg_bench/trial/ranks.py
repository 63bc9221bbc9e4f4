"""One trial in several processes: what each of them trains, and how their parts become the trial that one process would have made.

Every rank reads the cohort, settles the silos as all others do, and keeps the rows of its own silo only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fpmg_bench import federation
from fpmg_bench.errors import IncompatibleTrial, PlumbingError
from fpmg_bench.trial import account, requested, sizes
from fpmg_bench.trial.cost import denormals_flushed
from fpmg_bench.trial.prepared import prepare
from fpmg_bench.trial.stages import Stages
from fpmg_bench.trial.vectors import space_of

if TYPE_CHECKING:
    from fpmg_bench.contracts import Topology
    from fpmg_bench.federation import Federated
    from fpmg_bench.privacy.ledger import Kind
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.transport.gloo import Gloo
    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.trial.prepared import PreparedCohort
    from fpmg_bench.trial.silos import Silo
    from fpmg_bench.types import Cohort, State

COUNTED = (requested.STAGE, sizes.STAGE)  # stages that only count
INPROC = "use --transport inproc"


class RankSink(Protocol):
    """Where a rank leaves its rounds, its released model, and what it spent."""

    def part(self, record: dict[str, Any], now: Federated) -> None: ...


@dataclass(frozen=True, slots=True)
class Crew:
    """The processes of one trial. names: node -> name, silos ascending, then the server and hubs; a node's rank is its place."""

    names: Mapping[int, str]

    @property
    def nodes(self) -> list[int]:
        return list(self.names)


def refusal(spec: TrialSpec, topology: Topology | None) -> str:
    """Why a trial cannot run with a process for every silo; "" where it can, or where nothing travels in it."""
    if not spec.trains or topology is None or spec.partition.get("kind") == "pooled":
        return ""
    steps = federation.Schedule(topology, "refusal", spec.seed).meeting([0, 1, 2, 3])
    hubs = federation.hubs_of(steps)
    reasons = {
        "its metrics look at every message that a silo received (frames), and no rank sends those on": spec.frames,
        "budget.evaluate_every measures all silos' models in the middle of training, and no rank has them": bool(
            spec.budget.evaluate_every
        ),
        "a stop by consensus needs all silos' models after every round, and no rank has them": "consensus"
        in (spec.budget.stop or {}),
        "a private stop by score draws under the conditions that all silos together ask for, and no rank has them": bool(
            spec.privacy and "score" in (spec.budget.stop or {})
        ),
        "an adjustment draws under the conditions that all silos together ask for, and no rank has them": spec.budget.adjust
        is not None,
        "faults are simulated in one process": bool(spec.faults),
        "shares that restore a lost silo's masks are simulated in one process": any(step.drops for step in steps),
        "hubs add up statistics in another order than one process does": len(hubs) > 1,
    }
    found = next((reason for reason, applies in reasons.items() if applies), "")
    return f"--transport gloo: {found}; {INPROC}, or leave it out" if found else ""


def crew(spec: TrialSpec, topology: Topology, silos: Sequence[Silo]) -> Crew:
    """A rank for every silo, and one for the server of a plan that has one."""
    hubs = federation.hubs_of(federation.Schedule(topology, "crew", spec.seed).meeting([silo.index for silo in silos]))
    return Crew({silo.index: silo.name for silo in silos} | {hub: _hub(hub) for hub in sorted(hubs, reverse=True)})


def _hub(node: int) -> str:
    return "server" if node == -1 else f"hub {-node}"


def whole_silos(parts: Parts, train: Cohort, silos: Sequence[Silo]) -> None:
    """IncompatibleTrial where a silo lacks a modality: it would be handed over, which ranks cannot do."""
    for silo in silos:
        lacks = [m for m in parts.encoders if not bool(train.present[m][silo.rows].any())]
        if lacks:
            raise IncompatibleTrial(
                f"silo {silo.name} lacks {', '.join(lacks)}, whose models one process hands over",
                f"{INPROC}, or leave the modality out",
            )


def run_rank(spec: TrialSpec, parts: Parts, sink: Any, join: Callable[[Crew], Gloo]) -> None:
    """This process's silo, or the server, through both stages; its model, its ledger and its rounds go to the sink."""
    with denormals_flushed():
        prepared = prepare(spec, parts.dataset)
        assert parts.topology is not None
        whole_silos(parts, prepared.train, prepared.silos)
        transport = join(crew(spec, parts.topology, prepared.silos))
        train, silos = _own(prepared, transport.node)
        audited = prepared.audited
        del prepared  # no other silo's row stays
        stages = _stages(spec, parts, train, silos, transport, sink, audited)
        models: dict[int, dict[str, State]] = stages.encoders()
        if parts.generator is not None:
            generators = stages.generator(models, lambda record, now: None)
            models = {silo: models[silo] | {"generator": state} for silo, state in generators.items()}
        stages.carried = {"sent": _sent(transport), "gone": {str(silo): place for silo, place in transport.gone.items()}}
        sink.save_trained(models, stages.extra())
        stages.secrets.forget()


def _stages(spec: TrialSpec, parts: Parts, train: Cohort, silos: list[Silo], transport: Gloo, sink: Any, audited: Any) -> Stages:
    among = sum(node >= 0 for node in transport.nodes)
    ledgers = account.open_ledgers(spec, parts, silos, train, space_of(train, parts), among=among) if silos else {}
    return Stages(spec, parts, train, silos, ledgers, transport, sink, audited=audited, seen=sink.part)


def _own(prepared: PreparedCohort, node: int) -> tuple[Cohort, list[Silo]]:
    """The training rows of one silo; none for a server."""
    mine = next((silo for silo in prepared.silos if silo.index == node), None)
    if mine is None:
        return prepared.train.take(np.arange(0)), []
    return prepared.train.take(mine.rows), [replace(mine, rows=np.arange(len(mine.rows)))]


def _sent(transport: Gloo) -> dict[str, Any]:
    """Bytes that were handed to gloo: stage -> payload, headers, messages; and those of the store's JSON."""
    stages: dict[str, list[int]] = {}
    for (stage, _), counts in transport.sent.items():
        stages[stage] = [a + b for a, b in zip(stages.get(stage, [0, 0, 0]), counts, strict=True)]
    return {"stages": stages, "store": transport.meet.bytes, "repeated": transport.wasted[0]}


def merged(extras: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """One process's `extra` from those of all nodes that are left. PlumbingError where statistics cost other bytes than counted.

    What a silo sent that died is not known to anybody, so nothing is compared then.
    """
    import torch

    first = extras[min(node for node in extras if node >= 0)]
    for stage, counted in first["statistics"].items():
        name = stage if stage in COUNTED else f"{stage}, statistics"
        for what, expected in ((name, counted["bytes"]), (f"{name}, keys", counted["keys"])):
            sent = sum(extra["transport"]["sent"]["stages"].get(what, [0])[0] for extra in extras.values())
            if sent != expected and not gone(extras):
                raise PlumbingError(f"{what}: {sent} bytes were sent, {expected} are counted")
    known = {"plumbing": first["plumbing"], "statistics": first["statistics"]}
    known["spent"] = {silo: spent for extra in extras.values() for silo, spent in extra["spent"].items()}
    if "audit" in first:
        known["audit"] = {silo: score for extra in extras.values() for silo, score in extra["audit"].items()}
    if "sizes" in first:
        known["sizes"] = {silo: row for extra in extras.values() for silo, row in extra.get("sizes", {}).items()}
    counts = [
        torch.tensor(extras[node]["conditions"], dtype=torch.float64) for node in sorted(extras) if "conditions" in extras[node]
    ]
    return known | ({"conditions": torch.stack(counts).sum(0).tolist()} if counts else {})


def gone(extras: Mapping[int, Mapping[str, Any]]) -> dict[int, str]:
    """Silos that died, and the stage and round in which they did."""
    return {int(silo): place for extra in extras.values() for silo, place in extra["transport"]["gone"].items()}


def spend_all(stages: Stages, silos: Iterable[int]) -> None:
    """Charge silos that died with all that was planned: what they spent in their last round nobody knows."""
    for silo in silos:
        if silo in stages.ledgers:
            ledger = stages.ledgers[silo]
            for stage, plan in ledger.planned.items():
                kinds: dict[Kind, int] = {"step": plan.private_steps, "moments": plan.moments, "counts": plan.counts}
                ledger.spent.update({(stage, kind): count for kind, count in kinds.items() if count})


def payload(extras: Mapping[int, Mapping[str, Any]]) -> dict[str, int]:
    """All ranks' bytes, for `trial.json`."""
    rows = [counts for extra in extras.values() for counts in extra["transport"]["sent"]["stages"].values()]
    stored = sum(extra["transport"]["sent"]["store"] for extra in extras.values())
    names = ("payload_bytes", "header_bytes", "messages")
    return {name: sum(row[i] for row in rows) for i, name in enumerate(names)} | {
        "store_bytes": stored,
        "repeated_bytes": sum(extra["transport"]["sent"]["repeated"] for extra in extras.values()),
    }
