"""Faults for the audit to find: shards that break one promise each. Nothing here is reached without `audit: {sabotage: ...}`."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.cipher import Stream
from fpmg_bench.keys import KEY_BYTES, key_for, seed_for
from fpmg_bench.privacy import LocalShard

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from fpmg_bench.contracts import PerExample
    from fpmg_bench.privacy import Ledger, Noise
    from fpmg_bench.privacy.dpsgd import Step
    from fpmg_bench.privacy.ledger import Kind

RATE = 2.0  # how much more often the wrong rate draws than it is charged for
SHORT = 2**32
UNBOUNDED = 1e9  # a clip that clips nothing


class Honest:
    """A silo's ledger as its shard sees it: what to charge, and which noise to add."""

    def __init__(self, book: Ledger) -> None:
        self.book = book

    @property
    def noise(self) -> Noise:
        return self.book.noise

    def charge(self, stage: str, kind: Kind) -> float:
        """The noise multiplier of an access."""
        return self.book.charge(stage, kind)


class Noiseless(Honest):
    """Every step is charged, and none gets noise."""

    def charge(self, stage: str, kind: Kind) -> float:
        charged = super().charge(stage, kind)
        return 0.0 if kind == "step" else charged


class NoiselessSums(Honest):
    """Moments and counts are charged, and get no noise."""

    def charge(self, stage: str, kind: Kind) -> float:
        charged = super().charge(stage, kind)
        return charged if kind == "step" else 0.0


class Unclipped(Honest):
    """Gradients keep their length, and the noise is what is claimed: sigma times the clip."""

    @property
    def noise(self) -> Noise:
        return replace(self.book.noise, clip=UNBOUNDED)

    def charge(self, stage: str, kind: Kind) -> float:
        charged = super().charge(stage, kind)
        return charged * self.book.noise.clip / UNBOUNDED if kind == "step" else charged


class Sparing(Honest):
    """Every second step is taken with the claimed noise and charged to nobody."""

    def __init__(self, book: Ledger) -> None:
        super().__init__(book)
        self.steps = 0

    def charge(self, stage: str, kind: Kind) -> float:
        self.steps += kind == "step"
        return self.book.noise.steps if kind == "step" and self.steps % 2 == 0 else super().charge(stage, kind)


class Sabotaged(LocalShard):
    """A shard with another view of its ledger."""

    view: type[Honest] = Honest

    def __init__(self, rows: Any, patient: NDArray[np.int64], rate: Any, stage: str, ledger: Any = None, *rest: Any) -> None:
        seen: Any = None if ledger is None else self.view(ledger)
        super().__init__(rows, patient, rate, stage, seen, *rest)


class NoNoise(Sabotaged):
    """Clipped sums as they are."""

    view = Noiseless


class NoNoiseOnSums(Sabotaged):
    """Moments and counts as they are; steps are honest."""

    view = NoiselessSums


class NoClipping(Sabotaged):
    """One patient can move the sum by any amount."""

    view = Unclipped


class WrongRate(Sabotaged):
    """Patients are drawn more often than the ledger was calibrated for."""

    def __init__(self, rows: Any, patient: NDArray[np.int64], rate: Any, *rest: Any) -> None:
        super().__init__(rows, patient, np.minimum(1.0, RATE * np.asarray(rate)), *rest)


class FixedBatches(Sabotaged):
    """Batches of one size by shuffling, under the accounting of Poisson samples."""

    def _draw(self) -> NDArray[np.intp]:
        draw = self._secret["draw"]
        size = max(1, round(float(self._rates.sum())))
        chosen = np.sort(np.argsort(draw.words(len(self._records)), kind="stable")[:size])
        rows: NDArray[np.intp] = self._order[self._first[chosen] + draw.picks(self._records[chosen])]
        return rows


class Uncharged(Sabotaged):
    """Half of the steps is missing in the ledger."""

    view = Sparing


class RebuiltAccountant(Sabotaged):
    """The ledger starts anew in every round, as an engine does that is built where a round begins."""

    def begin(self, root: int, *path: str | int) -> LocalShard:
        if self._ledger is not None:
            self._ledger.book.spent.clear()  # type: ignore[attr-defined]
        return super().begin(root, *path)


class ShortSeeds(LocalShard):
    """Noise from 32 bits of a seed, as torch's generator keeps of it: whoever has two numbers of it finds the others by search."""

    def begin(self, root: int, *path: str | int) -> LocalShard:
        super().begin(root, *path)
        self._secret = {name: Stream.of(seed_for(root, *path) % SHORT, name) for name in self._secret}
        return self


class Replayed(LocalShard):
    """Every round of a stage has the noise of the first: the difference of two rounds' sums has none."""

    def begin(self, root: int, *path: str | int) -> LocalShard:
        super().begin(root, *path)
        first = [0 if name == "round" else each for name, each in zip(("", *path), path, strict=False)]
        self._secret["noise"] = Stream.of(key_for(root, *first), "noise")
        return self


class Anew(LocalShard):
    """Noise of the system's generator wherever a shard opens, as a resumed run draws it that has lost its key."""

    def begin(self, root: int, *path: str | int) -> LocalShard:
        super().begin(root, *path)
        self._secret["noise"] = Stream(secrets.token_bytes(KEY_BYTES))
        return self


class Continuous(Sabotaged):
    """Noise of steps is no whole number of a grid's steps, but torch's normal numbers, whose last bits tell the sum (Mironov 2012)."""

    def _gradients(self, module: nn.Module, private_loss: PerExample, batches: Iterable[Any], spec: Step) -> int:
        import torch

        odd = super()._gradients(module, private_loss, batches, replace(spec, sigma=0.0))
        for p in (p for p in module.parameters() if p.grad is not None):
            assert p.grad is not None
            p.grad += torch.randn_like(p.grad) * (spec.sigma * spec.clip / spec.expected)
        return odd


SHARDS: Mapping[str, type[LocalShard]] = MappingProxyType(
    {
        "none": LocalShard,
        "no-noise": NoNoise,
        "no-clipping": NoClipping,
        "wrong-rate": WrongRate,
        "fixed-batches": FixedBatches,
        "uncharged": Uncharged,
        "rebuilt-accountant": RebuiltAccountant,
        "no-noise-on-sums": NoNoiseOnSums,
        "short-seeds": ShortSeeds,
        "replayed-noise": Replayed,
        "noise-anew": Anew,
        "continuous-noise": Continuous,
    }
)
