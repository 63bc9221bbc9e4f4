"""A learner without data: every silo moves its vector by a step of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from fpmg_bench.faults import Faults
from fpmg_bench.federation import Federated, HeldIn, Plan, SiloPlan, run
from fpmg_bench.spec import Stop
from fpmg_bench.types import Charges, Update


@dataclass
class FakeShard:
    patients: int

    def begin(self, root: int, *path: str | int) -> FakeShard:
        return self


@dataclass
class Drift:
    """train: x <- x + step of the silo (seeded), in `modules` each silo holds; a also by what was relayed to it."""

    size: int = 5
    rounds: int | None = None
    missing: Mapping[int, str] = field(default_factory=dict)
    noise: float = 1.0
    travels: Mapping[str, str] = field(default_factory=dict)

    def charges(self, schema, steps):
        return Charges()

    def statistics(self, schema, shard, ctx):
        return {"sum/x": torch.tensor([float(shard.patients)], dtype=torch.float64)}

    def init(self, schema, stats, rng):
        return {
            "a/w": torch.randn(self.size, generator=rng),
            "b/w": torch.randn(self.size, generator=rng),
            "a/count": torch.tensor(3),
        }

    def train(self, state, shard, ctx):
        ctx.memory["rounds"] = ctx.memory.get("rounds", torch.zeros(())) + 1
        moved = {k: v + self.noise * torch.randn(v.shape, generator=ctx.rng) for k, v in state.items() if v.is_floating_point()}
        moved = {k: v for k, v in moved.items() if not k.startswith(self.missing.get(ctx.silo, "-"))}
        for key in sorted(key for key in ctx.memory if key.startswith("from.")):
            moved["a/w"] = moved["a/w"] + 0.1 * ctx.memory[key]
        return Update(moved, shard.patients, {"loss": 1.0})


def go(
    topology: Any, aggregator: Any, n: int, rounds: int = 3, sizes=None, learner=None, **options
) -> tuple[Federated, list[dict]]:
    records: list[dict] = []
    sizes = sizes or [10 * (i + 1) for i in range(n)]
    lacks = options.pop("lacks", {})
    silos = {i: SiloPlan(2, lacks=frozenset(lacks.get(i, ()))) for i in range(n)}
    faults = options.pop("faults", Faults())
    plan = Plan("stage2", topology, aggregator, rounds, silos, seed=7, stop=options.pop("stop", None), faults=faults)
    shards = {i: FakeShard(sizes[i]) for i in range(n)}
    done = run(learner or Drift(), None, shards, plan, lambda record, now: records.append(record), **options)
    return done, records


@dataclass
class Asked:
    """A shard of patients held in: rows are numbers."""

    rows: torch.Tensor

    @property
    def patients(self) -> int:
        return len(self.rows)

    def begin(self, root: int, *path: str | int) -> Asked:
        return self

    def counts(self, bins: Any, clip: float) -> torch.Tensor:
        return bins(self.rows).double().sum(0)


class Walk(Drift):
    """train: every number grows by 1, from 0; the same at all silos."""

    def init(self, schema, stats, rng):
        return {"a/w": torch.zeros(self.size)}

    def train(self, state, shard, ctx):
        return Update({"a/w": state["a/w"] + 1}, shard.patients, {"loss": 1.0})


def held(n: int, stop: Stop, begins: int = 0) -> HeldIn:
    """Silo i holds i + 1 patients in, all at 3: a model at x costs each (x - 3)^2."""
    shards = {i: Asked(torch.full((i + 1,), 3.0)) for i in range(n)}
    return HeldIn(stop, shards, lambda silo, state: lambda rows: (rows[:, None] - state["a/w"][0]).square(), begins)
