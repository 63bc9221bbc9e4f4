"""The mixing matrix of a round, read off the plan's own steps and weights; without the transport and without the exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.types import Step


@dataclass(frozen=True)
class Mixing:
    """W [n, n]: row i holds the shares of the silos' trained models in silo i's model after one round.

    Every round of a plan asks for what is derived from it, so that is computed once.
    """

    silos: tuple[int, ...]
    matrix: NDArray[np.float64]

    @cached_property
    def stationary(self) -> dict[int, float]:
        """pi with pi W = pi: the mean that mixing keeps. Uniform over the components of a disconnected graph."""
        import numpy as np

        n = len(self.silos)
        power = np.linalg.matrix_power((self.matrix + np.eye(n)) / 2, 4096)
        pi = power.mean(axis=0)
        return dict(zip(self.silos, (pi / pi.sum()).tolist(), strict=True))

    @cached_property
    def second_modulus(self) -> float:
        """The second largest modulus of the eigenvalues: consensus distance shrinks by it each round."""
        import numpy as np

        moduli = np.sort(np.abs(np.linalg.eigvals(self.matrix)))[::-1]
        second = float(moduli[1]) if len(moduli) > 1 else 0.0
        return second if second > 1e-9 else 0.0  # below it, the eigenvalues' own rounding


def period_of(plans: Sequence[Sequence[Step]]) -> int:
    """After how many rounds the plans begin anew; 1 where they do not within sight."""
    return next((p for p in range(1, len(plans)) if all(steps == plans[r % p] for r, steps in enumerate(plans))), 1)


def modulus_of_rounds(plans: Sequence[Sequence[Step]], masses: Mapping[int, float]) -> float:
    """Second modulus a round of one period of plans: that of their product, its root by the number of rounds."""
    import numpy as np

    rounds = [mixing(steps, masses) for steps in plans]
    product = np.linalg.multi_dot([np.eye(len(masses)), *(each.matrix for each in reversed(rounds))])
    return float(Mixing(rounds[0].silos, product).second_modulus ** (1 / len(rounds)))


def mixing(steps: Sequence[Step], masses: Mapping[int, float]) -> Mixing:
    """W from a plan's steps and weights by plain arithmetic, without the transport and without the exchange."""
    import numpy as np

    silos = tuple(sorted(masses))
    unit = {silo: np.eye(len(silos))[i] for i, silo in enumerate(silos)}
    rows, mass = dict(unit), {k: float(v) for k, v in masses.items()}
    relayed: dict[int, dict[int, float | None]] = {}  # by receiver: origins and the weights that the plan gives them
    for step in steps:
        arrivals: dict[int, list[tuple[NDArray[np.float64], float, float | None]]] = {}
        for move in step.transfers:
            if move.origin is not None:
                relayed.setdefault(move.dst, {})[move.origin] = move.weight
            origin = move.src if move.origin is None else move.origin
            row = rows[move.src] if move.origin is None else unit[origin]
            arrivals.setdefault(move.dst, []).append((row, mass[origin], move.weight))
        for dst, got in arrivals.items():
            if step.on_arrival == "replace":
                rows[dst] = got[-1][0]
            elif dst in relayed:
                origins = [(unit[o], masses[o], weight) for o, weight in sorted(relayed[dst].items())]
                rows[dst], _ = _blend(origins, unit[dst], masses[dst], is_silo=True)
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
