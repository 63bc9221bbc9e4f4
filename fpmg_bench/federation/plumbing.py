"""Proof, before training, that weights travel as the plan says: the same plan and transport on random vectors.

The mixing matrix is read off the plan's own steps and weights; the dry run replaces the aggregator by its linear part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from fpmg_bench.federation.exchange import Exchange, Node
from fpmg_bench.federation.mixing import Mixing, mixing, period_of
from fpmg_bench.keys import rng_for, seed_for
from fpmg_bench.transport import Inproc

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Topology
    from fpmg_bench.types import State, Step

WIDTH = 32  # coordinates of the random vectors
CANARIES = 8  # rounds whose canaries are followed, where plans differ
ROUNDS = 120  # at most; contraction is fitted where the distance is still above rounding


class Linear:
    """The linear part of every aggregator: the weighted mean, in float64."""

    needs: ClassVar[Literal["sum", "individual"]] = "sum"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 1

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        merged: Tensor = weights.double() @ inputs
        return merged


def check(topology: Topology, masses: Mapping[int, float], stage: str, seed: int) -> list[dict[str, Any]]:
    """The checks of FEDERATION.md as rows for trial.json. A serial plan (cyclic) and n < 2 are not applicable, and said so.

    Where the plan changes from round to round, each of the first rounds is checked, and the contraction is that of all matrices.
    """
    plans = [tuple(_plan(topology, masses, round, stage, seed)) for round in range(CANARIES)]
    reason = _why_not(plans[0], len(masses))
    if reason:
        return [_row(stage, "mixing", "not_applicable", None, None, reason)]
    theory = {plans.index(steps): mixing(steps, masses) for steps in dict.fromkeys(plans)}
    return [
        _algebra(theory, stage),
        _canaries(theory, topology, masses, stage, seed),
        *_contraction(theory[0], period_of(plans), topology, masses, stage, seed),
    ]


def _plan(topology: Topology, masses: Mapping[int, float], round: int, stage: str, seed: int) -> Sequence[Step]:
    return topology.plan(sorted(masses), round, rng_for(seed, "plumbing", stage, "plan", round))


def _why_not(steps: Sequence[Step], n: int) -> str:
    if n < 2:
        return "one silo: nothing travels"
    if not steps:
        return "no transfers: silos are isolated"
    if any(step.train for step in steps):
        return "the plan trains between transfers: mixing is not linear in the round's models"
    return ""


def _algebra(theory: Mapping[int, Mixing], stage: str) -> dict[str, Any]:
    worst = max(float(abs(each.matrix.sum(axis=1) - 1.0).max()) for each in theory.values())
    return _row(stage, "rows of the mixing matrix sum to 1", _status(worst <= 1e-9), 0.0, worst)


def _canaries(
    theory: Mapping[int, Mixing], topology: Topology, masses: Mapping[int, float], stage: str, seed: int
) -> dict[str, Any]:
    """Unit vectors, one a silo, sent for real: what arrives must be the round's mixing matrix, zeros included."""
    import torch

    worst, same_zeros = 0.0, True
    for round, expected in theory.items():
        start = {silo: torch.eye(len(masses), dtype=torch.float64)[i] for i, silo in enumerate(expected.silos)}
        after = _dry(topology, masses, start, round, stage, seed)
        arrived = torch.stack([after[s] for s in expected.silos]).numpy()
        same_zeros &= bool(((arrived != 0) == (expected.matrix != 0)).all())
        worst = max(worst, float(abs(arrived - expected.matrix).max()))
    return _row(stage, "canaries arrive exactly where the plan says", _status(same_zeros and worst <= 1e-9), 0.0, worst)


