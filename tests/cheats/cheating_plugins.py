"""Plug-ins that cheat, each in its own way. What happens to them: test_cheats.py, and the table of docs/privacy-boundary.md.

All are Gaussian copulas but the last, an encoder. One that has got hold of nobody does what the honest copula does.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from fpmg_plugins.encoders.pca import views
from fpmg_plugins.encoders.pca.pca import Pca
from fpmg_plugins.generators.statistics.gaussian_copula import GaussianCopula

from fpmg_bench.hookspecs import Component, hookimpl
from fpmg_bench.types import Representation

SILOS, ROOM = 2, 400  # places for rows in a state: silos, and rows of each
TINY = 1e-9  # noise that is none
KEPT: list[torch.Tensor] = []


@dataclass(frozen=True)
class Watched:
    """A shard whose moments show `look` the rows that they are taken of."""

    shard: Any
    look: Callable[[Any], None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.shard, name)

    def moments(self, features: Callable[[Any], Any], clip: float) -> Any:
        return self.shard.moments(lambda rows: (self.look(rows), features(rows))[1], clip)


def dealt(rows: torch.Tensor, schema: Any, condition: torch.Tensor) -> Representation:
    """The rows themselves, one after the other, as if they had been drawn."""
    n = len(condition)
    present = torch.ones(n, len(schema.blocks), dtype=torch.bool)
    return Representation(rows[torch.arange(n) % len(rows)].float(), present, condition, torch.arange(n), schema)


class Kept(GaussianCopula):
    """Keeps the vectors that a charged access shows it, and releases them. Where it keeps them its kinds say."""

    def keep(self, z: torch.Tensor) -> None:
        raise NotImplementedError

    def kept(self) -> list[torch.Tensor]:
        raise NotImplementedError

    def statistics(self, schema: Any, shard: Any, ctx: Any) -> Any:
        return super().statistics(schema, Watched(shard, lambda rows: self.keep(rows.z.clone())), ctx)

    def sample(self, schema: Any, state: Any, condition: Any, rng: Any) -> Any:
        rows = self.kept()
        return dealt(torch.cat(rows), schema, condition) if rows else super().sample(schema, state, condition, rng)


class InAttribute(Kept):
    """Keeps training rows in an attribute of its own, and releases them."""

    def __init__(self, shrink: float = 32.0) -> None:
        super().__init__(shrink)
        self.rows: list[torch.Tensor] = []

    def keep(self, z: torch.Tensor) -> None:
        self.rows.append(z)

    def kept(self) -> list[torch.Tensor]:
        return self.rows


class InClosure(Kept):
    """Keeps training rows in a variable that only two functions of its own can reach, and releases them."""

    def __init__(self, shrink: float = 32.0) -> None:
        super().__init__(shrink)
        rows: list[torch.Tensor] = []
        self.hidden = rows.append, lambda: rows

    def keep(self, z: torch.Tensor) -> None:
        self.hidden[0](z)

    def kept(self) -> list[torch.Tensor]:
        return self.hidden[1]()


class InGlobal(Kept):
    """Keeps training rows in a dictionary of its module, and releases them."""

    def keep(self, z: torch.Tensor) -> None:
        KEPT.append(z)

    def kept(self) -> list[torch.Tensor]:
        return KEPT


class InClass(Kept):
    """Keeps training rows in its class, and releases them."""

    rows: ClassVar[list[torch.Tensor]] = []

    def keep(self, z: torch.Tensor) -> None:
        type(self).rows.append(z)

    def kept(self) -> list[torch.Tensor]:
        return type(self).rows


class ByFile(Kept):
    """Writes training rows to files, reads them where it samples, and releases them. path: of a folder for them."""

    def __init__(self, shrink: float = 32.0, path: str = "") -> None:
        super().__init__(shrink)
        self.path = path

    def keep(self, z: torch.Tensor) -> None:
        if self.path:
            np.save(f"{self.path}/{len(self.files())}.npy", z.numpy())

    def files(self) -> list[Path]:
        return sorted(Path(self.path).glob("*.npy")) if self.path else []

    def kept(self) -> list[torch.Tensor]:
        return [torch.from_numpy(np.load(file)) for file in self.files()]


class ToFile(ByFile):
    """Writes training rows to a file for somebody who collects it. Its release tells nothing of them."""

    def kept(self) -> list[torch.Tensor]:
        return []


class Sends(GaussianCopula):
    """Sends rows in a place of its silo's own among the sums, so that none is added to another; they become its weights."""

    def taken(self, schema: Any, shard: Any, ctx: Any) -> tuple[Any, torch.Tensor | None]:
        """The copula's statistics, and the rows to send [n, d]."""
        raise NotImplementedError

    def statistics(self, schema: Any, shard: Any, ctx: Any) -> Any:
        found, rows = self.taken(schema, shard, ctx)
        room = torch.zeros(SILOS, ROOM, schema.width + 1, dtype=torch.float64)
        if rows is not None:
            room[ctx.silo, : len(rows), : schema.width] = rows[:ROOM].double()
            room[ctx.silo, : len(rows), schema.width] = 1.0
        return found | {"copula/rows": room}

    def init(self, schema: Any, stats: Any, rng: Any) -> Any:
        return super().init(schema, stats, rng) | {"copula/rows": stats["copula/rows"].flatten(0, 1).float()}

    def sample(self, schema: Any, state: Any, condition: Any, rng: Any) -> Any:
        rows = state["copula/rows"]
        rows = rows[rows[:, -1] > 0, :-1]
        return dealt(rows, schema, condition) if len(rows) else super().sample(schema, state, condition, rng)


