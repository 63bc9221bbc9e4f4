"""Membership from weights: by the loss, by what local training lowered, by the slope of the loss along the way it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, jvp  # type: ignore[attr-defined]
from torch.nn.attention import SDPBackend, sdpa_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.contracts import Objective
    from fpmg_bench.types import State
    from fpmg_plugins.metrics.neighbour_views import Sight

    Floats = NDArray[np.floating[Any]]

ATTACKS = ("loss", "drop", "gradient")
CHUNK = 128  # rows at once
DIRECTIONS = 4  # random ones, to know how steep a candidate's loss is


class Losses(nn.Module):
    """An objective as one module: forward(batch) gives losses [n]."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.module, self.of = objective.module, objective.loss

    def forward(self, batch: Any) -> Tensor:
        return self.of(self.module, batch)


@dataclass(frozen=True, slots=True)
class Target:
    """One module under attack: its losses, and its candidates' batch."""

    name: str
    losses: Losses
    batch: Mapping[str, Tensor]

    @classmethod
    def of(cls, name: str, objective: Objective, parts: Sequence[Any]) -> Target:
        """parts: rows as `Evidence.rows` gives them, one after the other."""
        batches = [objective.features(rows) for rows in parts]
        return cls(name, Losses(objective), {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]})

    def weights(self, state: State) -> dict[str, Tensor]:
        """The module's tensors in this state, named as `losses` names them."""
        held = {key: state.get(f"{self.name}/{key.removeprefix('module.')}") for key in self.losses.state_dict()}
        return {key: value.detach() for key, value in held.items() if value is not None}

    def scores(self, sight: Sight, seed: int) -> Floats:
        """[3, n], an attack a row: higher, rather a member.

        loss: minus the loss at the seen weights (LOGAN, Hayes et al. 2019). drop: loss at the start less loss at the seen
        weights. gradient: minus the slope of the candidate's loss at the start along the change of the weights, over its root
        mean square along random changes of the same size a tensor: the cosine of its gradient and the change, up to one factor
        (Li et al. 2023), by forward differentiation.
        """
        start, seen = self.weights(sight.start), self.weights(sight.state)
        trained = {k for k, p in self.losses.named_parameters() if p.requires_grad and k in start}
        change = {k: seen[k] - start[k] for k in trained}
        chunks = [self._chunk(start, seen, change, at, seed) for at in torch.split(torch.arange(self.rows), CHUNK)]
        return torch.cat(chunks, dim=1).double().numpy()

    @property
    def rows(self) -> int:
        return len(next(iter(self.batch.values())))

    def _chunk(
        self, start: dict[str, Tensor], seen: dict[str, Tensor], change: dict[str, Tensor], at: Tensor, seed: int
    ) -> Tensor:
        batch = {key: value[at] for key, value in self.batch.items()}
        fixed = {key: value for key, value in start.items() if key not in change}

        def losses(weights: dict[str, Tensor]) -> Tensor:
            return functional_call(self.losses, fixed | weights, (batch,))

        moving = {key: start[key] for key in change}
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):  # the other kernels cannot differentiate forwards
            after = functional_call(self.losses, seen, (batch,))
            before, slope = jvp(losses, (moving,), (change,))
            steep = torch.stack([jvp(losses, (moving,), (way,))[1].square() for way in _ways(change, seed)]).mean(0).sqrt()
        return torch.stack([-after, before - after, -slope / steep.clamp(min=1e-12)])


def _ways(change: Mapping[str, Tensor], seed: int) -> Sequence[dict[str, Tensor]]:
    """Random directions with the root mean square of the change, tensor by tensor."""
    rng = torch.Generator().manual_seed(seed % 2**63)
    sizes = {key: value.square().mean().sqrt() for key, value in change.items()}
    return [{k: sizes[k] * torch.randn(v.shape, generator=rng) for k, v in change.items()} for _ in range(DIRECTIONS)]


def by_round(target: Target, sights: Sequence[Sight], seed: int) -> tuple[list[int], Floats]:
    """(rounds, scores [rounds, 3, n]): the mean over what was seen in a round."""
    found: dict[int, list[Floats]] = {}
    for sight in sights:
        if any(module == target.name for module in sight.modules):
            found.setdefault(sight.round, []).append(target.scores(sight, seed))
    return list(found), np.stack([np.mean(parts, axis=0) for parts in found.values()]) if found else np.zeros((0, 3, target.rows))
