"""Proof, before training, that weights travel as the plan says: the same plan and transport on random vectors.

The mixing matrix is read off the plan's own steps and weights; the dry run replaces the aggregator by its linear part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fpmg_bench.federation.edges import edges_of, reached
from fpmg_bench.federation.exchange import Exchange, Node
from fpmg_bench.federation.mixing import Mixing, mixing, period_of
from fpmg_bench.federation.ways import Linear
from fpmg_bench.keys import rng_for, seed_for
from fpmg_bench.transport import Inproc

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.federation.schedule import Schedule
    from fpmg_bench.types import Step

WIDTH = 32  # coordinates of the random vectors
CANARIES = 8  # rounds whose canaries are followed, where plans differ
ROUNDS = 120  # at most; contraction is fitted where the distance is still above rounding


def check(schedule: Schedule, masses: Mapping[int, float], rounds: int = CANARIES) -> list[dict[str, Any]]:
    """The checks of FEDERATION.md as rows for trial.json. A serial plan (cyclic) and n < 2 are not applicable, and said so.

    Where the plan changes from round to round, each of the first rounds is checked, and the contraction is that of all matrices.
    masses: silo -> training patients; rounds: of the stage, within which silos that nobody reaches are told as a "warning".
    """
    silos, stage = sorted(masses), schedule.stage
    schedule.foretell(silos, rounds)
    plans = [schedule.steps(silos, round) for round in range(max(CANARIES, schedule.rounds_to_meet(silos)))]
    told = _reach(schedule, silos, rounds)
    reason = _why_not(plans, len(masses))
    if reason:
        return [_row(stage, "mixing", "not_applicable", None, None, reason), *told]
    theory = {plans.index(steps): mixing(steps, masses) for steps in dict.fromkeys(plans)}
    return [
        _algebra(theory, stage),
        _canaries(theory, schedule, masses),
        *_contraction(
            theory[0], _stationary([theory[plans.index(steps)] for steps in plans]), period_of(plans), schedule, masses
        ),
        *told,
    ]


def _reach(schedule: Schedule, silos: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """A warning where some silo hears of nobody, or of some others only: it starts from other sums, and ends with other weights."""
    steps = schedule.meeting(silos)
    if not steps:
        return []
    alone = schedule.unreached(silos, rounds) if rounds else ()
    apart = [silo for silo, known in reached(edges_of(steps), silos).items() if not set(silos) <= set(known)]
    reasons = [f"{_named(alone)} never reached by another silo's weights in {rounds} rounds"] if alone else []
    reasons += [f"{_named(apart)} not reached by all others, so that silos start from different sums"] if apart else []
    return [_row(schedule.stage, "every silo is reached", "warning", None, None, "; ".join(reasons))] if reasons else []


def _named(silos: Sequence[int]) -> str:
    return f"silo {silos[0]} is" if len(silos) == 1 else f"silos {', '.join(map(str, silos))} are"


def _stationary(rounds: Sequence[Mixing]) -> dict[int, float]:
    """The mean that all rounds keep, where they keep one: that of one matrix, or of the product of all."""
    import numpy as np

    if len({id(each) for each in rounds}) == 1:
        return rounds[0].stationary
    return Mixing(rounds[0].silos, np.linalg.multi_dot([each.matrix for each in reversed(rounds)])).stationary


def _why_not(plans: Sequence[Sequence[Step]], n: int) -> str:
    if n < 2:
        return "one silo: nothing travels"
    if not any(plans):
        return "no transfers: silos are isolated"
    if any(step.train for steps in plans for step in steps):
        return "the plan trains between transfers: mixing is not linear in the round's models"
    return ""


def _algebra(theory: Mapping[int, Mixing], stage: str) -> dict[str, Any]:
    worst = max(float(abs(each.matrix.sum(axis=1) - 1.0).max()) for each in theory.values())
    return _row(stage, "rows of the mixing matrix sum to 1", _status(worst <= 1e-9), 0.0, worst)


def _canaries(theory: Mapping[int, Mixing], schedule: Schedule, masses: Mapping[int, float]) -> dict[str, Any]:
    """Unit vectors, one a silo, sent for real: what arrives must be the round's mixing matrix, zeros included."""
    import torch

    worst, same_zeros = 0.0, True
    for round, expected in theory.items():
        start = {silo: torch.eye(len(masses), dtype=torch.float64)[i] for i, silo in enumerate(expected.silos)}
        after = _dry(schedule, masses, start, round)
        arrived = torch.stack([after[s] for s in expected.silos]).numpy()
        same_zeros &= bool(((arrived != 0) == (expected.matrix != 0)).all())
        worst = max(worst, float(abs(arrived - expected.matrix).max()))
    status = _status(same_zeros and worst <= 1e-9)
    return _row(schedule.stage, "canaries arrive exactly where the plan says", status, 0.0, worst)


def _contraction(
    theory: Mixing, pi: Mapping[int, float], period: int, schedule: Schedule, masses: Mapping[int, float]
) -> list[dict[str, Any]]:
    """theory: of round 0. One matrix for all rounds contracts by its second modulus; others as their product on the same vectors.

    pi: weights of the mean that all rounds keep.
    """
    import torch

    rng, stage = rng_for(schedule.seed, "plumbing", schedule.stage, "vectors"), schedule.stage
    models = {silo: torch.randn(WIDTH, generator=rng, dtype=torch.float64) for silo in theory.silos}
    said, constant, drift = models, True, 0.0
    kept, first = _mean(models, pi), _spread(models, pi)
    spreads, predicted = [first], [first]
    for round in range(ROUNDS):
        now = mixing(schedule.steps(theory.silos, round), masses)
        constant &= bool((now.matrix == theory.matrix).all())
        said = _mixed(now, said)
        models = _dry(schedule, masses, models, round)
        drift = max(drift, float((_mean(models, pi) - kept).norm() / kept.norm()))
        spreads.append(_spread(models, pi))
        predicted.append(_spread(said, pi))
        if spreads[-1] < 1e-9 * first:
            break
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


def _dry(schedule: Schedule, masses: Mapping[int, float], models: Mapping[int, Tensor], round: int) -> dict[int, Tensor]:
    steps = schedule.steps(sorted(masses), round)
    nodes = nodes_for(steps, {s: {"float64": models[s]} for s in sorted(masses)}, masses)
    after = Exchange(nodes, Linear(), Inproc(), schedule.stage, round, seed_for(schedule.seed, "plumbing")).run(steps)
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
