"""One silo, one group of modalities, one round: discriminator against generators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from fpmg_bench.devices import CPU, drawn, moved
from fpmg_plugins import training
from fpmg_plugins.generators import conditions, turns
from fpmg_plugins.generators.columns import columns, presence
from fpmg_plugins.generators.gan.networks import Group, Networks, rescale
from fpmg_plugins.generators.gan.universal import PRIOR, Others
from fpmg_plugins.generators.statistics.sites import Sites
from fpmg_plugins.variates import KIND, Corrected

if TYPE_CHECKING:
    from torch import Tensor, nn, optim

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Representation, Rng, SiloContext, Space, State

BETAS = {"r1": (0.0, 0.99), "rescale": (0.5, 0.9), "none": (0.5, 0.9)}  # of Adam: a penalised game wants no momentum
OWN = "own/presence"  # [m]: share of the silo's own patients that have a modality, kept from the statistics exchange


def critic_name(group: Group) -> str:
    """Module name of a group's discriminator."""
    return f"discriminator.{'+'.join(group)}"


def match_rows(rows: Representation) -> Mapping[str, Tensor]:
    """A shard's rows as the discriminator sees them: masked vectors, masks, conditions, label."""
    masked = rows.z * presence(rows.space, rows.present)
    given = conditions.features(rows.space, rows.condition)
    return {"z": masked, "present": rows.present.float(), "condition": given, "label": rows.condition[:, 0].long()}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a group's discriminator sees of a batch, and its loss on real rows.

    columns, masks: the group's, of z and present; unit: the columns' spread.
    """

    columns: Tensor
    masks: list[int]
    unit: Tensor
    loss: str
    classify: float

    @classmethod
    def of(cls, gan: Networks, space: Space, group: Group, state: State, device: str = CPU) -> Seen:
        """Of batches on this device."""
        at = columns(space, group)
        masks = [list(space.blocks).index(m) for m in group]
        return cls(at.to(device), masks, spread(state)[at].to(device), gan.loss, gan.classify)

    def losses(self, critic: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Losses [n]."""
        return self._losses(critic, self._vectors(batch), batch)[1]

    def penalised(self, critic: nn.Module, batch: Mapping[str, Tensor], weights: Tensor, penalty: float) -> Tensor:
        """Weighted losses [n], each with penalty / 2 times the squared slope of the value at its record (R1, Mescheder et al., 2018)."""
        with torch.enable_grad():  # whoever only asks for losses has a penalty too
            z = self._vectors(batch).requires_grad_()
            value, losses = self._losses(critic, z, batch)
            (slope,) = torch.autograd.grad(value.sum(), z, create_graph=True)
        return losses * weights + penalty / 2 * slope.square().sum(1)

    def _vectors(self, batch: Mapping[str, Tensor]) -> Tensor:
        return batch["z"][:, self.columns] / self.unit

    def _losses(self, critic: nn.Module, z: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        value, logits = critic(z, batch["present"][:, self.masks], batch["condition"])
        adversarial = F.relu(1 - value) if self.loss == "hinge" else F.softplus(-value)
        return value, adversarial + self.classify * F.cross_entropy(logits, batch["label"], reduction="none")


def spread(state: State) -> Tensor:
    """[d]: the exchanged Gaussian's standard deviation within classes of every column; the game is played in these units."""
    found: Tensor = state["prior/factor"].norm(dim=1).clamp(min=1e-6)
    return found


class AdversarialRound:
    """Networks, optimisers and the fakes of one group for a round."""

    def __init__(self, gan: Networks, group: Group, state: State, ctx: SiloContext, *, private: bool) -> None:
        self.gan, self.group, self.ctx, self.space = gan, group, ctx, ctx.schema
        there = ctx.device
        prior = moved({key: value for key, value in state.items() if key.startswith("prior/")}, there)
        self.shares, self.rest, self.varied = (prior[f"prior/{name}"] for name in ("shares", "rest", "spread"))
        self.nets = {m: net.to(there) for m, net in gan.generators_of(self.space, group).items()}
        self.critic = gan.discriminator_of(self.space, group).to(there)
        self.name = critic_name(group)
        at_home = training.part(ctx.memory, self.name)
        training.load(self.critic, ctx.memory if at_home else state, self.name)
        for name, net in self.nets.items():
            training.load(net, state, f"generator.{name}")
        self.private = private
        # a slope inside a record's loss cannot be clipped by record
        self.game = "rescale" if private and gan.lipschitz == "r1" else gan.lipschitz
        self.shared = gan.send == "both" and gan.discriminators == "averaged"
        self.against = self._optimizer({self.name: self.critic}, state, self.shared)
        self.maker = self._optimizer({f"generator.{m}": net for m, net in self.nets.items()}, state, True)
        self.average = {
            m: [_copy(state[f"ema.{m}/{key}"], there) for key, _ in net.named_parameters()]
            for m, net in self.nets.items()
            if gan.released == "ema"
        }
        self.weighted: dict[str, list[Tensor]] = {m: list(net.parameters()) for m, net in self.nets.items()}
        self.everything = [p for parameters in self.weighted.values() for p in parameters]
        mu = training.setting(gan, ctx, "proximal")
        self.pulls = {m: training.proximal(net, mu) for m, net in self.nets.items()}
        self.hold = training.proximal(self.critic, mu if self.shared else 0.0)  # its own has no reference that others know
        self.seen = Seen.of(gan, self.space, group, state, there)
        self.others = Others.of(gan, group, self.name, state, ctx, self.seen.unit) if PRIOR in state else None
        held = torch.tensor([float(m not in ctx.lacks) for m in group])
        self.presence = (ctx.memory.get(OWN, state["prior/presence"])[self.seen.masks] * held).to(there)
        widths = torch.tensor([self.space.blocks[m].stop - self.space.blocks[m].start for m in group])
        self.owner = torch.arange(len(group)).repeat_interleave(widths).to(there)  # of every column of the group's vectors
        self.here = self._here(state).to(there)
        self.weights = self.requested = conditions.weights(self.shares, training.setting(gan, ctx, "balance"))
        self.waiting = turns.waiting(self.space, gan.order, gan.each, ctx.round)
        self.drawn: tuple[Tensor, Tensor, Tensor, Tensor]
        self.seed: int

    def _optimizer(self, modules: Mapping[str, nn.Module], state: State, merged: bool) -> optim.Optimizer:
        """The steps of modules by name; corrected where these are merged and the silos say how."""
        inner = training.optimizer_of(self.gan, modules, self.ctx, BETAS[self.game])
        return Corrected(inner, modules, state, self.ctx.memory) if self.gan.scaffold and merged else inner

    def play(self, shard: Shard) -> tuple[State, dict[str, float]]:
        """`ctx.steps` steps of the discriminator on real rows, each followed by one of the generators, which see none."""
        real = fool = 0.0
        taken = 0
        if self.private and not shard.balanced:
            self.requested = torch.ones_like(self.weights)
        for _ in range(self.ctx.steps):
            self.drawn = self._fakes()
            self.seed = int(torch.randint(2**62, (), generator=self.ctx.rng))
            loss = shard.step(self.critic, self.against, self._on_rows, self._on_fakes if self.private else self.hold).loss
            if self.game == "rescale":
                rescale(self.critic, 1.0)
            if not (self.others and self.others.awaited):  # no generator faces less than the mixture
                fool += self._improve()
            if not math.isnan(loss):
                real, taken = real + loss, taken + 1
        return self._result(), self._log(real, taken, fool)

    def _on_rows(self, critic: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Losses [n] of the discriminator: on real rows and, where the run is not private, on draws under each row's own conditions."""
        if self.private:  # weights before clipping would do nothing, after it they void epsilon
            return self.seen.losses(critic, batch) * turns.in_turn(batch["condition"], self.waiting)
        turn = turns.in_turn(batch["condition"], self.waiting)
        weights = self.weights[batch["label"]] * turn
        if self.game == "r1":
            real = self.seen.penalised(critic, batch, weights, self.gan.penalty) * turn
        else:
            real = self.seen.losses(critic, batch) * weights
        return real + weights * self._on_likes(critic, batch)

    def _on_likes(self, critic: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Mean losses [n] on draws with a row's own conditions and mask, so that nothing but its vector tells it from them.

        The step's draws, however often it asks: as many a row as make `fakes` in all.
        """
        n = len(batch["label"])
        times = math.ceil(self.gan.fakes / max(n, 1))
        given, mask = (batch[name].repeat(times, 1) for name in ("condition", "present"))
        rng = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            z = self._vectors(given, mask[:, self.seen.masks], batch["label"].repeat(times), rng)
        value, _ = critic(z, mask[:, self.seen.masks], given)
        return self._against(value).reshape(times, n).mean(0)

    def _on_fakes(self, critic: nn.Module) -> Tensor:
        """The discriminator's mean loss on generated rows and its proximal term: no patient is touched."""
        z, mask, given, _ = self.drawn
        value, _ = critic(z.detach(), mask, given)
        loss = self._against(value).mean()
        return loss if self.hold is None else loss + self.hold(critic)

    def _against(self, value: Tensor) -> Tensor:
        """Losses of values of generated rows."""
        return F.relu(1 + value) if self.gan.loss == "hinge" else F.softplus(value)

    def _improve(self) -> float:
        """One step of every generator of the group on the joint verdict."""
        z, mask, given, label = self.drawn
        value, logits = self.critic(z, mask, given)
        if self.others:
            value = self.others.verdict(value, z, mask, given, label)
        loss = (-value if self.gan.loss == "hinge" else F.softplus(-value)).mean()
        pulled = [pull(self.nets[m]) for m, pull in self.pulls.items() if pull is not None]
        taught = self.gan.classify if self.gan.teach == "both" else 0.0
        total = sum(pulled, loss + taught * F.cross_entropy(logits, label))
        for parameter, slope in zip(self.everything, torch.autograd.grad(total, self.everything), strict=True):
            parameter.grad = slope
        self.maker.step()
        self._follow()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        """Exponential moving average of the generators' weights, which is what gets released."""
        if self.average:
            torch._foreach_lerp_([p for average in self.average.values() for p in average], self.everything, 1 - self.gan.ema)

    def _fakes(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Generated rows with masks as frequent as in this silo (others would give them away), uniform labels where classes

        are balanced.
        """
        n, rng = self.gan.fakes, self.ctx.rng
        label = conditions.labels((self.shares * self.requested).expand(n, -1), rng)
        given = conditions.drawn(self.space, label, self.rest[label], self.varied, rng)
        if self.waiting:
            given[:, self.waiting] = -1.0
        mask = (drawn((n, len(self.group)), rng, self.shares, torch.rand) < self.presence).float()
        return self._vectors(given, mask, label, rng), mask, given, label

    def _vectors(self, given: Tensor, mask: Tensor, label: Tensor, rng: Rng) -> Tensor:
        """Draws [n, d'] under features [n, c], where this silo's patients are; absent modalities 0."""
        noise = drawn((len(given), self.gan.noise_of(self.space, self.group)), rng, given)
        z = torch.cat([net(noise, given) for net in self.nets.values()], dim=1)
        return (z + self.here[label]) * mask[:, self.owner]

    def _here(self, state: State) -> Tensor:
        """[K, d']: where this silo's patients of a class are beside all silos', in the columns' units; 0 where nobody told."""
        own, at = Sites.kept(state), columns(self.space, self.group)
        if own is None:
            return torch.zeros(conditions.classes(self.space), len(at))
        return own.here(self.ctx.memory)[:, at] / spread(state)[at]

    def _result(self) -> State:
        critic = training.state_of(self.critic, self.name)
        result: State = {}
        training.keep(self.against, self.critic, self.ctx.memory, self.name)
        if self.gan.send == "both":
            result |= critic
        if not self.shared:
            self.ctx.memory |= critic  # stays its silo's own, and goes on from where it stood in the next round
        lacking = tuple(f"{KIND}.generator.{name}/" for name in self.ctx.lacks)
        for each in (self.against, self.maker):
            told = each.told(self.ctx.memory) if isinstance(each, Corrected) else {}
            result |= {key: value for key, value in told.items() if not key.startswith(lacking)}
        for name, net in self.nets.items():
            training.keep(self.maker, net, self.ctx.memory, f"generator.{name}")
            if name in self.ctx.lacks:
                continue  # no patient here says anything about it: only holders train and merge this generator
            result |= training.state_of(net, f"generator.{name}")
            if not self.average:
                continue
            keys = (key for key, _ in net.named_parameters())
            result |= {f"ema.{name}/{key}": value.to(CPU) for key, value in zip(keys, self.average[name], strict=True)}
        return result

    def _log(self, real: float, taken: int, fool: float) -> dict[str, float]:
        """Mean losses of the round, under the modality's name where the discriminator is not the joint one."""
        label = "" if len(self.group) == len(self.space.blocks) else f"{'+'.join(self.group)} "
        known = {f"{label}discriminator": real / taken} if taken else {}
        return known | {f"{label}generators": fool / max(self.ctx.steps, 1)}


def _copy(value: Tensor, device: str) -> Tensor:
    return value.to(device, copy=True)
