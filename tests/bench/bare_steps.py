"""A local step as a trial takes it beside the bare step of the same network on the same batch: `python bare_steps.py KIND NAME MODALITY STEPS [PATIENTS]`.

Prints JSON: processor seconds a step of whole rounds (local training, exchange and records of five silos), plain and private, and of
the bare step: forward, backward, one fused Adam step, on batches and made-up rows that are there already.
"""

import copy
import itertools
import json
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.generators.gan.adversarial_round import AdversarialRound
from fpmg_plugins.topologies.ring import Ring
from torch.nn import functional as F

from fpmg_bench.federation import Plan, SiloPlan
from fpmg_bench.federation.loop import Loop
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice, Privacy
from fpmg_bench.testing import fakes
from fpmg_bench.transport import Inproc
from fpmg_bench.types import SiloContext

SILOS, RATE = 5, 0.1
PARAMS = {"frozen": {"decoder": "trained"}}  # without it `frozen` takes no step
LR = 1e-3


class Watched(LocalShard):
    """A shard that keeps what a step is handed: (module, private loss, public loss, batch)."""

    seen = None  # a list while steps are kept

    def step(self, module, optimizer, private_loss, public_loss=None):
        log = super().step(module, optimizer, private_loss, public_loss)
        if Watched.seen is not None and log.size:
            Watched.seen.append((module, private_loss, public_loss, self.last))
        return log

    def _batch(self, rows):
        self.last = super()._batch(rows)
        return self.last


def setting(kind, modality, patients):
    """Schema and rows of a stage, of all silos together."""
    if kind == "generator":
        return fakes.space(32), fakes.vectors(patients, of=fakes.space(32))
    cohort = Phantom(patients=patients, silos=1, modalities=(modality,)).load()
    return cohort.schemas[modality], cohort.data[modality]


def measure(kind, name, modality, steps, patients=256):
    """Least processor seconds a step of each way, over rounds taken in turns. patients: of each silo."""
    learner = Registry.discover().build(kind, Choice(name, PARAMS.get(name, {})))
    schema, rows = setting(kind, modality, SILOS * patients)
    loops = {how: federation(learner, schema, rows, patients, steps, how == "private") for how in ("plain", "private")}
    states = {how: loop.start(100) for how, loop in loops.items()}
    Watched.seen = []
    loops["plain"].round(states["plain"], last=False)  # prepares the features
    kept, Watched.seen = Watched.seen, None
    loops["private"].round(states["private"], last=False)  # and checks the losses
    ways = {how: lambda how=how: loops[how].round(states[how], last=False) for how in loops}
    taken = dict.fromkeys(loops, SILOS * steps)
    ways["bare"], taken["bare"] = bare(learner, schema, states["plain"].states[0], kept, steps), len(kept)
    found = {how: [] for how in ways}
    for _ in range(5 if steps > 1 else 1):  # in turns: what another program does to the processor's clock and caches meets all
        for how, work in ways.items():
            began = time.process_time()
            work()
            found[how].append((time.process_time() - began) / taken[how])
    return {how: min(seconds) for how, seconds in found.items()} | {"kept": len(kept)}


def federation(learner, schema, rows, patients, steps, private):
    """The rounds of `suites/multimodal.yaml`: a relay ring of five silos that clip."""
    charged = {"s": learner.charges(schema, 100 * steps)}
    shards = {}
    for silo in range(SILOS):
        mine = np.arange(silo * patients, (silo + 1) * patients)
        book = Ledger(silo, str(silo), patients, RATE, Privacy(8.0, 1e-4), Noise(1.0, 1e-6, 1.0), charged) if private else None
        shards[silo] = Watched(rows.take(mine), mine, RATE, "s", book)
    plan = Plan("s", Ring(merge="each"), CenteredClipping(), 100, {silo: SiloPlan(steps) for silo in shards}, 0)
    return Loop(learner, schema, shards, plan, Inproc())


def bare(learner, schema, state, kept, steps):
    """A call takes every kept step once, and nothing else."""
    if hasattr(learner, "discriminator_of"):
        return duels(learner, schema, state, kept, steps)
    networks = {}

    def network(module):
        if id(module) not in networks:
            own = copy.deepcopy(module)
            networks[id(module)] = own, adam(own.parameters())
        return networks[id(module)]

    work = [(*network(module), loss, public, batch) for module, loss, public, batch in kept]

    def once():
        for module, optimizer, private_loss, public_loss, batch in work:
            optimizer.zero_grad()
            loss = private_loss(module, batch).mean()
            (loss if public_loss is None else loss + public_loss(module)).backward()
            optimizer.step()

    return once


def duels(gan, space, state, kept, steps):
    """A discriminator's step and one of its generators, on fakes whose noise and conditions are drawn already."""
    work = []
    for group in gan.groups(space):
        context = SiloContext(0, 0, steps, torch.Generator().manual_seed(0), memory={}, schema=space)
        game = AdversarialRound(gan, group, state, context, private=False)
        makers = list(game.nets.values())
        players = game.critic, makers, adam(game.critic.parameters()), adam(p for net in makers for p in net.parameters())
        fakes, mask, given, _ = game._fakes()
        noise = torch.randn(len(fakes), gan.noise_of(space, group), generator=context.rng)
        wide = mask[:, game.owner]
        for batch in [batch for module, _, _, batch in kept if fits(module, game.critic)]:
            z = batch["z"][:, game.seen.columns], batch["present"][:, game.seen.masks], batch["condition"], batch["label"]
            times = -(-gan.fakes // len(batch["label"]))
            like = [part.repeat(times, 1) for part in z[1:3]]
            other = torch.randn(len(like[0]), noise.shape[1], generator=context.rng)
            work.append((*players, z, (other, *like, like[0][:, game.owner]), (noise, given, mask, wide)))

    def once():
        for critic, makers, against, making, (z, present, condition, truth), (other, held, like, whole), drawn in work:
            with torch.no_grad():
                made = torch.cat([net(other, like) for net in makers], dim=1) * whole
            real = z.detach().requires_grad_()
            value, logits = critic(real, present, condition)
            (slope,) = torch.autograd.grad(value.sum(), real, create_graph=True)
            fake, _ = critic(made, held, like)
            against.zero_grad()
            loss = F.relu(1 - value).mean() + F.relu(1 + fake).mean() + gan.penalty / 2 * slope.square().sum(1).mean()
            (loss + gan.classify * F.cross_entropy(logits, truth)).backward()
            against.step()
            noise, given, mask, wide = drawn
            value, _ = critic(torch.cat([net(noise, given) for net in makers], dim=1) * wide, mask, given)
            making.zero_grad()
            (-value.mean()).backward()
            making.step()

    return once


def fits(one, other):
    """Whether two modules hold weights of the same shapes."""
    pairs = itertools.zip_longest(one.parameters(), other.parameters())
    return all(a is not None and b is not None and a.shape == b.shape for a, b in pairs)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=LR, fused=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(json.dumps(measure(*sys.argv[1:4], *map(int, sys.argv[4:]))))
