"""Faults for the audit to find: shards that break one promise each. Nothing here is reached without `audit: {sabotage: ...}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.privacy import LocalShard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.privacy import Ledger, Noise
    from fpmg_bench.privacy.ledger import Kind

RATE = 2.0  # how much more often the wrong rate draws than it is charged for
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


SHARDS: Mapping[str, type[LocalShard]] = MappingProxyType(
    {
        "none": LocalShard,
        "no-noise": NoNoise,
        "no-clipping": NoClipping,
        "wrong-rate": WrongRate,
        "fixed-batches": FixedBatches,
        "uncharged": Uncharged,
        "rebuilt-accountant": RebuiltAccountant,
    }
)
