"""What a trial will send, spend and take, before it runs: message sizes and step times from made-up rows of the same schema,
bytes from the topology's closed form, noise from the very calibration that the trial will use.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import FpmgError
from fpmg_bench.keys import rng_for

if TYPE_CHECKING:
    from fpmg_bench.contracts import Learner, Topology
    from fpmg_bench.federation.graph import Graph
    from fpmg_bench.privacy import Ledger
    from fpmg_bench.spec import Choice, TrialSpec
    from fpmg_bench.trial import Parts
    from fpmg_bench.trial.silos import Pace
    from fpmg_bench.types import Cohort, State, Step, Way

Known = dict[str, tuple["State", "State", float]]  # what determines a measurement -> statistics, what travels, seconds of a step
ROWS = 64  # made-up rows: enough for any principal component that an encoder keeps
TIMED_STEPS = 3


@dataclass(frozen=True, slots=True)
class StageForecast:
    """One stage. message: data bytes of one model; per_round None: the topology states no closed form; keys: of secure aggregation.

    step_seconds: one local step of one silo, measured here on made-up rows, without privacy.
    """

    stage: str
    silos: int
    rounds: int
    message: int
    per_round: int | None
    statistics: int
    keys: int
    step_seconds: float
    steps: int

    @property
    def total(self) -> int | None:
        return None if self.per_round is None else self.per_round * self.rounds + self.statistics + self.keys

    @property
    def seconds(self) -> float:
        return self.step_seconds * self.steps


@dataclass(frozen=True, slots=True)
class SiloForecast:
    """One silo's privacy: its pace in either stage, the noise its ledger was calibrated to, and the epsilon of the whole plan (PRV).

    totals: epsilon against whoever sees only totals, where silos share the noise of sums.
    holds: what is said beside that epsilon: simulated or secure, and what it takes for granted.
    """

    silo: str
    patients: int
    stage1: Pace
    stage2: Pace
    noise: float | None
    noise_statistics: float | None
    epsilon: float
    delta: float | None = None
    holds: str = ""
    totals: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """One trial. edges: (from, to) of round 0, the server is -1; reason: why there is none (a control, or where not `possible`, what the
    trial would fail of before it begins).

    partition, skew: the silos asked for, and how different they are with this trial's seed; graph: of all silos.
    raw_upload: bytes of sending all training records but those of the first silo, once; what a pooled trial costs.
    """

    id: str
    stages: tuple[StageForecast, ...] = ()
    silos: tuple[SiloForecast, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()
    raw_upload: int = 0
    pooled: bool = False
    reason: str = ""
    partition: Mapping[str, Any] = field(default_factory=dict)
    skew: Mapping[str, Any] = field(default_factory=dict)
    topology: Choice | None = None
    aggregator: Choice | None = None
    graph: Graph | None = None
    possible: bool = True

    @property
    def bytes(self) -> int | None:
        if self.pooled:
            return self.raw_upload
        sizes = [stage.total for stage in self.stages]
        return None if any(size is None for size in sizes) else sum(size or 0 for size in sizes)

    @property
    def seconds(self) -> float:
        """Local training of all silos on one core, as if without privacy."""
        return sum(stage.seconds for stage in self.stages)


def forecast(spec: TrialSpec, parts: Parts, cohort: Cohort, known: Known | None = None) -> Forecast:
    """Forecast a trial on its own cohort; only counts of patients and declared schemas are used, no row is trained on.

    known: what was measured for other trials of the suite, and is not measured again: methods share most of their encoders.
    """
    from fpmg_bench.federation.graph import graph_of
    from fpmg_bench.trial.account import open_ledgers
    from fpmg_bench.trial.prepared import Loaded
    from fpmg_bench.trial.traffic import raw_upload
    from fpmg_bench.trial.vectors import space_of

    if not spec.trains:
        return Forecast(spec.id, reason="made elsewhere, outside the boundary" if spec.external else "a control trains nothing")
    try:
        placed = Loaded.planned(spec, parts.dataset, cohort).placed(spec)
        train, silos, skew = placed.train, placed.silos, placed.skew
        space = space_of(train, parts)
        ledgers = open_ledgers(spec, parts, silos, train, space)
    except FpmgError as error:
        return Forecast(spec.id, reason=str(error), possible=False)
    stages, known = [], {} if known is None else known
    for modality, encoder in parts.encoders.items():
        holders = [s for s in silos if bool(train.present[modality][s.rows].any())]
        stages.append(
            _stage(
                f"stage1:{modality}",
                spec,
                parts,
                encoder,
                train.schemas[modality],
                holders,
                spec.budget.encoder_rounds,
                ledgers,
                known,
            )
        )
    if parts.generator is not None:
        stages.append(_stage("stage2", spec, parts, parts.generator, space, silos, spec.budget.rounds, ledgers, known))
    pooled = spec.partition["kind"] == "pooled"
    edges = () if pooled else _edges(spec, parts, len(silos))
    return Forecast(
        spec.id,
        tuple(stages),
        tuple(_silo(s, ledgers, train.drafted, parts.trusted) for s in silos),
        edges,
        raw_upload(train, placed.cohort, pooled),
        pooled,
        partition=spec.partition,
        skew=skew,
        topology=spec.topology,
        aggregator=spec.aggregator,
        graph=None if pooled or parts.topology is None else graph_of(parts.topology, len(silos)),
    )


def _silo(silo: Any, ledgers: Mapping[int, Ledger], drafted: bool, trusted: Sequence[str]) -> SiloForecast:
    from dataclasses import asdict

    from fpmg_bench.privacy import epsilon_of
    from fpmg_bench.privacy.claim import claim, told
    from fpmg_bench.privacy.ledger import mechanisms

    ledger = ledgers.get(silo.index)
    if ledger is None:
        return SiloForecast(silo.name, silo.patients, silo.stage1, silo.stage2, None, None, float("inf"))
    rows, noise, asked = mechanisms(ledger.planned, ledger.rates, ledger.noise), ledger.noise, ledger.privacy
    totals = None if asked.colluding is None else epsilon_of(ledger.of_totals(rows), asked.delta)
    holds = told(asdict(asked), claim(asked, drafted, trusted))
    found = (noise.steps, noise.statistics, epsilon_of(rows, asked.delta), asked.delta, holds, totals)
    return SiloForecast(silo.name, silo.patients, silo.stage1, silo.stage2, *found)


def _edges(spec: TrialSpec, parts: Parts, silos: int) -> tuple[tuple[int, int], ...]:
    from fpmg_bench.federation import Schedule, edges_of

    assert parts.topology is not None
    return edges_of(Schedule(parts.topology, "stage2", spec.seed).steps(range(silos), 0))


def _stage(
    name: str,
    spec: TrialSpec,
    parts: Parts,
    learner: Learner,
    schema: Any,
    holders: Sequence[Any],
    budget: int,
    ledgers: Mapping[int, Ledger],
    known: Known,
) -> StageForecast:
    from fpmg_bench import stopping
    from fpmg_bench.federation import Schedule, check_cost, statistics, ways
    from fpmg_bench.federation.layout import Layout, modules_of
    from fpmg_bench.transport import Inproc
    from fpmg_bench.trial.account import additive

    assert parts.topology is not None
    rounds = budget if learner.rounds is None else learner.rounds
    patients = round(sum(s.patients for s in holders) / len(holders))
    choice = spec.generator if name == "stage2" else spec.encoders[name.partition(":")[2]]
    ledger = ledgers.get(holders[0].index)
    key = repr(
        (name, choice, schema, holders[0].pace(name).rate, patients, ledger and (ledger.noise, ledger.planned), rounds > 0)
    )
    if key not in known:
        known[key] = _measure(name, learner, schema, holders[0], patients, ledgers, train=rounds > 0)
    stats, state, seconds = known[key]
    n = len(holders)
    schedule = Schedule(parts.topology, name, spec.seed)
    layout, steps = Layout.of(state, modules_of(state) if rounds else ()), schedule.meeting(range(n))
    local = dict.fromkeys(range(n), stats)
    blind = spec.privacy is not None and spec.privacy.colluding is not None and additive(learner)
    point = statistics.grid(schedule.hides_sums, steps, local, name, Inproc(), range(n), blind)
    stop = stopping.stop_of(spec.budget, name, rounds)
    most = stop.checks(stopping.begins(learner, schema), rounds) if stop else 0
    checks, _, keyed = check_cost(steps, range(n), schedule.hides_sums, most, stopping.width(stop, schema))
    return StageForecast(
        stage=name,
        silos=n,
        rounds=rounds,
        message=layout.bytes,
        per_round=_round_bytes(parts.topology, schedule.steps(range(n), 0), n, state if rounds else {}, ways.ways_of(learner)),
        statistics=statistics.cost(steps, range(n), stats, point)[0] + checks,
        keys=_keys(steps, n, bool(stats and point) or keyed, rounds),
        step_seconds=seconds,
        steps=rounds * sum(s.pace(name).steps for s in holders),
    )


def _round_bytes(topology: Topology, steps: Sequence[Step], n: int, sent: State, travels: Mapping[str, Way]) -> int | None:
    """Bytes of a round, by the closed form of each way that modules travel."""
    from fpmg_bench.federation import ways
    from fpmg_bench.federation.layout import Layout, modules_of

    groups: dict[Way, set[str]] = {"merge": set()}
    for module in modules_of(sent):
        groups.setdefault(ways.way_of(module, travels), set()).add(module)
    parts = [ways.round_bytes(topology, steps, n, Layout.of(sent, modules), way) for way, modules in groups.items()]
    return None if any(part is None for part in parts) else sum(part or 0 for part in parts)


def _keys(steps: Sequence[Step], n: int, summed: bool, rounds: int) -> int:
    """Bytes of public keys, and of shares of secrets where rounds may lose silos."""
    from fpmg_bench.federation import secure

    if not summed and not (rounds and secure.is_masked(steps)):
        return 0
    return secure.keys(steps, range(n), rounds > 0)[0] + rounds * secure.round_keys(steps, range(n))


def _measure(
    name: str, learner: Learner, schema: Any, silo: Any, patients: int, ledgers: Mapping[int, Ledger], train: bool
) -> tuple[State, State, float]:
    """Statistics, what travels every round, and seconds of a local step on made-up rows, as many as the silos have on average."""
    from fpmg_bench.privacy import LocalShard
    from fpmg_bench.testing.fakes import context

    rows, count = _made_up(schema, max(ROWS, patients))
    private = LocalShard(rows, count, silo.pace(name).rate, name, _fresh(ledgers.get(silo.index))).begin(0)
    stats = learner.statistics(schema, private, context(schema))
    state = learner.init(schema, stats, rng_for(0, "forecast"))
    if not train:
        return stats, state, 0.0
    plain = LocalShard(rows, count, silo.pace(name).rate, name).begin(0)
    learner.train(state, plain, context(schema, steps=1))  # the first step also prepares features
    began = time.process_time()  # of one thread: a machine that is busy otherwise is not the method's cost
    sent = learner.train(state, plain, context(schema, steps=TIMED_STEPS)).state
    return stats, sent, (time.process_time() - began) / TIMED_STEPS


def _made_up(schema: Any, n: int) -> tuple[Any, Any]:
    import numpy as np

    from fpmg_bench.testing import fakes
    from fpmg_bench.types import Space

    if isinstance(schema, Space):
        return fakes.vectors(n, of=schema), np.arange(n)
    return fakes.data_of(schema, np.linspace(0.0, 1.0, n)), np.arange(n)


def _fresh(ledger: Ledger | None) -> Ledger | None:
    """An account of its own: a forecast spends nothing."""
    from dataclasses import replace

    return None if ledger is None else replace(ledger, spent={})
