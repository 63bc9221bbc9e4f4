"""Conditional GANs over representation vectors, federated: what parallel and single-modal GANs share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.func import functional_call

from fpmg_bench.contracts import Objective
from fpmg_bench.devices import CPU, drawn
from fpmg_bench.errors import PluginError
from fpmg_bench.keys import rng_for
from fpmg_bench.types import Charges, Representation, Update
from fpmg_plugins import training, variates
from fpmg_plugins.generators import conditions, patterns
from fpmg_plugins.generators.columns import columns
from fpmg_plugins.generators.gan import universal
from fpmg_plugins.generators.gan.adversarial_round import OWN, AdversarialRound, Seen, critic_name, match_rows, spread
from fpmg_plugins.generators.gan.distance import FAKES, Distance, chosen, held_rows, undecided
from fpmg_plugins.generators.gan.networks import Group, ModalityGenerator, Networks
from fpmg_plugins.generators.statistics import sites
from fpmg_plugins.generators.statistics.gaussian_start import Start, root, statistics
from fpmg_plugins.generators.statistics.restoring import Target, restored
from fpmg_plugins.generators.statistics.sites import Sites

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, SiloContext, Space, State

    Make = Callable[[Tensor, Tensor], Tensor]  # noise [n, noise], features of conditions [n, c] -> vectors [n, d]


class ConditionalGan(Networks):
    """Groups of modalities; each group has its own noise, one generator a modality and one joint discriminator.

    The discriminator also classifies (auxiliary classifier). Its loss on real rows is private, on generated rows public.
    """

    rounds: int | None = None
    private_losses = ("hinge", "logistic")
    adversarial = True

    def groups(self, space: Space) -> Sequence[Group]:
        """Modalities that share noise and a discriminator."""
        return [tuple(space.blocks)]

    def charges(self, schema: Space, steps: int) -> Charges:
        return Charges(private_steps=steps * len(self.groups(schema)), counts=1)

    def statistics(self, schema: Space, shard: Shard, ctx: SiloContext) -> State:
        sums = statistics(schema, shard, ctx)
        counted = sums["start/counts"][conditions.classes(schema) :]
        ctx.memory[OWN] = (counted / shard.patients).clamp(0, 1).float()
        sums |= sites.statistics(schema, shard, ctx) if self.sites else {}
        return sums | (universal.statistics(schema, shard, ctx) if self.discriminators == "universal" else {})

    def init(self, schema: Space, stats: State, rng: Rng) -> State:
        if reason := self.undefined():
            raise PluginError(reason)
        start = replace(Start.of(schema, stats), untold=conditions.flags(schema, self.untold))
        own = Sites.of(schema, stats, start)
        state = start.prior(schema) | (own.state() if own else {}) | universal.kept(stats)
        units = spread(state)
        for group in self.groups(schema):
            state |= self._started(schema, group, start, units, own, rng)
        return state

    def _started(self, space: Space, group: Group, start: Start, units: Tensor, own: Sites | None, rng: Rng) -> State:
        """Fresh networks of a group, generators set to the exchanged Gaussian, less what silos' means differ by."""
        state: State = {}
        mine = columns(space, group)
        unit = units[mine]
        given, factor = start.block(space, group)
        if own:
            factor = own.within(start.shares, factor, mine)
        given, factor = given / unit, factor / unit[:, None]
        roles = dict.fromkeys(("generator", self.released, "start"))  # the start stays at home, where each silo has the same
        at = 0
        for name in group:
            dim = space.blocks[name].stop - space.blocks[name].start
            net = training.seeded(partial(self._one, space, group, name), rng)
            net.start(given[:, at : at + dim], self._noise_factor(factor[at : at + dim], space, group))
            for role in roles:
                state |= training.state_of(net, f"{role}.{name}")
            at += dim
        critic = training.seeded(lambda: self.discriminator_of(space, group), rng)
        if self.scaffold:
            nets = {f"generator.{m}": net for m, net in self._shapes(space, group).items()}
            state |= variates.zeros(nets if self.discriminators == "universal" else {critic_name(group): critic, **nets})
        return state | training.state_of(critic, critic_name(group)) | {watch_name(group): undecided()}

    def _one(self, space: Space, group: Group, name: str) -> ModalityGenerator:
        return self.generators_of(space, group)[name]

    def _noise_factor(self, rows: Tensor, space: Space, group: Group) -> Tensor:
        """[dim, noise]: the factor's columns, cut or padded with zeros to the noise there is."""
        noise = self.noise_of(space, group)
        padded = torch.zeros(len(rows), noise)
        padded[:, : min(noise, rows.shape[1])] = rows[:, :noise]
        return padded

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        merged: State = {}  # the priors stay at home: they came from the exchange and are the same everywhere
        losses: dict[str, float] = {}
        prepared = shard.prepared("vectors", match_rows)
        for group in self.groups(ctx.schema):
            if ctx.lacks.issuperset(group):
                continue
            trained, log = AdversarialRound(self, group, state, ctx, private=shard.private).play(prepared)
            merged |= trained
            losses |= log
            if self._asks and not shard.private:
                score = self._watched(state, shard, ctx, group)
                merged[watch_name(group)] = score
                losses[f"{watch_name(group).partition('/')[0]}: trained less start"] = float(score[-1] - score[0])
        return Update(merged, float(shard.patients), losses)

    def _watched(self, state: State, shard: Shard, ctx: SiloContext, group: Group) -> Tensor:
        """[5] this silo's mean energy distance to what came in, and to what lies between it and the start."""
        space = ctx.schema
        noise = torch.randn(FAKES, self.noise_of(space, group), generator=rng_for(0, "watched"))
        nets = self._shapes(space, group)

        def make(way: float, given: Tensor) -> Tensor:
            z = self._maker(nets, space, group, state, way)(noise[torch.arange(len(given)) % FAKES], given)
            return z + moved_to_sites(space, state, group, given, rng_for(0, "sites"))

        seen = Distance.of(space, state, group, target(space, state, group), make, self._restores)
        total = shard.prepared("held", held_rows).counts(seen.of_rows, clip=1.0)
        return (total / shard.patients).float()

    @property
    def _asks(self) -> bool:
        """Whether silos say how near generators are: five numbers that are averaged, which a merging rule's optimiser would not do."""
        return self.watch and self.optimizer == "adam"

    @property
    def _restores(self) -> bool:
        return self.restore and not self.untold

    def _shapes(self, space: Space, group: Group) -> dict[str, ModalityGenerator]:
        """Networks without weights, which come from a state."""
        with torch.device("meta"):
            return self.generators_of(space, group)

    def _maker(
        self, nets: Mapping[str, ModalityGenerator], space: Space, group: Group, state: State, way: float, device: str = CPU
    ) -> Make:
        """The group's generators at a share of the way from their start to what training made of them."""
        unit = spread(state)[columns(space, group)].to(device)
        weights = {}
        for name in group:
            start, end = (training.part(state, f"{role}.{name}") for role in ("start", self.released))
            weights[name] = {key: torch.lerp(value, end[key], way).to(device) for key, value in start.items()}

        def make(noise: Tensor, given: Tensor) -> Tensor:
            with torch.no_grad():
                return torch.cat([functional_call(nets[m], weights[m], (noise, given)) for m in group], dim=1) * unit

        return make

    def objective(self, schema: Space, state: State) -> Mapping[str, Objective]:
        """Every discriminator's loss on real rows, where the state holds its weights."""
        found = {}
        for group in self.groups(schema):
            name = critic_name(group)
            if training.part(state, name):
                critic = training.restored(partial(self.discriminator_of, schema, group), state, name)
                found[name] = Objective(critic, Seen.of(self, schema, group, state).losses, match_rows)
        return found

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng, device: str = CPU) -> Representation:
        n = len(condition)
        z = torch.zeros(n, schema.width)
        given = conditions.features(schema, condition)
        for group in self.groups(schema):
            way = chosen(state[watch_name(group)]) if self._asks else 1.0
            maker = self._maker(self._shapes(schema, group), schema, group, state, way, device)

            def make(given: Tensor, rng: Rng, group: Group = group, maker: Make = maker) -> Tensor:
                there = given.to(device)
                z = maker(drawn((len(given), self.noise_of(schema, group)), rng, there), there).to(CPU)
                return z + moved_to_sites(schema, state, group, given, rng)

            made = make(given, rng)
            if self._restores and n:
                made = restored(state, target(schema, state, group), make, given, rng)(made, given)
            z[:, columns(schema, group)] = made
        return Representation(z, patterns.drawn(schema, state, condition, rng), condition, torch.arange(n), schema)


def watch_name(group: Group) -> str:
    """Key of a group's energy distances."""
    return f"watch.{'+'.join(group)}/score"


def moved_to_sites(space: Space, state: State, group: Group, given: Tensor, rng: Rng) -> Tensor | float:
    """[n, d]: where the patients of a silo are, one drawn for each row of features [n, c]; 0 where silos told no means of their own."""
    own = Sites.kept(state)
    return own.drawn(given, rng)[:, columns(space, group)] if own else 0.0


def target(space: Space, state: State, group: Group) -> Target:
    """The exchanged Gaussian of a group's vectors."""
    at, factor = columns(space, group), state["prior/factor"]
    whole = factor if len(at) == len(factor) else root((factor @ factor.T)[at][:, at].double()).float()
    return Target(state["prior/given"][:, at], whole)
