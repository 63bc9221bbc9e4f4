"""A conditional flow from the exchanged Gaussian to the patients: denoising instead of a duel (Karras et al., 2022; Zhang et al., 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from annotated_types import Ge, Gt

from fpmg_bench.contracts import Objective
from fpmg_bench.devices import CPU, drawn
from fpmg_bench.types import Charges, Representation, Update
from fpmg_plugins import training, variates
from fpmg_plugins.generators import conditions, patterns, turns
from fpmg_plugins.generators.flow.velocity import Draws, Velocity, Whitener, losses, transport
from fpmg_plugins.generators.statistics import sites
from fpmg_plugins.generators.statistics.gaussian_start import Start, statistics
from fpmg_plugins.generators.statistics.restoring import Target, restored
from fpmg_plugins.generators.statistics.sites import Sites

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import PerExample, Shard
    from fpmg_bench.types import Rng, SiloContext, Space, State, Way

NET = "velocity"


class LatentFlow:
    """Latent diffusion over the joint vector of all modalities, in coordinates where the exchanged Gaussian is white.

    There the best denoiser of that Gaussian has velocity 0, where the network starts: it learns only what is not Gaussian.
    hidden: width of the network, narrow, since a wide one learns a thousand patients by heart (docs/decisions/055-flow-that-learns.md).
    depth: its residual layers. draws: noise draws a record and step (Dockhorn et al., 2023). steps: of the integration when sampling.
    balance: classes weigh the same (under privacy `privacy: {balanced: true}`). proximal: FedProx mu. A modality that a record
    lacks counts in no loss. optimizer: "sgd" for an aggregator with an optimiser (fedadam). scaffold:
    local steps are corrected towards all silos' gradients, whose mean travels beside the weights (see `fpmg_plugins.variates`). restore:
    what it draws has the means and the covariance that silos exchanged. sites: silos tell their own means by class, each learns what
    its patients have beside them, and a release is drawn from all (not under privacy; see `generators.statistics.sites`).
    For diseases that never met, by the names of flags: compose: their velocities are summed where a record is asked for several (Liu et al.,
    2022). order: they are trained one after the other, `each` rounds a turn, on patients who have no other of them. untold: what they do
    to the means is not exchanged, the network has to learn it; then nothing is restored, which would take it away again.
    """

    rounds: int | None = None
    additive = True

    def __init__(
        self,
        hidden: Annotated[int, Ge(1)] = 96,
        depth: Annotated[int, Ge(0)] = 3,
        lr: Annotated[float, Gt(0)] = 3e-3,
        draws: Annotated[int, Ge(1)] = 4,
        steps: Annotated[int, Ge(1)] = 16,
        balance: bool = True,
        proximal: Annotated[float, Ge(0)] = 0.0,
        optimizer: Literal["adam", "sgd"] = "adam",
        restore: bool = True,
        sites: bool = False,
        compose: tuple[str, ...] = (),
        order: tuple[str, ...] = (),
        each: Annotated[int, Ge(1)] = 75,
        untold: tuple[str, ...] = (),
        scaffold: bool = False,
    ) -> None:
        self.hidden = hidden
        self.depth = depth
        self.lr = lr
        self.draws = draws
        self.steps = steps
        self.balance = balance
        self.proximal = proximal
        self.optimizer = optimizer
        self.restore = restore
        self.sites = sites
        self.compose = compose
        self.order = order
        self.each = each
        self.untold = untold
        self.scaffold = scaffold

    @property
    def travels(self) -> dict[str, Way]:
        """What is averaged whatever the aggregator."""
        return {variates.KIND: "mean"} if self.scaffold else {}

    def charges(self, schema: Space, steps: int) -> Charges:
        return Charges(private_steps=steps, counts=1)

    def begins(self, schema: Space) -> int:
        """Until all but the last turn are over some diseases have not been trained."""
        return self.each * max(len(self.order) - 1, 0)

    def statistics(self, schema: Space, shard: Shard, ctx: SiloContext) -> State:
        return statistics(schema, shard, ctx) | (sites.statistics(schema, shard, ctx) if self.sites else {})

    def init(self, schema: Space, stats: State, rng: Rng) -> State:
        net = training.seeded(partial(self._net, schema), rng)
        start = replace(Start.of(schema, stats), untold=conditions.flags(schema, self.untold))
        state, own = start.prior(schema) | training.state_of(net, NET), Sites.of(schema, stats, start)
        state |= variates.zeros({NET: net}) if self.scaffold else {}
        if own:
            state |= own.state()
            state["prior/within"] = own.within(start.shares, state["prior/factor"], torch.arange(schema.width))
        return state

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        net = training.restored(partial(self._net, ctx.schema), state, NET, ctx.device)
        optimizer = training.optimizer_of(self, {NET: net}, ctx)
        own = Sites.kept(state)
        white = Whitener.of(ctx.schema, state, own.here(ctx.memory) if own else None)
        rows = shard.prepared("white", white.rows)
        # under privacy weights would do nothing before clipping, and void epsilon after it
        weights = conditions.weights(state["prior/shares"], not shard.private and training.setting(self, ctx, "balance"))
        white, weights = white.to(ctx.device), weights.to(ctx.device)
        pull = training.proximal(net, training.setting(self, ctx, "proximal"))
        waiting = turns.waiting(ctx.schema, self.order, self.each, ctx.round)

        def noised() -> PerExample:
            draws = Draws.new(self.draws, ctx.schema.width, ctx.rng, ctx.device)
            return lambda net, batch: (
                losses(net, batch, draws, white) * weights[batch["label"]] * turns.in_turn(batch["given"], waiting)
            )

        corrected = variates.Corrected(optimizer, {NET: net}, state, ctx.memory) if self.scaffold else None
        log = training.fit_anew(net, corrected or optimizer, rows, ctx, noised, pull)
        training.keep(optimizer, net, ctx.memory, NET)
        told = corrected.told(ctx.memory) if corrected else {}
        return Update(training.state_of(net, NET) | told, float(shard.patients), log)

    def objective(self, schema: Space, state: State) -> Mapping[str, Objective]:
        """The denoising loss over one fixed set of draws, the same for every record."""
        white, draws = Whitener.of(schema, state), Draws.fixed(schema.width)
        net = training.restored(partial(self._net, schema), state, NET)
        return {NET: Objective(net, lambda n, b: losses(n, b, draws, white), white.rows)}

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng, device: str = CPU) -> Representation:
        n, white = len(condition), Whitener.of(schema, state)
        net = training.restored(partial(self._net, schema), state, NET, device)
        own, summed = Sites.kept(state), conditions.flags(schema, self.compose)

        def make(given: Tensor, rng: Rng) -> Tensor:
            noise = drawn((len(given), schema.width), rng, white.factor)
            u = transport(net, noise.to(device), given.to(device), self.steps, summed).to(CPU)
            z = given @ white.given + u @ white.factor.T
            return z + own.drawn(given, rng) if own else z

        given = conditions.features(schema, condition)
        z = make(given, rng)
        if self.restore and n and not self.untold:
            z = restored(state, Target(white.given, state["prior/factor"]), make, given, rng)(z, given)
        return Representation(z, patterns.drawn(schema, state, condition, rng), condition, torch.arange(n), schema)

    def _net(self, space: Space) -> Velocity:
        return Velocity(space.width, len(space.blocks), conditions.width(space), self.hidden, self.depth)
