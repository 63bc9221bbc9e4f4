"""Universal aggregation of discriminators (Zhang et al., 2021): each stays its silo's own, and generators face the mixture of their odds.

An optimal discriminator's odds D / (1 - D) are a ratio of densities, patients' over generated. Of silos whose patients differ, ratios may be
averaged where weights may not: with w_k a silo's share of the patients, sum_k w_k D_k / (1 - D_k) is the odds of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import torch

from fpmg_plugins import training
from fpmg_plugins.generators import conditions
from fpmg_plugins.generators.columns import columns
from fpmg_plugins.generators.statistics.sites import Sites

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Representation, SiloContext, Space, State
    from fpmg_plugins.generators.gan.networks import Discriminator, Group, Networks

SUMS = "universal/sums"
PRIOR = "prior/held"  # [silos, K + m]: a silo's patients by class, then by modality
NONE = 1e-30  # weight of a silo without such patients, so that its odds are nearly nothing and never the logarithm of 0


def statistics(space: Space, shard: Shard, ctx: SiloContext) -> State:
    """{SUMS: [silos, K + m]}, this silo's row filled: its patients by class and by modality; nothing where it is alone.

    Under privacy no patient is looked at: the declared number of patients stands for all of them.
    """
    k, m = conditions.classes(space), len(space.blocks)
    if len(ctx.silos) < 2:
        return {}
    if shard.private:
        held = torch.tensor([float(name not in ctx.lacks) for name in space.blocks], dtype=torch.float64)
        own = shard.patients * torch.cat([held.new_ones(k), held])
    else:
        own = shard.counts(lambda rows: _held(rows, k), clip=1.0)  # plain sums are not clipped
    found = own.new_zeros(len(ctx.silos), k + m)
    found[ctx.silos.index(ctx.silo)] = own
    return {SUMS: found}


def kept(stats: State) -> State:
    """What generators keep of it: the same at every silo, so it stays at home."""
    return {PRIOR: stats[SUMS].float()} if SUMS in stats else {}


def mixed(values: Tensor, weights: Tensor) -> Tensor:
    """Logits [n] of the mixture of odds, log sum_k w_k exp(v_k), of logits [s, n] and weights [s, n] > 0, which are made to sum to 1."""
    return torch.logsumexp(values + weights.log() - weights.sum(0).log(), dim=0)


@dataclass(frozen=True, slots=True)
class Others:
    """The other silos' discriminators of a group, as they were relayed last.

    held [1 + others, K + m]: this silo's patients, then theirs, by class and by modality of the group; offsets [others, K, d']: where
    their patients are beside this silo's, in the columns' units. awaited: others have patients, and nothing has come from them yet.
    """

    critics: tuple[Discriminator, ...]
    held: Tensor
    offsets: Tensor
    owner: Tensor
    awaited: bool

    @classmethod
    def of(cls, gan: Networks, group: Group, name: str, state: State, ctx: SiloContext, unit: Tensor) -> Self:
        """What the silo's memory holds of module `name`. unit [d']: the columns' spread."""
        space, there = ctx.schema, unit.device
        k, masks = conditions.classes(space), [list(space.blocks).index(m) for m in group]
        table = state[PRIOR][:, [*range(k), *(k + m for m in masks)]]
        place = ctx.silos.index(ctx.silo)
        parts = {at: training.part(ctx.memory, f"from.{silo}.{name}") for at, silo in enumerate(ctx.silos)}
        known = [at for at, part in parts.items() if part and at != place]
        make = partial(gan.discriminator_of, space, group)
        critics = [training.restored(make, ctx.memory, f"from.{ctx.silos[at]}.{name}", str(there)) for at in known]
        own, at_group = Sites.kept(state), columns(space, group)
        offsets = torch.zeros(len(known), k, len(at_group))
        if own:
            offsets = (own.offset[known] - own.offset[place])[:, :, at_group]
        widths = torch.tensor([space.blocks[m].stop - space.blocks[m].start for m in group])
        owner = torch.arange(len(group)).repeat_interleave(widths).to(there)
        others = [at for at in range(len(table)) if at != place and bool((table[at, k:] > 0).any())]
        held = table[[place, *known]].to(there)
        frozen = tuple(critic.requires_grad_(False) for critic in critics)
        return cls(frozen, held, offsets.to(there) / unit, owner, bool(others) and not known)

    def verdict(self, own: Tensor, z: Tensor, mask: Tensor, given: Tensor, label: Tensor) -> Tensor:
        """Logits [n] of the mixture: own [n] this silo's on draws z [n, d'], which each other one judges where its own patients are."""
        values = [own]
        for critic, offset in zip(self.critics, self.offsets, strict=True):
            values.append(critic(z + offset[label] * mask[:, self.owner], mask, given)[0])
        return mixed(torch.stack(values), self.weights(mask, label))

    def weights(self, mask: Tensor, label: Tensor) -> Tensor:
        """[1 + others, n]: patients of a record's class, of silos that have every modality it has."""
        k = self.held.shape[1] - mask.shape[1]
        lacking = (self.held[:, k:] <= 0).to(mask.dtype) @ mask.T > 0
        return (self.held[:, label] * ~lacking).clamp(min=NONE)


def _held(rows: Representation, k: int) -> Tensor:
    """[n, K + m]: a record's class and modalities."""
    label = torch.nn.functional.one_hot(rows.condition[:, 0].long(), k).float()
    return torch.cat([label, rows.present.float()], dim=1)
