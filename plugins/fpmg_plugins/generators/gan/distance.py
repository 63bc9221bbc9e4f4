"""How far from its start a generator is released: as far as the federation's own patients find it better.

An adversary may lead generators away from patients, most where silos differ. Each round the silos measure how near draws of generators on
the way from the start to the trained average come to their patients: the mean logarithm of the distance to the k-th nearest draw, which is
Kullback and Leibler's divergence of patients from the generator, but for a constant (Wang, Kulkarni and Verdu, 2009). Its mean over
patients is, whatever silos differ in, that of all patients. A few numbers travel (docs/decisions/067-each-silo-from-its-own-means.md).
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
NEAREST = 3  # k


def chosen(score: Tensor) -> float:
    """The share of the way with the least divergence; all of it where nobody was asked."""
    return WAY[int(score.argmin())] if bool((score != score[0]).any()) else WAY[-1]


def undecided() -> Tensor:
    """Scores [5] before any patient was asked."""
    return torch.zeros(len(WAY))


@dataclass(frozen=True, slots=True)
class Distance:
    """Generated vectors [ways, K, m, d] in units of the columns' own spread."""

    fakes: Tensor
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
        return cls(torch.stack(drawn), scale, columns(space, group), k)

    def of_rows(self, batch: Mapping[str, Tensor]) -> Tensor:
        """[n, ways]: d times the logarithm of a record's distance to the k-th nearest draw of its class; 0 where it lacks a modality."""
        z = batch["z"][:, self.at] * self.scale
        whole = batch["held"][:, self.at].all(1)
        found = torch.zeros(len(z), len(WAY), dtype=torch.float64)
        for c in range(self.classes):
            mine = whole & (batch["label"] == c)
            if bool(mine.any()):
                away = torch.cdist(z[mine].expand(len(WAY), -1, -1), self.fakes[:, c]).kthvalue(NEAREST, dim=2).values
                found[mine] = z.shape[1] * away.clamp(min=1e-6).log().T.double()
        return found


def held_rows(rows: Representation) -> Mapping[str, Tensor]:
    """A shard's rows as `Distance.of_rows` takes them."""
    held = presence(rows.space, rows.present)
    return {"z": rows.z.to(CPU), "held": held.bool(), "label": rows.condition[:, 0].long()}
