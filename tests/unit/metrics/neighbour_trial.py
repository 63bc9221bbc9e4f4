"""A federation of a network that can only memorise: random numbers, random targets. Its messages are recorded as in a trial."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from fpmg_plugins import training
from fpmg_plugins.aggregators.fedavg import FedAvg
from torch import nn

from fpmg_bench.contracts import Objective
from fpmg_bench.evaluation import EvaluationSpace, Measured
from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.testing import fakes
from fpmg_bench.transport import Inproc
from fpmg_bench.types import Charges, Update

WIDTH, NAMES = 16, ("north", "east", "south", "west")


def records(patient: Any) -> dict[str, torch.Tensor]:
    """What the network sees of a patient: numbers drawn from the patient's own stream."""
    drawn = [torch.randn(WIDTH + 1, generator=torch.Generator().manual_seed(1000 + int(p))) for p in patient]
    both = torch.stack(drawn) if drawn else torch.zeros(0, WIDTH + 1)
    return {"x": both[:, :-1], "y": both[:, -1]}


def losses(module: nn.Module, batch: Any) -> torch.Tensor:
    return (module(batch["x"])[:, 0] - batch["y"]).square()


@dataclass
class Memoriser:
    """`train`: ctx.steps steps of Adam. module: its name in states, "discriminator.table" being one modality's.

    lacking: a silo that has no part in the module "generator.image", which the others then exchange among themselves.
    sums: numbers that each patient adds to the statistics exchanged before round 0, unlike anybody else's. rows_of: numbers in a row of
    the patient's silo, of a table of all silos.
    """

    module: str = "discriminator"
    lacking: int | None = None
    rounds: int | None = None
    sums: int = 0
    rows_of: int = 0

    def net(self) -> nn.Sequential:
        return nn.Sequential(nn.Linear(WIDTH, 64), nn.GELU(), nn.Linear(64, 1))

    def charges(self, schema, steps):
        return Charges(private_steps=steps, counts=int(self.sums > 0))

    def statistics(self, schema, shard, ctx):
        found = {"start/sum": shard.counts(self._adds, clip=100.0)} if self.sums else {}
        return found | ({"site/sum": self._row(shard.counts(self._adds_apart, clip=100.0), ctx.silo)} if self.rows_of else {})

    def _adds(self, rows, width=None):
        """[n, sums]: fixed random waves of what the network sees."""
        waves = torch.randn(WIDTH, width or self.sums, generator=torch.Generator().manual_seed(7))
        return torch.cos(3 * rows["x"] @ waves)

    def _adds_apart(self, rows):
        return self._adds(rows, self.rows_of)

    def _row(self, numbers, silo):
        return torch.nn.functional.one_hot(torch.tensor(silo), 4)[:, None] * numbers

    def init(self, schema, stats, rng):
        extra = {} if self.lacking is None else {"generator.image/w": torch.zeros(3)}
        return training.state_of(training.seeded(self.net, rng), self.module) | extra

    def train(self, state, shard, ctx):
        net = training.restored(self.net, state, self.module)
        optimizer = training.adam({self.module: net}, 3e-3, ctx.memory)
        training.fit(net, optimizer, shard, ctx, losses)
        training.keep(optimizer, net, ctx.memory, self.module)
        extra = {} if self.lacking in (None, ctx.silo) else {"generator.image/w": torch.full((3,), float(ctx.silo))}
        return Update(training.state_of(net, self.module) | extra, shard.patients, {})

    def objectives(self, stage, state):
        return {self.module: Objective(training.restored(self.net, state, self.module), losses, records)}

    def rows(self, stage, cohort, silo):
        return cohort.patient, np.arange(len(cohort))

    def added(self, stage, cohort, silo):
        seen = records(cohort.patient)
        apart = [{"site/sum": self._row(row, silo)} for row in self._adds_apart(seen)] if self.rows_of else [{}] * len(cohort)
        return ({"start/sum": row} | own for row, own in zip(self._adds(seen), apart, strict=True)), np.arange(len(cohort))


@dataclass
class Averager(Memoriser):
    """A Gaussian of the patients of whoever trained it, in `sums` columns; it says of nothing what it minimises."""

    sums: int = 40

    def statistics(self, schema, shard, ctx):
        return {}

    def init(self, schema, stats, rng):
        return {"generator/mean": torch.zeros(self.sums), "generator/second": torch.eye(self.sums)}

    def train(self, state, shard, ctx):
        found = shard.moments(self._adds, clip=100.0)
        return Update({"generator/mean": found.mean.float(), "generator/second": found.second.float()}, shard.patients, {})

    def objectives(self, stage, state):
        return {}

    def latent(self, cohort):
        """[n, sums] of its records."""
        return self._adds(records(cohort.patient)).numpy()

    def more(self, silo, size, state):
        """Draws of the Gaussian in these tensors."""
        mean, second = state["generator/mean"].double(), state["generator/second"].double()
        spread, axes = torch.linalg.eigh(second - mean[:, None] * mean)
        normal = torch.randn(size, self.sums, generator=torch.Generator().manual_seed(3)).double()
        return (mean + (normal * spread.clamp(min=0).sqrt()) @ axes.T).float().numpy()


@dataclass
class Trial:
    """Four silos of `patients` training patients each and as many held-out patients a silo."""

    topology: Any
    steps: int = 60
    rounds: int = 3
    patients: int = 30
    sigma: float = 0.0
    learner: Memoriser = field(default_factory=Memoriser)
    strangers: bool = False  # the weights are trained on other people than `train` says

    def evidence(self) -> Measured:
        train, r1, r2 = (self._cohort(offset) for offset in (0, 2000, 3000))
        held_out = self._cohort(2000, double=True)
        transport = Inproc(record=True)
        shift = 50_000 if self.strangers else 0
        shards = {s: self._shard(s, train.patient[train.silo == s] + shift) for s in range(4)}
        plan = Plan("stage2", self.topology, FedAvg(), self.rounds, {s: SiloPlan(self.steps) for s in range(4)}, seed=1)
        run(self.learner, None, shards, plan, lambda record, now: None, transport)
        draws = (
            {
                "encode": lambda silo, cohort: self.learner.latent(cohort),
                "more": self.learner.more,
                "widths": {"table": self.learner.sums},
            }
            if isinstance(self.learner, Averager)
            else {}
        )
        return Measured(
            train=train, r1=r1, r2=r2, held_out=held_out, third=None, space=EvaluationSpace.fit(train, 0), silo_names=NAMES,
            released=dict.fromkeys(range(4), train), frames=transport.frames, learners=self.learner, **draws,
        )  # fmt: skip

    def _cohort(self, offset: int, double: bool = False) -> Any:
        n = 4 * self.patients // 2
        ids = np.arange(offset, offset + n)
        ids = np.concatenate([ids, ids + 1000]) if double or offset == 0 else ids
        made = fakes.cohort(len(ids), 0, ("table",), silos=4)
        return replace(made, patient=ids, silo=np.arange(len(ids)) % 4, silo_names=NAMES)

    def _shard(self, silo: int, patient: Any) -> LocalShard:
        book = None
        if self.sigma:
            planned = {"stage2": self.learner.charges(None, self.steps * self.rounds)}
            book = Ledger(silo, NAMES[silo], len(patient), 0.5, Privacy(8.0, 1e-4), Noise(self.sigma, 1.0, 1.0), planned)
        return LocalShard(records(patient), np.asarray(patient), 0.5, "stage2", book)