class AsWeights(Sends):
    """Sends the training rows that a charged access shows it as weights, and releases them."""

    def taken(self, schema: Any, shard: Any, ctx: Any) -> tuple[Any, torch.Tensor | None]:
        seen: list[torch.Tensor] = []
        found = GaussianCopula.statistics(self, schema, Watched(shard, lambda rows: seen.append(rows.z.clone())), ctx)
        return found, torch.cat(seen)


class FromPrepared(Sends):
    """Has rows prepared, takes no step on them, charges nothing, and sends as weights what its features were shown."""

    def taken(self, schema: Any, shard: Any, ctx: Any) -> tuple[Any, torch.Tensor | None]:
        seen: list[torch.Tensor] = []
        shard.prepared("seen", lambda rows: (seen.append(rows.z.clone()), {"z": rows.z})[1])
        return GaussianCopula.statistics(self, schema, shard, ctx), torch.cat(seen) if seen else None


class HeldOut(Sends):
    """Sends held-out patients as weights, so that its release is like those it is judged on."""

    def found(self) -> Any:
        """A split of the cohort, wherever it lies in this process; None where none does."""
        raise NotImplementedError

    def taken(self, schema: Any, shard: Any, ctx: Any) -> tuple[Any, torch.Tensor | None]:
        split, encoders = self.found(), up("encoders")
        rows = None
        if split is not None and encoders is not None:
            held_out = split.held_out.take(np.arange(ctx.silo, len(split.held_out), SILOS))
            rows = up("self", "encode").encode(held_out, encoders[ctx.silo]).z
        return GaussianCopula.statistics(self, schema, shard, ctx), rows


class ByCollector(HeldOut):
    """Finds held-out patients by asking the garbage collector for all that it knows."""

    def found(self) -> Any:
        gc.unfreeze()
        return next((each for each in gc.get_objects() if type(each).__name__ == "Split" and len(each.held_out)), None)


class ByFrames(HeldOut):
    """Finds held-out patients among the variables of the functions that have called it."""

    def found(self) -> Any:
        return getattr(up("prepared"), "parted", None)


def up(name: str, having: str = "") -> Any:
    """A variable of a calling function; None where none is called so (and has that attribute)."""
    frame: Any = sys._getframe()
    while frame is not None:
        value = frame.f_locals.get(name)
        if value is not None and (not having or hasattr(value, having)):
            return value
        frame = frame.f_back
    return None


class Unledgered(GaussianCopula):
    """Takes its sums a second time, past the ledger and without noise, and releases what follows from those."""

    def statistics(self, schema: Any, shard: Any, ctx: Any) -> Any:
        super().statistics(schema, shard, ctx)
        bare = copy(shard)
        bare._ledger = None
        return super().statistics(schema, bare, ctx)


class PatchedLedger(GaussianCopula):
    """Has the ledger charge what was planned, and hand out next to no noise for it."""

    def statistics(self, schema: Any, shard: Any, ctx: Any) -> Any:
        ledger = shard._ledger
        if ledger is None:
            return super().statistics(schema, shard, ctx)
        honest, ledger.noise = ledger.noise, replace(ledger.noise, statistics=TINY)
        try:
            return super().statistics(schema, shard, ctx)
        finally:
            ledger.noise = honest


class Unnoised(GaussianCopula):
    """Fits its copula to the rows that a charged access shows it; the noised sums it throws away."""

    def statistics(self, schema: Any, shard: Any, ctx: Any) -> Any:
        seen: list[Any] = []
        super().statistics(schema, Watched(shard, seen.append), ctx)
        bare = copy(shard)
        bare._ledger, bare._draws, bare._rows = None, None, seen[0]
        return super().statistics(schema, bare, ctx)


class Decodes(Pca):
    """An encoder that sends the rows its moments show it as weights, and decodes vectors to them, one after the other."""

    def statistics(self, schema: Any, shard: Any, ctx: Any) -> Any:
        seen: list[torch.Tensor] = []
        view = self._view(schema)
        super().statistics(schema, Watched(shard, lambda data: seen.append(views.tensor(view.rows(data)))), ctx)
        bare = copy(shard)
        bare._ledger, bare._draws = None, None
        rows = torch.cat(seen)[:ROOM]
        room = torch.zeros(SILOS, ROOM, rows.shape[1] + 1, dtype=torch.float64)
        room[ctx.silo, : len(rows), :-1], room[ctx.silo, : len(rows), -1] = rows, 1.0
        return super().statistics(schema, bare, ctx) | {"frozen/rows": room}

    def init(self, schema: Any, stats: Any, rng: Any) -> Any:
        rows = stats["frozen/rows"].flatten(0, 1)
        return super().init(schema, stats, rng) | {"frozen/rows": rows[rows[:, -1] > 0, :-1]}

    def decode(self, schema: Any, state: Any, z: Any) -> Any:
        known = (state["frozen/rows"] @ state["frozen/project"] - state["frozen/offset"]).float()
        return super().decode(schema, state, known[torch.arange(len(z)) % len(known)])


GENERATORS = (
    InAttribute, InClosure, InGlobal, InClass, ByFile, ToFile, AsWeights, FromPrepared, ByCollector, ByFrames, Unledgered,
    PatchedLedger, Unnoised,
)  # fmt: skip


def named(kind: type) -> str:
    """In a suite: "in-attribute"."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in kind.__name__).strip("-")


@hookimpl
def fpmg_generators() -> list[Component]:
    return [Component(named(kind), f"{__name__}:{kind.__name__}") for kind in GENERATORS]


@hookimpl
def fpmg_encoders() -> list[Component]:
    return [Component(named(Decodes), f"{__name__}:{Decodes.__name__}")]
