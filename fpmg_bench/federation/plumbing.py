"""Proof, before training, that weights travel as the plan says: the same plan and transport on random vectors.

The mixing matrix is read off the plan's own steps and weights; the dry run replaces the aggregator by its linear part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from fpmg_bench.federation.exchange import Exchange, Node
from fpmg_bench.keys import rng_for, seed_for
from fpmg_bench.transport import Inproc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.contracts import Topology
    from fpmg_bench.types import State, Step

WIDTH = 32  # coordinates of the random vectors
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


@dataclass(frozen=True, slots=True)
class Mixing:
    """W [n, n]: row i holds the shares of the silos' trained models in silo i's model after one round."""

    silos: tuple[int, ...]
    matrix: NDArray[np.float64]

    @property
    def stationary(self) -> dict[int, float]:
        """pi with pi W = pi: the mean that mixing keeps. Uniform over the components of a disconnected graph."""
        import numpy as np

        n = len(self.silos)
        power = np.linalg.matrix_power((self.matrix + np.eye(n)) / 2, 4096)
        pi = power.mean(axis=0)
        return dict(zip(self.silos, (pi / pi.sum()).tolist(), strict=True))

    @property
    def second_modulus(self) -> float:
        """The second largest modulus of the eigenvalues: consensus distance shrinks by it each round."""
        import numpy as np

        moduli = np.sort(np.abs(np.linalg.eigvals(self.matrix)))[::-1]
        second = float(moduli[1]) if len(moduli) > 1 else 0.0
        return second if second > 1e-9 else 0.0  # below it, the eigenvalues' own rounding


def mixing(steps: Sequence[Step], masses: Mapping[int, float]) -> Mixing:
    """W from a plan's steps and weights by plain arithmetic, without the transport and without the exchange."""
    import numpy as np

    silos = tuple(sorted(masses))
    unit = {silo: np.eye(len(silos))[i] for i, silo in enumerate(silos)}
    rows, mass = dict(unit), {k: float(v) for k, v in masses.items()}
    relayed: dict[int, set[int]] = {}
    for step in steps:
        arrivals: dict[int, list[tuple[NDArray[np.float64], float, float | None]]] = {}
        for move in step.transfers:
            if move.origin is not None:
                relayed.setdefault(move.dst, {move.dst}).add(move.origin)
            origin = move.src if move.origin is None else move.origin
            row = rows[move.src] if move.origin is None else unit[origin]
            arrivals.setdefault(move.dst, []).append((row, mass[origin], move.weight))
        for dst, got in arrivals.items():
            if step.on_arrival == "replace":
                rows[dst] = got[-1][0]
            elif dst in relayed:
                total = sum(masses[o] for o in relayed[dst])
                rows[dst] = sum((masses[o] / total * unit[o] for o in sorted(relayed[dst])), np.zeros(len(silos)))
            else:
                rows[dst], mass[dst] = _blend(got, rows.get(dst), mass.get(dst, 0.0), is_silo=dst >= 0)
    return Mixing(silos, np.stack([rows[s] for s in silos]))


def _blend(
    got: Sequence[tuple[NDArray[np.float64], float, float | None]],
    mine: NDArray[np.float64] | None,
    my_mass: float,
    *,
    is_silo: bool,
) -> tuple[NDArray[np.float64], float]:
    """Row and mass of a node after one arrival: mixing weights where the plan gives them, else shares of patients."""
    import numpy as np

    parts = [(row, mass if weight is None else weight) for row, mass, weight in got]
    if is_silo and mine is not None:
        left = my_mass if got[0][2] is None else 1.0 - sum(weight for _, weight in parts)
        parts.append((mine, left))
    total = sum(weight for _, weight in parts)
    row: NDArray[np.float64] = np.sum([weight / total * vector for vector, weight in parts], axis=0)
    return row, my_mass if is_silo else sum(mass for _, mass, _ in got)


