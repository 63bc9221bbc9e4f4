"""CO, communication overhead: what the byte meter counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Rng

METER = "byte meter, data payload counted once at the sender"
NEAR = 0.02  # "to target": the first round whose utility is within this of the last one's


class Co:
    """Communication overhead, exact.

    `co`: bytes sent in the whole trial, both stages, all statistics and keys; range [0, inf), lower is better. `co.per_round`: mean
    over rounds. `co.silo_max`: the busiest silo. `co.messages`, `co.headers` (bytes beside the payload). `co.ratio`: against
    uploading the raw training records of all silos but one, once; 1: as dear as that. `co.to_target`: bytes until utility
    (TSTR) first came within .02 of its last value, at the resolution of `budget.evaluate_every`.
    Needs nothing but messages: any n. Pitfall: bytes say nothing of hops or latency; a method that sends nothing (isolated) costs 0 and learns alone.
    """

    family: ClassVar[str] = "CO"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "co": Scale(0.0, False, low=0.0, unit="bytes", source=METER),
        "co.per_round": Scale(0.0, False, low=0.0, unit="bytes", source=METER),
        "co.silo_max": Scale(0.0, False, low=0.0, unit="bytes", source=METER),
        "co.messages": Scale(0.0, False, low=0.0, unit="messages", source=METER),
        "co.headers": Scale(0.0, False, low=0.0, unit="bytes", source=METER),
        "co.ratio": Scale(0.0, False, low=0.0, unit="ratio", source="bytes sent / raw training records of silos 1..n-1"),
        "co.to_target": Scale(0.0, False, low=0.0, unit="bytes", source=METER),
    }

    def __init__(self) -> None:
        pass

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
        ]
        rounds = [float(b) for stage in stages for b in stage.get("rounds", ())]
        scores += [Score("co.per_round", sum(rounds) / len(rounds), n=len(rounds))] if rounds else []
        raw = float(counted.get("raw_upload", 0))
        if raw > 0:
            scores.append(Score("co.ratio", float(counted["total"]) / raw))
        else:
            evidence.not_applicable("co.ratio", "one silo holds everything: there is nothing to upload")
        return scores + self._to_target(evidence)

    def _to_target(self, evidence: Evidence) -> list[Score]:
        spent, utility = 0.0, []
        for record in evidence.rounds:
            spent += float(record.get("bytes", 0))
            value = next((s["value"] for s in record.get("scores", ()) if s["key"] == "tstr" and s.get("scope") == "all"), None)
            if value is not None:
                utility.append((float(value), spent))
        if not utility:
            evidence.not_applicable("co.to_target", "no utility was measured between rounds (budget.evaluate_every)")
            return []
        last = utility[-1][0]
        return [Score("co.to_target", next(spent for value, spent in utility if value >= last - NEAR))]


def _per_silo(stages: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for stage in stages:
        for silo, sent in stage.get("per_silo", {}).items():
            total[str(silo)] = total.get(str(silo), 0.0) + _sum(sent)
    return total


def _sum(value: Any) -> float:
    return float(sum(value)) if isinstance(value, Sequence) else float(value)