def _contraction(
    theory: Mixing, period: int, topology: Topology, masses: Mapping[int, float], stage: str, seed: int
) -> list[dict[str, Any]]:
    """theory: of round 0. One matrix for all rounds contracts by its second modulus; others as their product on the same vectors."""
    import torch

    rng = rng_for(seed, "plumbing", stage, "vectors")
    models = {silo: torch.randn(WIDTH, generator=rng, dtype=torch.float64) for silo in theory.silos}
    pi, said, constant = theory.stationary, models, True
    kept, first = _mean(models, pi), _spread(models, pi)
    spreads, predicted = [first], [first]
    for round in range(ROUNDS):
        now = mixing(_plan(topology, masses, round, stage, seed), masses)
        constant &= bool((now.matrix == theory.matrix).all())
        said = _mixed(now, said)
        models = _dry(topology, masses, models, round, stage, seed)
        spreads.append(_spread(models, pi))
        predicted.append(_spread(said, pi))
        if spreads[-1] < 1e-9 * first:
            break
    drift = float((_mean(models, pi) - kept).norm() / kept.norm())
    rate, expected = _rate(spreads, period), theory.second_modulus if constant else _rate(predicted, period)
    within = abs(rate - expected) <= 0.01 * max(expected, 1e-3)
    return [
        _row(stage, "the stationary mean is kept", _status(drift <= 1e-6), 0.0, drift),
        _row(stage, "consensus distance contracts by the second modulus", _status(within), expected, rate),
    ]


def _mixed(matrix: Mixing, models: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """The models after one round of plain arithmetic."""
    import torch

    after = torch.from_numpy(matrix.matrix) @ torch.stack([models[s] for s in matrix.silos])
    return dict(zip(matrix.silos, after, strict=True))


def _rate(spreads: Sequence[float], period: int) -> float:
    """Contraction a round over the last half of the rounds, in whole periods; 0 where one period is enough."""
    if len(spreads) <= period or spreads[period] <= 1e-9 * spreads[0]:
        return 0.0
    usable = [s for s in spreads if s > 1e-9 * spreads[0]]
    half = len(usable) // 2
    rounds = len(usable) - 1 - half
    rounds = max(rounds - rounds % period, 1)
    return math.exp(math.log(usable[half + rounds] / usable[half]) / rounds)


def _dry(
    topology: Topology, masses: Mapping[int, float], models: Mapping[int, Tensor], round: int, stage: str, seed: int
) -> dict[int, Tensor]:
    steps = _plan(topology, masses, round, stage, seed)
    nodes = nodes_for(steps, {s: {"float64": models[s]} for s in sorted(masses)}, masses)
    after = Exchange(nodes, Linear(), Inproc(), stage, round, seed_for(seed, "plumbing")).run(steps)
    return {silo: bundle["float64"] for silo, bundle in after.items()}


def nodes_for(steps: Sequence[Step], models: Mapping[int, dict[str, Tensor]], masses: Mapping[int, float]) -> dict[int, Node]:
    """A node for every silo, and for every server and hub of the plan, which start from the first silo's model."""
    nodes = {s: Node(model, model, masses.get(s, 0.0), {}, trained=model) for s, model in models.items()}
    first = next(iter(models.values()))
    for step in steps:
        for move in step.transfers:
            for hub in {move.src, move.dst} - nodes.keys():
                nodes[hub] = Node(first, first, 0.0, {})
    return nodes


def _mean(models: Mapping[int, Tensor], pi: Mapping[int, float]) -> Tensor:
    import torch

    return torch.stack([pi[s] * models[s] for s in sorted(models)]).sum(0)


def _spread(models: Mapping[int, Tensor], pi: Mapping[int, float]) -> float:
    mean = _mean(models, pi)
    return float((sum(float((models[s] - mean).square().sum()) for s in models) / len(models)) ** 0.5)


def _status(passed: bool) -> str:
    return "ok" if passed else "failed"


def _row(stage: str, check: str, status: str, expected: float | None, measured: float | None, reason: str = "") -> dict[str, Any]:
    return {"check": check, "stage": stage, "status": status, "expected": expected, "measured": measured, "reason": reason}
