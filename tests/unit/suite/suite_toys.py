"""Components small enough to read: what planning looks at, and nothing else."""

from __future__ import annotations

from typing import ClassVar, Literal

from fpmg_bench.types import SERVER, Step, Transfer

HEAD = """\
version: 1
name: small
seeds: [0, 1]
datasets: [{name: toy}]
metrics: [rg]
"""
METHODS = """\
methods:
  base:
    encoders: {table: tables, text: words}
    generator: gan
    topology: ring
    aggregator: mean
"""


class Cohorts:
    def __init__(self, patients: int = 100) -> None:
        self.patients = patients


class Tables:
    kinds = frozenset({"table"})

    def __init__(self, dim: int = 4, lr: float = 0.1) -> None:
        self.dim = dim


class Words:
    kinds = frozenset({"text", "series"})

    def __init__(self, dim: int = 4, by_word: bool = False) -> None:
        self.dim, self.by_word = dim, by_word

    def not_private(self, schema):
        return "words are clipped, not patients; write by_word: false" if self.by_word else ""


class Gan:
    private_losses = ("hinge",)

    def __init__(self, loss: Literal["hinge", "wgan"] = "wgan", lr: float = 0.1) -> None:
        self.loss = loss


class Relaying(Gan):
    """Discriminators are not merged, which takes logits."""

    travels: ClassVar = {"discriminator": "relay"}

    def undefined(self):
        return "no logit; write loss: hinge" if self.loss == "wgan" else ""


class Ring:
    """Gossip with `hops` neighbours a side, or a relay of all models."""

    def __init__(self, hops: int = 1, relay: bool = False) -> None:
        self.hops, self.relay = hops, relay

    def plan(self, silos, round, rng):
        n = len(silos)
        if self.relay:
            return [Step(tuple(Transfer(silos[i - 1], silos[i], origin=silos[i - hop]) for i in range(n))) for hop in range(1, n)]
        offsets = {d % n for k in range(1, self.hops + 1) for d in (k, -k)} - {0}
        return [Step(tuple(Transfer(silos[i - d], silos[i]) for i in range(n) for d in sorted(offsets)))] if n > 1 else []


class Star:
    def __init__(self, masked: bool = False) -> None:
        self.masked = masked

    def plan(self, silos, round, rng):
        up = Step(tuple(Transfer(silo, SERVER) for silo in silos), masked=self.masked)
        return [up, Step(tuple(Transfer(SERVER, silo) for silo in silos), on_arrival="replace")]


class Whisper:
    """Masks what only a silo could sum, or what nobody sums."""

    def __init__(self, to: Literal["next", "relay", "hold"] = "next") -> None:
        self.to = to

    def plan(self, silos, round, rng):
        if self.to == "next":
            return [Step(tuple(Transfer(a, b) for a in silos for b in silos if a != b), masked=True)]
        origin = silos[0] if self.to == "relay" else None
        how = "merge" if self.to == "relay" else "hold"
        return [Step(tuple(Transfer(silo, SERVER, origin) for silo in silos), on_arrival=how, masked=True)]


class Isolated:
    def plan(self, silos, round, rng):
        return []


class Mean:
    needs = "sum"

    def min_inputs(self) -> int:
        return 1


class Krum:
    needs = "individual"

    def __init__(self, f: int = 1) -> None:
        self.f = f

    def min_inputs(self) -> int:
        return 2 * self.f + 3


class Rg:
    def __init__(self, draws: int = 5) -> None:
        self.draws = draws


class Dg: ...
