"""CO, communication overhead: what the byte meter counted, and how long it takes on a stated network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Rng

METER = "byte meter, data payload counted once at the sender"
STEPS = "steps of the plan that follow one another, of every exchange"
NEAR = 0.02  # "to target": the first round whose utility is within this share of the last one's
UTILITY = ("tstr", "tstr.r2")  # of a label that is a class, or a number


class Co:
    """Communication overhead, exact.

    `co`: bytes sent in the whole trial, both stages, all statistics, hand-overs and keys; range [0, inf), lower is better.
    `co.rounds`: of the generator, as many as took place before the budget's end or its `stop`.
    `co.per_round`: mean over rounds, and what each silo sends of it (scope silo:NAME). `co.silo_max`: the busiest node, the server
    too. `co.messages`, `co.headers` (bytes beside the payload). `co.ratio`: against uploading the raw training records of all
    silos but one, once; 1: as dear as that.
    `co.hops`: messages that have to wait for one another, in the whole trial; `co.round_hops`: mean over rounds (relay ring n - 1,
    star 2, hierarchy 4, cyclic n, gossip 1 over direct links).
    `co.network_seconds`: sum over hops of latency + the most bytes that any node sends or receives in that hop / bandwidth, plus each
    round's longest injected delay; `latency` in seconds, by default .05, `bandwidth` in bytes a second each way, by default 12.5e6 (100 Mbit/s).
    Computed, not measured, and without training: the same on every machine.
    `co.to_target`: bytes until utility (TSTR) first came within 2 % of its last value, all that was sent before the generator's
    first round included, at the resolution of `budget.evaluate_every`.
    Needs nothing but messages: any n. Pitfall: a method that sends nothing (isolated) costs 0 and learns alone.
    """

    family: ClassVar[str] = "CO"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "co": Scale(0.0, False, low=0.0, unit="bytes", source=METER),
        "co.rounds": Scale(0.0, False, low=0.0, unit="rounds", source="rounds of stage 2 that took place"),
        "co.per_round": Scale(0.0, False, low=0.0, unit="bytes", source=METER),
        "co.silo_max": Scale(0.0, False, low=0.0, unit="bytes", source=METER),
        "co.messages": Scale(0.0, False, low=0.0, unit="messages", source=METER),
        "co.headers": Scale(0.0, False, low=0.0, unit="bytes", source=METER),
        "co.ratio": Scale(0.0, False, low=0.0, unit="ratio", source="bytes sent / raw training records of silos 1..n-1"),
        "co.hops": Scale(0.0, False, low=0.0, unit="hops", source=STEPS),
        "co.round_hops": Scale(0.0, False, low=0.0, unit="hops", source=STEPS),
        "co.network_seconds": Scale(0.0, False, low=0.0, unit="s", source="sum over hops of latency + largest load / bandwidth"),
        "co.to_target": Scale(0.0, False, low=0.0, unit="bytes", source=METER),
    }

    def __init__(self, latency: Annotated[float, Ge(0)] = 0.05, bandwidth: Annotated[float, Gt(0)] = 12.5e6) -> None:
        self.latency = latency
        self.bandwidth = bandwidth

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """All scores that the meter allows."""
        counted = evidence.bytes
        if "total" not in counted:
            raise NotApplicable("no federation took place: nothing was metered")
        stages = [value for value in counted.values() if isinstance(value, Mapping)]
        scores = [
            Score("co", float(counted["total"])),
            Score("co.silo_max", float(max(_per_silo(stages).values(), default=0))),
            Score("co.messages", float(sum(_sum(stage.get("messages", 0)) for stage in stages))),
            Score("co.headers", float(counted.get("headers", 0))),
            Score("co.rounds", float(sum(record["stage"] == "stage2" for record in evidence.rounds))),
        ]
        raw = float(counted.get("raw_upload", 0))
        if raw > 0:
            scores.append(Score("co.ratio", float(counted["total"]) / raw))
        else:
            evidence.not_applicable("co.ratio", "one silo holds everything: there is nothing to upload")
        return [*scores, *_per_round(evidence, stages), *self._time(evidence), *_to_target(evidence)]

    def _time(self, evidence: Evidence) -> list[Score]:
        """Hops, and seconds on the stated network."""
        counted = evidence.bytes
        uploaded = list(counted["path"])
        rounds = [] if uploaded else [record["path"] for record in evidence.rounds]
        besides = [uploaded] if uploaded else [stage["path"] for stage in counted.values() if isinstance(stage, Mapping)]
        loads = [load for path in (*rounds, *besides) for load in path]
        late = sum(max((record.get("delay") or {}).values(), default=0.0) for record in evidence.rounds)
        seconds = len(loads) * self.latency + sum(loads) / self.bandwidth + late
        mean = [Score("co.round_hops", sum(map(len, rounds)) / len(rounds), n=len(rounds))] if rounds else []
        return [Score("co.hops", float(len(loads))), *mean, Score("co.network_seconds", seconds)]


def _per_round(evidence: Evidence, stages: Sequence[Mapping[str, Any]]) -> Iterator[Score]:
    """Mean bytes a round, in total and of each silo."""
    rounds = [float(b) for stage in stages for b in stage.get("rounds", ())]
    if not rounds:
        return
    yield Score("co.per_round", sum(rounds) / len(rounds), n=len(rounds))
    for silo, sent in sorted(_per_silo(stages).items(), key=lambda item: int(item[0])):
        if int(silo) >= 0:
            yield Score("co.per_round", sent / len(rounds), f"silo:{evidence.silo_names[int(silo)]}", n=len(rounds))


def _to_target(evidence: Evidence) -> list[Score]:
    """Everything that was sent until the first evaluated round that is nearly as useful as the last one."""
    spent, found = float(_before(evidence.bytes)), []
    for record in evidence.rounds:
        spent += float(record.get("bytes", 0))
        value = next((s["value"] for s in record.get("scores", ()) if s["key"] in UTILITY and _headline(s)), None)
        if value is not None:
            found.append((float(value), spent))
    if found:
        last = found[-1][0]
        enough = last * (1 - NEAR) if last > 0 else last
        return [Score("co.to_target", next(spent for value, spent in found if value >= enough))]
    if any("scores" in record for record in evidence.rounds):
        reason = f"no utility between rounds: {UTILITY[0]} was not asked for, or had no value"
    else:
        reason = "nothing was evaluated between rounds: set budget.evaluate_every"
    evidence.not_applicable("co.to_target", reason)
    return []


def _headline(row: Mapping[str, Any]) -> bool:
    return row.get("scope") == "all" and row.get("modality") is None


def _before(counted: Mapping[str, Any]) -> int:
    """Bytes besides rounds that were sent before the generator's first round; of a pooled trial its upload."""
    parts = {name: stage for name, stage in counted.items() if isinstance(stage, Mapping)}
    early: int = sum(int(stage.get("statistics", 0)) + int(stage.get("keys", 0)) for stage in parts.values())
    early += sum(counted["path"])
    return early + sum(int(stage.get("handover", 0)) for name, stage in parts.items() if name != "stage2")


def _per_silo(stages: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for stage in stages:
        for silo, sent in stage.get("per_silo", {}).items():
            total[str(silo)] = total.get(str(silo), 0.0) + _sum(sent)
    return total


def _sum(value: Any) -> float:
    return float(sum(value)) if isinstance(value, Sequence) else float(value)
