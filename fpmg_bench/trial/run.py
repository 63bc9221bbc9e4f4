"""One trial, ten steps, in order. It knows components by their contracts only, and gets everything it needs handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import SuiteError
from fpmg_bench.evaluation import EvaluationSpace, Measured
from fpmg_bench.federation.graph import graph_of
from fpmg_bench.keys import rng_for
from fpmg_bench.transport import Inproc
from fpmg_bench.trial import account, faulted
from fpmg_bench.trial.attacked import Trained
from fpmg_bench.trial.cost import Clock, cost, denormals_flushed
from fpmg_bench.trial.decoded import decoded
from fpmg_bench.trial.measure import audit_rows, measure, scores_of
from fpmg_bench.trial.prepared import PreparedCohort, people, prepare
from fpmg_bench.trial.release import release
from fpmg_bench.trial.released import Conduct, Outcome, Released
from fpmg_bench.trial.requested import mixture, uniform
from fpmg_bench.trial.sizes import labels
from fpmg_bench.trial.stages import Stages
from fpmg_bench.trial.traffic import traffic
from fpmg_bench.trial.vectors import round_trips, space_of

if TYPE_CHECKING:
    from fpmg_bench.federation import Federated
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial.parts import Parts, Sink
    from fpmg_bench.types import Cohort, State

SHOWN = 2  # patients of a class whose round trip is kept, where the cohort is publishable
HELD_OUT = "held-out"
Encoders = dict[int, dict[str, "State"]]
Train = Callable[["Stages"], tuple[Encoders, dict[str, Any]]]  # released models, and what `Stages.take_over` takes over


def run_trial(spec: TrialSpec, parts: Parts, sink: Sink, train: Train | None = None) -> None:
    """Steps 2 to 10 (step 1, building the components, is the caller's). Raises what cannot be recorded as a metric's failure.

    train: does steps 4 to 6 elsewhere, where weights travel at all.
    """
    with denormals_flushed():
        _run(spec, parts, sink, train)


def _run(spec: TrialSpec, parts: Parts, sink: Sink, train: Train | None) -> None:
    clock = Clock()
    sink.event({"event": "stage", "name": "load", "total": 1})
    with clock("load"):
        prepared = prepare(spec, parts)
        space = EvaluationSpace.fit(prepared.whole, spec.seed)
    if spec.control:
        released, conduct = _controlled(spec, parts, prepared, clock, sink), Conduct()
    else:
        released, conduct = _generated(spec, parts, prepared, space, clock, sink, train)
    public = {} if callable(released.records) else released.records
    for name, cohort in _distinct(public, prepared.train.silo_names):
        sink.synthetic(cohort, name)
    with clock("measure"):
        evidence = prepared.evidence(spec, parts, space, released)
        found = prepared.audit(spec, space, public, conduct.privacy)
        scores = measure(parts.metrics, evidence, spec.seed, sink) + (audit_rows(found) if found else [])
        _show_round_trip(spec, parts, prepared, evidence, sink)
    sink.finish(Outcome(spec, people(prepared), released, conduct, found, scores, cost(clock)).record())


def _controlled(spec: TrialSpec, parts: Parts, prepared: PreparedCohort, clock: Clock, sink: Sink) -> Released:
    """A generator with a known fault, as a function in data space, in place of steps 4 to 8."""
    assert spec.control is not None
    name, strength = spec.control.name, float(spec.control.params.get("strength", 1.0))
    if name not in CONTROLS:
        raise SuiteError(f"methods.{spec.method}.control: unknown control {name!r}", f"one of {', '.join(sorted(CONTROLS))}")
    with clock("sample"):
        made = CONTROLS[name](prepared.train, parts.dataset, strength, rng_for(spec.seed, "control", name))
    return Released(dict.fromkeys((silo.index for silo in prepared.silos), made), rounds=sink.rounds)


def _generated(
    spec: TrialSpec, parts: Parts, prepared: PreparedCohort, space: EvaluationSpace, clock: Clock, sink: Sink, train: Train | None
) -> tuple[Released, Conduct]:
    """Steps 4 to 8: train, or take over what was trained under the same key; then sample and decode."""
    ledgers = account.open_ledgers(spec, parts, prepared.silos, prepared.train, space_of(prepared.train, parts))
    transport = Inproc(record=spec.frames)
    stages = Stages(spec, parts, prepared.train, prepared.silos, ledgers, transport, sink, audited=prepared.audited)
    trained = _models(stages, prepared, space, clock, None if spec.partition.get("kind") == "pooled" else train)
    models = faulted.measured(stages.faults, trained, *faulted.last_round(sink.rounds, stages))
    with clock("sample"):
        drawn = _sampled(stages, prepared, models, mixture) if parts.generator else {}
    pooled = spec.partition.get("kind") == "pooled"
    sent = traffic(sink.rounds, stages.statistics, prepared.cohort, prepared.train, pooled)
    sink.ledger(account.ledger_file(ledgers, stages.draws, spec))
    balanced = partial(_sampled, stages, prepared, models, uniform)
    records, even = (drawn, balanced) if parts.generator else decoded(spec, parts, prepared, models)
    released = Released(
        records,
        even,
        rounds=sink.rounds,
        models=models,
        ledgers={silo: ledger.summary() for silo, ledger in ledgers.items()},
        frames=transport.frames,
        bytes=sent,
        plumbing=stages.plumbing,
        encode=lambda silo, cohort: stages.encode(cohort, models[silo]).z.numpy(),
        round_trip=lambda: round_trips(parts, prepared.train, prepared.parted.held_out, models),
        widths={modality: encoder.dim for modality, encoder in parts.encoders.items()},
        learners=Trained(stages, trained),  # neighbours attack liars and the dead too
    )
    graph = asdict(graph_of(parts.topology, len(prepared.silos))) if parts.topology and not pooled else {}
    faults = faulted.summary(stages, sink.rounds)
    return released, Conduct(account.privacy_summary(ledgers, spec), stages.carried, graph, faults)


def _sampled(stages: Stages, prepared: PreparedCohort, models: Encoders, requested: Any) -> dict[int, Cohort]:
    """Steps 7 and 8 for the conditions that `requested` draws: every silo's release."""
    seed = stages.spec.seed
    return release(
        models,
        stages.parts,
        prepared.train,
        stages.space,
        requested(prepared.train, labels(prepared.train, stages.sizes), seed, stages.conditions),
        seed,
    )


def _models(stages: Stages, prepared: PreparedCohort, space: EvaluationSpace, clock: Clock, train: Train | None) -> Encoders:
    """silo -> modality | "generator" -> state."""
    kept = stages.sink.trained()
    if kept is not None:
        stages.take_over(stages.sink.trained_extra)
        return {int(silo): dict(parts) for silo, parts in kept.items()}
    if train is not None:
        with clock("ranks"):
            models, extra = train(stages)
        stages.take_over(extra)
        stages.sink.save_trained(models, stages.extra())
        return models
    with clock("stage1"):
        encoders = stages.encoders()
    if stages.parts.generator is None:
        stages.sink.save_trained(encoders, stages.extra())
        return encoders
    with clock("stage2"):
        generators = stages.generator(encoders, _watch(stages, prepared, space, encoders))
    models = {silo: encoders[silo] | {"generator": state} for silo, state in generators.items()}
    stages.sink.save_trained(models, stages.extra())
    return models


def _watch(stages: Stages, prepared: PreparedCohort, space: EvaluationSpace, encoders: Encoders) -> Any:
    """`evaluate_every`: the metrics marked cheap, on what the silos would release now; the last round too. Stored in the round's record."""
    spec, parts = stages.spec, stages.parts
    every = spec.budget.evaluate_every
    cheap = {name: metric for name, metric in parts.metrics.items() if getattr(metric, "cheap", False)}
    rounds = account.rounds_of(parts.generator, spec.budget.rounds) if parts.generator else 0

    def watch(record: dict[str, Any], now: Federated) -> None:
        last = now.done or now.round == rounds
        if not every or (now.round % every and not last):
            return
        models = {silo: encoders[silo] | {"generator": state} for silo, state in now.states.items()}
        models = faulted.measured(stages.faults, models, record["stage"], record["round"])
        drawn = _sampled(stages, prepared, models, mixture)
        evidence = prepared.evidence(spec, parts, space, Released(drawn, rounds=[*stages.sink.rounds, record]))
        rows = [row for name, metric in cheap.items() for row in scores_of(name, metric, evidence, spec.seed)]
        record["scores"] = [row | {"round": record["round"]} for row in rows]

    return watch


def _show_round_trip(spec: TrialSpec, parts: Parts, prepared: PreparedCohort, evidence: Measured, sink: Sink) -> None:
    """Of encoders alone, on publishable cohorts only: a few held-out patients and what the first silo's decoder makes of them."""
    if spec.control or parts.generator is not None or not parts.dataset.publishable:
        return
    import numpy as np

    held_out = prepared.parted.held_out
    classes = [np.flatnonzero(held_out.label == c)[:SHOWN] for c in range(len(held_out.classes))]
    rows = np.concatenate(classes)
    sink.synthetic(next(iter(evidence.round_trips().values())).take(rows), "decoded")
    sink.synthetic(held_out.take(rows), HELD_OUT)


def _distinct(released: Mapping[int, Cohort], names: tuple[str, ...]) -> list[tuple[str, Cohort]]:
    """Each different release once, under its first silo's name, or "all" where there is but one."""
    first = {id(cohort): (names[silo], cohort) for silo, cohort in reversed(list(released.items()))}
    rows = list(reversed(first.values()))
    return [("all", rows[0][1])] if len(rows) == 1 else rows
