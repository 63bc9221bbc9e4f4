"""Membership from weights: by the loss, by what local training lowered, by the slope of the loss along the way it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.contracts import Objective
    from fpmg_bench.types import State
    from fpmg_plugins.metrics.privacy.neighbour.views import Sight

    Floats = NDArray[np.floating[Any]]

ATTACKS = ("loss", "drop", "gradient")
CHUNK = 128  # rows at once
DIRECTIONS = 2  # random ones, to know how steep a candidate's loss is
STEP = 0.01  # of a change: slopes correlate with exact ones by .999


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
    features: Callable[[Any], Mapping[str, Tensor]]
    batch: Mapping[str, Tensor]
    _kept: dict[tuple[int, ...], Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, objective: Objective, parts: Sequence[Any]) -> Target:
        """parts: rows as `Evidence.rows` gives them, one after the other."""
        batches = [objective.features(rows) for rows in parts]
        return cls(
            name, Losses(objective), objective.features, {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}
        )

    def weights(self, state: State) -> dict[str, Tensor]:
        """The module's tensors in this state, named as `losses` names them."""
        held = {key: state.get(f"{self.name}/{key.removeprefix('module.')}") for key in self.losses.state_dict()}
        return {key: value.detach() for key, value in held.items() if value is not None}

    def scores(self, sight: Sight, steep: Tensor) -> Floats:
        """[3, n], an attack a row: higher, rather a member.

        loss: minus the loss at the seen weights. drop: the loss at the start less that at the seen weights. gradient: minus the
        slope of the loss at the start along the change of the weights, over `steep` [n], its size along random changes: the
        cosine of gradient and change, up to one factor.
        """
        start, change = self.weights(sight.start), self.change(sight)
        before, after = self._at(start), self._at(self.weights(sight.state))
        return torch.stack([-after, before - after, -self._slope(start, change, before) / steep]).double().numpy()

    def steep(self, sight: Sight, seed: int) -> Tensor:
        """Root mean square [n] of the slopes along random directions, tensor by tensor as long as the change."""
        rng = torch.Generator().manual_seed(seed % 2**63)
        start, change = self.weights(sight.start), self.change(sight)
        before, sizes = self._at(start), {key: value.square().mean().sqrt() for key, value in change.items()}
        ways = [{k: sizes[k] * torch.randn(v.shape, generator=rng) for k, v in change.items()} for _ in range(DIRECTIONS)]
        slopes = torch.stack([self._slope(start, way, before) for way in ways])
        return slopes.square().mean(0).sqrt().clamp(min=1e-12)

    def change(self, sight: Sight) -> dict[str, Tensor]:
        """What the trained tensors moved by, from the start to the seen weights."""
        start, seen = self.weights(sight.start), self.weights(sight.state)
        return {k: seen[k] - start[k] for k, p in self.losses.named_parameters() if p.requires_grad and k in start}

    def _at(self, weights: Mapping[str, Tensor]) -> Tensor:
        """`at`, once for the same tensors: what one adversary saw last is where another saw training begin."""
        key = tuple(tensor.data_ptr() for tensor in weights.values())
        if key not in self._kept:
            self._kept[key] = self.at(weights)
        return self._kept[key]

    @torch.no_grad()
    def at(self, weights: Mapping[str, Tensor]) -> Tensor:
        """Losses [n] of all candidates at these weights."""
        parts = [{key: value[rows] for key, value in self.batch.items()} for rows in torch.split(torch.arange(self.rows), CHUNK)]
        return torch.cat([functional_call(self.losses, dict(weights), (part,)) for part in parts])

    def _slope(self, start: Mapping[str, Tensor], change: Mapping[str, Tensor], before: Tensor) -> Tensor:
        """Directional derivatives [n] by a small step: a third of what torch.func.jvp takes, and any kernel will do."""
        moved = {key: start[key] + STEP * value for key, value in change.items()}
        return (self.at({**start, **moved}) - before) / STEP

    @property
    def rows(self) -> int:
        """Candidates' records."""
        return len(next(iter(self.batch.values())))


def by_round(target: Target, sights: Sequence[Sight], seed: int) -> tuple[list[int], Floats]:
    """(rounds, scores [rounds, 3, n]): the mean over what was seen in a round."""
    mine = [sight for sight in sights if target.name in sight.modules]
    if not mine:
        return [], np.zeros((0, len(ATTACKS), target.rows))
    steep = target.steep(mine[0], seed)
    found: dict[int, list[Floats]] = {}
    for sight in mine:
        found.setdefault(sight.round, []).append(target.scores(sight, steep))
    return list(found), np.stack([np.mean(parts, axis=0) for parts in found.values()])
