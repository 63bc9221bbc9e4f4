"""Conditional GANs over representation vectors, federated: what parallel and single-modal GANs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch

from fpmg_bench.contracts import Objective
from fpmg_bench.devices import CPU, drawn
from fpmg_bench.types import Charges, Representation, Update
from fpmg_plugins import training
from fpmg_plugins.generators import conditions
from fpmg_plugins.generators.gan.adversarial_round import OWN, AdversarialRound, Seen, critic_name, match_rows
from fpmg_plugins.generators.gan.networks import Group, ModalityGenerator, Networks
from fpmg_plugins.generators.statistics.gaussian_start import Start, statistics

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, SiloContext, Space, State


class ConditionalGan(Networks):
    """Groups of modalities; each group has its own noise, one generator a modality and one joint discriminator.

    The discriminator also classifies (auxiliary classifier). Its loss on real rows is private, on generated rows public.
    """

    rounds: int | None = None
    private_losses = ("hinge", "logistic")

    def groups(self, space: Space) -> Sequence[Group]:
        """Modalities that share noise and a discriminator."""
        return [tuple(space.blocks)]

    def charges(self, schema: Space, steps: int) -> Charges:
        return Charges(private_steps=steps * len(self.groups(schema)), counts=1)

    def statistics(self, schema: Space, shard: Shard, ctx: SiloContext) -> State:
        sums = statistics(schema, shard)
        counted = sums["start/counts"][conditions.classes(schema) :]
        ctx.memory[OWN] = (counted / shard.patients).clamp(0, 1).float()
        return sums

    def init(self, schema: Space, stats: State, rng: Rng) -> State:
        start = Start.of(schema, stats)
        state: State = {"prior/shares": start.shares.float(), "prior/presence": start.presence.float()}
        rest = conditions.width(schema) - conditions.classes(schema)
        state["prior/rest"] = start.mean[:, :rest].float()
        state["prior/spread"] = (start.factor @ start.factor.T).diagonal()[:rest].clamp(min=0).sqrt().float()
        for group in self.groups(schema):
            state |= self._started(schema, group, start, rng)
        return state

    def _started(self, space: Space, group: Group, start: Start, rng: Rng) -> State:
        """Fresh networks of a group, generators set to the exchanged Gaussian."""
        state: State = {}
        given, factor = start.block(space, group)
        at = 0
        for name in group:
            dim = space.blocks[name].stop - space.blocks[name].start
            net = training.seeded(partial(self._one, space, group, name), rng)
            net.start(given[:, at : at + dim], self._noise_factor(factor[at : at + dim], space, group))
            state |= training.state_of(net, f"generator.{name}") | training.state_of(net, f"ema.{name}")
            at += dim
        critic = training.seeded(lambda: self.discriminator_of(space, group), rng)
        return state | training.state_of(critic, critic_name(group))

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
            trained, log = AdversarialRound(self, group, state, ctx).play(prepared)
            merged |= trained
            losses |= log
        return Update(merged, float(shard.patients), losses)

    def objective(self, schema: Space, state: State) -> Mapping[str, Objective]:
        """Every discriminator's loss on real rows, where the state holds its weights."""
        found = {}
        for group in self.groups(schema):
            name = critic_name(group)
            if training.part(state, name):
                critic = training.restored(partial(self.discriminator_of, schema, group), state, name)
                found[name] = Objective(critic, Seen.of(self, schema, group).losses, match_rows)
        return found

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng, device: str = CPU) -> Representation:
        n = len(condition)
        z = torch.zeros(n, schema.width)
        given = conditions.features(schema, condition).to(device)
        for group in self.groups(schema):
            noise = drawn((n, self.noise_of(schema, group)), rng, given)
            for name in group:
                net = training.restored(partial(self._one, schema, group, name), state, f"ema.{name}", device)
                with torch.no_grad():
                    z[:, schema.blocks[name]] = net.eval()(noise, given).to(CPU)
        everything = torch.ones(n, len(schema.blocks), dtype=torch.bool)
        return Representation(z, everything, condition, torch.arange(n), schema)
