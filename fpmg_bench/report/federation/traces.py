"""Round records of a method averaged over its seeds, thinned so that the page never grows with rounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fpmg_bench.report.view import Group, Method
from fpmg_bench.report.wording import as_float

POINTS = 60


@dataclass(frozen=True, slots=True)
class Trace:
    """Means over seeds: rounds counted from 1, one value a round, None where no seed has one."""

    rounds: Sequence[int]
    values: Sequence[float | None]

    @property
    def known(self) -> list[float]:
        return [v for v in self.values if v is not None]


def stages(group: Group) -> list[str]:
    """Stage names in order of appearance, "stage2" last."""
    names = dict.fromkeys(str(record["stage"]) for m in group.methods for t in m.trials for record in t.rounds)
    return sorted(names, key=lambda name: (name == "stage2", name))


def trace(method: Method, stage: str, pick: Any) -> Trace:
    """Mean over seeds of pick(record) by round; pick: a record's key or a function of the record."""
    read = pick if callable(pick) else lambda record: record.get(pick)
    found: dict[int, list[float]] = {}
    for trial in method.trials:
        for record in trial.rounds:
            value = as_float(read(record)) if record["stage"] == stage else None
            if value is not None:
                found.setdefault(int(record["round"]), []).append(value)
    rounds = thin(sorted(found))
    return Trace([r + 1 for r in rounds], [sum(found[r]) / len(found[r]) for r in rounds])


def thin(rounds: Sequence[int]) -> list[int]:
    """At most POINTS of them, the first and the last always."""
    if len(rounds) <= POINTS:
        return list(rounds)
    step = (len(rounds) - 1) / (POINTS - 1)
    return [rounds[round(i * step)] for i in range(POINTS)]


def loss_names(methods: Iterable[Method], stage: str) -> list[str]:
    """Names of the losses in a stage, sorted."""
    return sorted(
        {
            name
            for m in methods
            for t in m.trials
            for r in t.rounds
            if r["stage"] == stage
            for losses in (r.get("losses") or {}).values()
            for name in losses
        }
    )


def silos(method: Method, stage: str) -> list[str]:
    """Silos that report losses in a stage, in order of appearance."""
    return list(
        dict.fromkeys(str(silo) for t in method.trials for r in t.rounds if r["stage"] == stage for silo in r.get("losses") or {})
    )


def silo_names(method: Method) -> Mapping[str, str]:
    """Index as text -> the silo's name, from the first trial that has them."""
    for trial in method.trials:
        if trial.record.get("silos"):
            return {str(silo["index"]): str(silo["name"]) for silo in trial.record["silos"]}
    return {}


def loss_of(silo: str, name: str) -> Any:
    """Reads one loss of one silo from a record."""
    return lambda record: ((record.get("losses") or {}).get(silo) or {}).get(name)


def mean_loss(name: str) -> Any:
    """Reads one loss averaged over the silos that have it."""

    def read(record: Mapping[str, Any]) -> float | None:
        values = [v for losses in (record.get("losses") or {}).values() if (v := as_float(losses.get(name))) is not None]
        return sum(values) / len(values) if values else None

    return read


def theory(record: Mapping[str, Any]) -> float | None:
    """What the plan's mixing matrix predicts after merging: its second modulus times the distance before."""
    modulus, before = as_float(record.get("theory")), as_float(record.get("before"))
    return None if modulus is None or before is None else modulus * before