def check(topology: Topology, masses: Mapping[int, float], stage: str, seed: int) -> list[dict[str, Any]]:
    """The checks of FEDERATION.md as rows for trial.json. A serial plan (cyclic) and n < 2 are not applicable, and said so."""
    silos = sorted(masses)
    steps = topology.plan(silos, 0, rng_for(seed, "plumbing", stage, "plan"))
    reason = _why_not(steps, len(silos))
    if reason:
        return [_row(stage, "mixing", "not_applicable", None, None, reason)]
    theory = mixing(steps, masses)
    rows = _algebra(theory, stage)
    rows.append(_canary(theory, topology, masses, stage, seed))
    return [*rows, *_contraction(theory, topology, masses, stage, seed)]


def _why_not(steps: Sequence[Step], n: int) -> str:
    if n < 2:
        return "one silo: nothing travels"
    if not steps:
        return "no transfers: silos are isolated"
    if any(step.train for step in steps):
        return "the plan trains between transfers: mixing is not linear in the round's models"
    return ""


def _algebra(theory: Mixing, stage: str) -> list[dict[str, Any]]:
    worst = float(abs(theory.matrix.sum(axis=1) - 1.0).max())
    return [_row(stage, "rows of the mixing matrix sum to 1", _status(worst <= 1e-9), 0.0, worst)]


def _canary(theory: Mixing, topology: Topology, masses: Mapping[int, float], stage: str, seed: int) -> dict[str, Any]:
    """Unit vectors, one a silo, sent for real: what arrives must be the mixing matrix, zeros included."""
    import torch

    start = {silo: torch.eye(len(masses), dtype=torch.float64)[i] for i, silo in enumerate(theory.silos)}
    after = _dry(topology, masses, start, 0, stage, seed)
    arrived = torch.stack([after[s] for s in theory.silos]).numpy()
    same_zeros = bool(((arrived != 0) == (theory.matrix != 0)).all())
    worst = float(abs(arrived - theory.matrix).max())
    return _row(stage, "canaries arrive exactly where the plan says", _status(same_zeros and worst <= 1e-9), 0.0, worst)


def _contraction(theory: Mixing, topology: Topology, masses: Mapping[int, float], stage: str, seed: int) -> list[dict[str, Any]]:
    import torch

    rng = rng_for(seed, "plumbing", stage, "vectors")
    models = {silo: torch.randn(WIDTH, generator=rng, dtype=torch.float64) for silo in theory.silos}
    pi = theory.stationary
    kept, first = _mean(models, pi), _spread(models, pi)
    spreads = [first]
    for round in range(ROUNDS):
        models = _dry(topology, masses, models, round, stage, seed)
        spreads.append(_spread(models, pi))
        if spreads[-1] < 1e-9 * first:
            break
    drift = float((_mean(models, pi) - kept).norm() / kept.norm())
    rate, expected = _rate(spreads), theory.second_modulus
    within = abs(rate - expected) <= 0.01 * max(expected, 1e-3)
    return [
        _row(stage, "the stationary mean is kept", _status(drift <= 1e-6), 0.0, drift),
        _row(stage, "consensus distance contracts by the second modulus", _status(within), expected, rate),
    ]


def _rate(spreads: Sequence[float]) -> float:
    """Contraction a round over the last half of the rounds, 0 where one round is enough."""
    if spreads[1] <= 1e-9 * spreads[0]:
        return 0.0
    usable = [s for s in spreads if s > 1e-9 * spreads[0]]
    half = len(usable) // 2
    return math.exp(math.log(usable[-1] / usable[half]) / max(len(usable) - 1 - half, 1))


def _dry(
    topology: Topology, masses: Mapping[int, float], models: Mapping[int, Tensor], round: int, stage: str, seed: int
) -> dict[int, Tensor]:
    silos = sorted(masses)
    steps = topology.plan(silos, round, rng_for(seed, "plumbing", stage, "plan", round))
    nodes = nodes_for(steps, {s: {"float64": models[s]} for s in silos}, masses)
    after = Exchange(nodes, Linear(), Inproc(), stage, round, seed_for(seed, "plumbing")).run(steps)
    return {silo: bundle["float64"] for silo, bundle in after.items()}


def nodes_for(steps: Sequence[Step], models: Mapping[int, dict[str, Tensor]], masses: Mapping[int, float]) -> dict[int, Node]:
    """A node for every silo, and for every server and hub of the plan, which start from the first silo's model."""
    nodes = {s: Node(model, model, masses[s], {}, trained=model) for s, model in models.items()}
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
