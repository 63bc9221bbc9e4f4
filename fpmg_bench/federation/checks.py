"""When to stop: what is trained is asked of patients held in at every silo, and only the sum over silos is told.

The sum travels as the statistics do, over the topology's own edges and under masks where they are; all silos then know the same mean and
decide alike. Released is the best model that was asked of, not the last: what patience waits for in vain is not better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import TrialError
from fpmg_bench.federation import statistics
from fpmg_bench.federation.edges import edges_of, reached
from fpmg_bench.federation.masking import SUMS
from fpmg_bench.federation.masks.way import way
from fpmg_bench.federation.stage import Standing
from fpmg_bench.spec import Stop

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.federation.bundles import Bundles
    from fpmg_bench.federation.masking import FixedPoint
    from fpmg_bench.federation.stage import Federated, SiloShard
    from fpmg_bench.spec import Adjust
    from fpmg_bench.types import State, Step

    Ask = Callable[[int, State], Callable[[Any], Tensor]]  # silo, its model -> rows -> [n, 1]


@dataclass(frozen=True, slots=True)
class HeldIn:
    """Patients of this process's silos whom a stage does not train on, and what is asked of them.

    begins: rounds after which an answer has a meaning; clip: the most that a patient adds to a private sum; width: numbers in it.
    chosen: of the sum of an `Adjust`, whose class is drawn more often (-1: nobody's), and what the record says; turned: the shards to
    train on from then on.
    """

    stop: Stop | Adjust
    shards: Mapping[int, SiloShard]
    ask: Ask
    begins: int = 0
    clip: float = 1.0
    width: int = 1
    chosen: Callable[[Sequence[float]], tuple[int, dict[str, Any]]] | None = None
    turned: Callable[[int], Mapping[int, SiloShard]] | None = None


def cost(steps: Sequence[Step], silos: Sequence[int], hides: bool, checks: int, width: int = 1) -> tuple[int, int, bool]:
    """(bytes, messages) of so many checks among these silos, of so many numbers each, and whether they need keys."""
    import torch

    point = hiding(steps, silos, hides)
    size, messages = statistics.cost(steps, silos, {"check/sum": torch.zeros(width, dtype=torch.float64)}, point)
    return size * checks, messages * checks, checks > 0 and point is not None


def hiding(steps: Sequence[Step], silos: Sequence[int], hides: bool) -> FixedPoint | None:
    """The fixed point of the sum under masks, always the wide one: how wide an answer is tells of patients. None: in the clear."""
    return SUMS if hides and way(steps, silos) is not None else None


class Checks:
    """The checks of one stage."""

    def __init__(self, held: HeldIn, bundles: Bundles, silos: Sequence[int], rounds: int) -> None:
        self.held, self.bundles, self.plan, self.transport = held, bundles, bundles.plan, bundles.transport
        self.silos, self.rounds = list(silos), rounds
        self._after: Mapping[int, SiloShard] | None = None
        self.where = f"{self.plan.stage}, statistics"
        self.steps = self.plan.schedule.meeting(self.silos)
        if any(len(group) < len(self.silos) for group in reached(edges_of(self.steps), self.silos).values()):
            raise TrialError(
                f"{self.plan.stage}: silos that do not hear of each other cannot agree when to stop", "write stop: null"
            )
        own = {silo: shard.patients for silo, shard in held.shards.items()}
        self.patients: int = sum(self.transport.gather(f"{self.plan.stage}, held in", own).values())
        if not self.patients:
            raise TrialError(
                f"{self.plan.stage}: no patient is held in to say when to stop", "raise stop.share, or write stop: null"
            )
        self.point = hiding(self.steps, self.silos, self.plan.schedule.hides_sums)

    def __call__(self, now: Federated, last: bool) -> dict[str, Any]:
        """After a round, in place: the record of a check where one is due, the verdict, and at the end the best models back."""
        told: dict[str, Any] = {}
        if self.held.stop.due(now.round, self.held.begins, self.rounds):
            total = self._total(now)
            told = {"check": self._chosen(now, total) if self.held.chosen else self._judged(now, total)}
        if (last or now.done) and now.best is not None:
            now.states = dict(now.best.states)
        return told

    def shards(self, now: Federated, usual: Mapping[int, SiloShard]) -> Mapping[int, SiloShard]:
        """What is trained on now: other shards after an adjustment."""
        if now.turned is None or self.held.turned is None:
            return usual
        if self._after is None:
            self._after = self.held.turned(now.turned)
        return self._after

    def _chosen(self, now: Federated, total: Tensor) -> dict[str, Any]:
        assert self.held.chosen is not None
        now.turned, told = self.held.chosen(total.tolist())
        return told

    def _judged(self, now: Federated, total: Tensor) -> dict[str, Any]:
        """What all silos' patients say of their silo's model, on average, beside the best that they said so far."""
        stop, best, value = self.held.stop, now.best, float(total) / self.patients
        assert isinstance(stop, Stop)
        if not math.isfinite(value):
            raise TrialError(
                f"{self.plan.stage}, round {now.round - 1}: the {stop.by} of patients held in is not finite", "lower lr"
            )
        if best is None or value < best.value - stop.better * abs(best.value):
            now.best = best = Standing(value, now.round, 0, dict(now.states))
        else:
            best.missed += 1
        now.done = now.done or best.missed >= stop.patience
        return {stop.by: value, "patients": self.patients, "best": best.value, "best_round": best.round, "missed": best.missed}

    def _total(self, now: Federated) -> Tensor:
        """The sum [width] of what all silos' patients say of their silo's model; its bytes are counted."""
        if self.transport.gone:
            raise TrialError(f"{self.where}: silos died, and with them patients held in who say when to stop", "write stop: null")
        local = {silo: {"check/sum": self._answer(silo, now)} for silo in self.held.shards}
        sums = statistics.exchange(
            self.steps, local, self.where, self.plan.seed, self.transport, self.silos, self.point, self.bundles.secrets,
            ("check", now.round),
        )  # fmt: skip
        one = next(iter(sums.values()))
        size, messages = statistics.cost(self.steps, self.silos, one, self.point)
        now.statistics_bytes, now.statistics_messages = now.statistics_bytes + size, now.statistics_messages + messages
        now.path += statistics.path(self.steps, self.silos, one, self.point)
        return one["check/sum"]

    def _answer(self, silo: int, now: Federated) -> Tensor:
        """[width]: the sum over the silo's patients held in, clipped and noised under privacy."""
        begun = self.held.shards[silo].begin(self.plan.seed, self.plan.stage, "silo", silo, "round", now.round, "held in")
        return begun.counts(self.held.ask(silo, now.states[silo]), self.held.clip).reshape(self.held.width)
