"""Points of a study's space: what Optuna draws them from, what came of them, and which one is picked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

    from fpmg_bench.tune.objectives import Objective


@dataclass(frozen=True)
class Proposal:
    """One point of the space. values: objective -> mean over cohorts; empty where a trial failed, with the reason."""

    number: int
    params: Mapping[str, Any]
    values: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""


def distribution_of(path: str, entry: Mapping[str, Any]) -> optuna.distributions.BaseDistribution:
    """A suite's space entry as Optuna's: {"float": [low, high], "log": true} | {"int": [low, high]} | {"choice": [...]}."""
    from optuna import distributions

    if "choice" in entry:
        return distributions.CategoricalDistribution(entry["choice"])
    kind = "float" if "float" in entry else "int"
    low, high = entry[kind]
    if kind == "float":
        return distributions.FloatDistribution(low, high, log=bool(entry.get("log")))
    return distributions.IntDistribution(low, high, log=bool(entry.get("log")))


def answered(trial: optuna.trial.FrozenTrial, objectives: Sequence[Objective]) -> Proposal:
    """A finished trial of the study."""
    measured = trial.user_attrs.get("measured", {})
    values = {objective.name: measured[objective.name] for objective in objectives if objective.name in measured}
    return Proposal(trial.number, trial.params, values, trial.user_attrs.get("reason", "" if values else "interrupted"))


def least_ranks(front: Sequence[Proposal], objectives: Sequence[Objective]) -> Proposal | None:
    """The front's most balanced member: least sum of ranks over the objectives, the earlier one in a tie."""
    total = dict.fromkeys((p.number for p in front), 0)
    for objective in objectives:
        sign = -1.0 if objective.direction == "maximize" else 1.0
        for rank, p in enumerate(sorted(front, key=lambda p: sign * objective.of(p.values[objective.name]))):
            total[p.number] += rank
    return min(front, key=lambda p: (total[p.number], p.number), default=None)
