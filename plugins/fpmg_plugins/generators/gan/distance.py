"""How far from its start a generator is released: as far as the federation's own patients find it better.

An adversary may lead generators away from patients, most where silos differ. Each round the silos measure the energy distance
between their patients and generators on the way from the start to the trained average; its mean over patients is, whatever silos differ
in, that of all patients. A few numbers travel (docs/decisions/053-moments-restored.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from fpmg_bench.devices import CPU
from fpmg_bench.keys import rng_for
from fpmg_plugins.generators import conditions
from fpmg_plugins.generators.columns import columns, presence
from fpmg_plugins.generators.statistics.restoring import Restored, Target

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Representation, Space, State
    from fpmg_plugins.generators.gan.networks import Group

    Make = Callable[[float, Tensor], Tensor]  # share of the way, features of conditions [n, c] -> vectors [n, d]

WAY = (0.0, 0.25, 0.5, 0.75, 1.0)
FAKES = 512
LEAST = 64  # of a class


def chosen(score: Tensor) -> float:
    """The share of the way with the least energy distance; all of it where nobody was asked."""
    return WAY[int(score.argmin())] if bool((score != score[0]).any()) else WAY[-1]


def undecided() -> Tensor:
    """Scores [5] before any patient was asked."""
    return torch.zeros(len(WAY))


@dataclass(frozen=True, slots=True)
class Distance:
    """Generated vectors [ways, K, m, d] in units of the columns' own spread, and their mean distance from each other [ways, K]."""

    fakes: Tensor
    within: Tensor
    scale: Tensor
    at: Tensor
    classes: int

    @classmethod
    def of(cls, space: Space, state: State, group: Group, target: Target, make: Make, restore: bool) -> Self:
        """Of generators under conditions as patients have them. make: their draws, the same noise at each share of the way."""
        shares = state["prior/shares"]
        k = len(shares)
        m = max(FAKES // k, LEAST)
        label = torch.arange(k).repeat_interleave(m)
        given = conditions.drawn(space, label, state["prior/rest"][label], state["prior/spread"], rng_for(0, "conditions"))
        scale = 1 / target.factor.norm(dim=1).clamp(min=1e-6)
        drawn = []
        for way in WAY:
            z = make(way, given)
            z = Restored.of(target, shares, z, given)(z, given) if restore else z
            drawn.append((z * scale).reshape(k, m, -1))
        fakes = torch.stack(drawn)
        within = torch.cdist(fakes, fakes).sum((2, 3)) / (m * (m - 1))
        return cls(fakes, within, scale, columns(space, group), k)

    def of_rows(self, batch: Mapping[str, Tensor]) -> Tensor:
        """[n, ways]: twice a record's mean distance to generated ones of its class, less theirs; 0 where it lacks a modality."""
        z = batch["z"][:, self.at] * self.scale
        whole = batch["held"][:, self.at].all(1)
        found = torch.zeros(len(z), len(WAY), dtype=torch.float64)
        for c in range(self.classes):
            mine = whole & (batch["label"] == c)
            if bool(mine.any()):
                away = torch.cdist(z[mine].expand(len(WAY), -1, -1), self.fakes[:, c]).mean(2)
                found[mine] = (2 * away - self.within[:, c, None]).T.double()
        return found


def held_rows(rows: Representation) -> Mapping[str, Tensor]:
    """A shard's rows as `Distance.of_rows` takes them."""
    held = presence(rows.space, rows.present)
    return {"z": rows.z.to(CPU), "held": held.bool(), "label": rows.condition[:, 0].long()}
