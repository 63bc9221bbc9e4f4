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
    """One point of the space. values: objective -> mean over cohorts and seeds; empty where a trial failed, with the reason."""

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


def nearest_to_ideal(front: Sequence[Proposal], done: Sequence[Proposal], objectives: Sequence[Objective]) -> Proposal | None:
    """The front's member nearest to the ideal point, each objective scaled to its range over all answered proposals.

    Not the least sum of ranks: on a front of two objectives all sums are equal. The earlier one in a tie.
    """
    away = dict.fromkeys((p.number for p in front), 0.0)
    for objective in objectives:
        losses = {p.number: objective.loss(p.values[objective.name]) for p in done}
        best, worst = min(losses.values(), default=0.0), max(losses.values(), default=0.0)
        for number in away:
            away[number] += ((losses[number] - best) / (worst - best)) ** 2 if worst > best else 0.0
    return min(front, key=lambda p: (away[p.number], p.number), default=None)
