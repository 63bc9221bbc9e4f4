"""What each silo's patients look like beside those of all: offsets of vectors by silo and class, from one exchange of sums.

Where hospitals differ, a generator that every silo pulls towards its own patients is averaged into one that is nearer to nobody's. So it
learns what is left when each silo's own means are taken out: a silo judges draws moved to where its patients are, and a release is
drawn from all silos, each as often as it has patients of the class (docs/decisions/067-each-silo-from-its-own-means.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from fpmg_plugins.generators import conditions
from fpmg_plugins.generators.columns import owner, presence
from fpmg_plugins.generators.statistics.gaussian_start import Start, root

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Representation, Rng, SiloContext, Space, State

SUMS = "sites/sums"
PLACE = "own/site"  # [1]: a silo's row of the tables, which it keeps
FEW = 10.0  # patients of the whole that a silo's mean is drawn to the whole's by


def statistics(space: Space, shard: Shard, ctx: SiloContext) -> State:
    """{SUMS: [silos, K, 1 + rest + m + d]}, this silo's row filled; nothing where sums are private or all one silo's."""
    if shard.private or len(ctx.silos) < 2:
        return {}
    place = ctx.silos.index(ctx.silo)
    ctx.memory[PLACE] = torch.tensor([float(place)])
    k = conditions.classes(space)
    own = shard.counts(lambda rows: _by_class(rows, k), clip=1.0).reshape(k, -1)  # plain sums are not clipped
    found = own.new_zeros(len(ctx.silos), *own.shape)
    found[place] = own
    return {SUMS: found}


@dataclass(frozen=True, slots=True)
class Sites:
    """offset [silos, K, d]: a silo's mean less what all patients of the class and conditions have; share [silos, K]: of a class."""

    offset: Tensor
    share: Tensor

    @classmethod
    def of(cls, space: Space, stats: State, start: Start) -> Self | None:
        """From sums over silos; None where none were exchanged. Over silos a class's offsets have mean 0."""
        if SUMS not in stats:
            return None
        sums, k, m = stats[SUMS], conditions.classes(space), len(space.blocks)
        given = start.given(space)[0].double()
        n, rest, held, z = torch.split(sums, [1, len(given) - k, m, space.width], dim=2)
        holders = held[:, :, owner(space)]
        expected = given[:k] + rest / n.clamp(min=1.0) @ given[k:]
        offset = (z - holders * expected) / (holders + FEW)
        share = n[:, :, 0] / n.sum(0)[:, 0].clamp(min=1.0)
        offset = offset - (share[:, :, None] * offset).sum(0)
        return cls(offset.float(), share.float())

    @classmethod
    def kept(cls, state: State) -> Self | None:
        """Of a generator's state."""
        return cls(state["prior/sites"], state["prior/site_shares"]) if "prior/sites" in state else None

    def within(self, shares: Tensor, factor: Tensor, at: Tensor) -> Tensor:
        """A root of what is left of the covariance F F^T of these columns where silos' means are taken out; shares [K] of classes."""
        return root((factor @ factor.T).double() - self.between(shares)[at][:, at]).float()

    def here(self, memory: State) -> Tensor:
        """[K, d]: the offsets of the silo whose memory this is."""
        return self.offset[int(memory[PLACE])]

    def state(self) -> State:
        """What generators keep of it: the same at every silo, so it stays at home."""
        return {"prior/sites": self.offset, "prior/site_shares": self.share}

    def between(self, shares: Tensor) -> Tensor:
        """[d, d]: the covariance of silos' means within classes; shares [K] of the classes."""
        weight = (self.share * shares).double().sqrt()[:, :, None]
        each = (self.offset.double() * weight).flatten(0, 1)
        found: Tensor = each.T @ each
        return found

    def drawn(self, features: Tensor, rng: Rng) -> Tensor:
        """[n, d]: a silo's offsets for each row of features [n, c] of conditions, silos as often as they have patients of its class."""
        label = features[:, : self.share.shape[1]].argmax(1)
        return self.offset[conditions.labels(self.share.T[label].clamp(min=1e-9), rng), label]


def _by_class(rows: Representation, k: int) -> Tensor:
    """[n, K (1 + rest + m + d)]: a record's own features, masks and masked vector in the columns of its class."""
    given = conditions.features(rows.space, rows.condition)
    masked = rows.z * presence(rows.space, rows.present)
    seen = torch.cat([torch.ones(len(given), 1), given[:, k:], rows.present.float(), masked], dim=1)
    return (given[:, :k, None] * seen[:, None]).flatten(1)
