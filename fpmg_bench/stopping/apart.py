"""Training patients whom a stage does not train on, where its budget stops by what they say of it; and what they are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench import federation
from fpmg_bench.errors import TrialError
from fpmg_bench.keys import rng_for
from fpmg_bench.spec import Adjust
from fpmg_bench.stopping.energy import energy_scores
from fpmg_bench.stopping.held_in import held_in
from fpmg_bench.stopping.planned import adjusted_of, begins, check_of, stop_of, width
from fpmg_bench.stopping.recall import CLIP, oftener, recalled, weakest

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.contracts import Learner
    from fpmg_bench.privacy import LocalShard
    from fpmg_bench.privacy.shard import Observer
    from fpmg_bench.spec import Stop
    from fpmg_bench.trial.silos import Silo
    from fpmg_bench.trial.surroundings import Surroundings
    from fpmg_bench.types import State

DRAWN = 512  # records that a score is taken of


@dataclass(slots=True)
class Apart:
    """One stage's patients, parted: those that it trains on, and those held in; all train where nothing stops it by patients.

    release: the conditions [n, c] that a release is asked for; asked: silo -> those of what its generator is to draw for a score.
    ours: silo -> whom it trains on, where an adjustment may draw them at other rates.
    """

    stages: Surroundings
    stage: str
    rounds: int
    release: Callable[[], NDArray[np.float64]]
    shards: dict[int, LocalShard] = field(default_factory=dict)
    asked: dict[int, Tensor] = field(default_factory=dict)
    ours: dict[int, tuple[Silo, Any, NDArray[np.int64], NDArray[np.bool_]]] = field(default_factory=dict)

    def shard(self, silo: Silo, rows: Any, patient: NDArray[np.int64], observer: Observer | None) -> LocalShard:
        """The silo's shard of those it trains on; the others are kept. rows: all that it has for this stage."""
        stop = stop_of(self.stages.spec.budget, self.stage, self.rounds)
        if stop is None:
            return self.stages.shard(silo, rows, patient, self.stage, observer)
        out = held_in(patient, stop.share, self.stages.spec.seed)
        if out.all():
            raise TrialError(
                f"{self.stage}: silo {silo.name} holds all of its patients in, and nobody is left to train on", "lower stop.share"
            )
        theirs = rows.take(np.flatnonzero(out))
        check = check_of(self.stage)
        self.shards[silo.index] = self.stages.shard(silo, theirs, patient[out], check, share=stop.share)
        ours = rows.take(np.flatnonzero(~out))
        if isinstance(stop, Adjust):
            self.ours[silo.index] = silo, ours, patient[~out], ~out
        if isinstance(stop, Adjust) or stop.by == "score":
            self.asked[silo.index] = self._conditions(theirs, stop)
        return self.stages.shard(silo, ours, patient[~out], self.stage, observer, ~out, 1 - stop.share)

    def turned(self, stop: Adjust, class_: int) -> dict[int, LocalShard]:
        """The silos' shards after an adjustment: of this class more, or, where it is -1, as before."""
        found = {}
        for index, (silo, rows, patient, of) in self.ours.items():
            rates = self.stages.rates(silo, self.stage, of)
            rates = oftener(rates, rows.condition[:, 0].long().numpy(), class_, stop.times)
            found[index] = self.stages.shard(silo, rows, patient, adjusted_of(self.stage), None, of, 1 - stop.share, rates)
        return found

    def _conditions(self, held: Any, stop: Stop | Adjust) -> Tensor:
        """What patients held in have, over and over; what a release is asked for under privacy, where that would tell more of them, and
        where every class is asked about."""
        import torch

        if isinstance(stop, Adjust):
            return torch.tensor(self.release()).float()
        if self.stages.spec.privacy is None:
            n = len(held)
            theirs: Tensor = held.condition[torch.arange(max(n, DRAWN)) % n] if n else held.condition
            return theirs
        given = self.release()
        at = np.linspace(0, len(given) - 1, min(len(given), DRAWN)).round().astype(int)
        return torch.tensor(given[at]).float()

    def held_in(self, learner: Learner, schema: Any) -> federation.HeldIn | None:
        """The patients held in and what they are asked; None where nobody is."""
        stop = stop_of(self.stages.spec.budget, self.stage, self.rounds)
        if stop is None:
            return None
        if isinstance(stop, Adjust):
            names = self.stages.train.classes
            ask = partial(self._recalled, len(names), learner, schema)
            chosen, turned = partial(weakest, names=names, margin=stop.margin), partial(self.turned, stop)
            return federation.HeldIn(stop, self.shards, ask, 0, CLIP, width(stop, schema), chosen, turned)
        ask = partial(self._score if stop.by == "score" else self._loss, learner, schema)
        return federation.HeldIn(stop, self.shards, ask, begins(learner, schema), stop.clip or 1.0)

    def _loss(self, learner: Learner, schema: Any, silo: int, state: State) -> Callable[[Any], Tensor]:
        """The learner's objectives at these weights, added up, row by row."""
        say: Any = getattr(learner, "objective", None)
        objectives = say(schema, state) if say else {}
        if not objectives:
            raise TrialError(
                f"{self.stage}: {type(learner).__name__} says no loss that patients held in could be asked for",
                "write stop: {score: ...}, or stop: null",
            )

        def losses(rows: Any) -> Tensor:
            import torch

            with torch.no_grad():
                each = [what.loss(what.module, what.features(rows)) for what in objectives.values()] if len(rows) else []
            return torch.stack(each).sum(0).double()[:, None] if each else torch.zeros(0, 1, dtype=torch.float64)

        return losses

    def _score(self, learner: Any, schema: Any, silo: int, state: State) -> Callable[[Any], Tensor]:
        """Energy scores of what the generator draws now, from the same noise at every check."""
        if not len(self.asked[silo]):  # nobody is held in here
            return lambda rows: rows.z.new_zeros(0, 1)
        rng = rng_for(self.stages.spec.seed, self.stage, "check")
        drawn = learner.sample(schema, state, self.asked[silo], rng)
        return partial(energy_scores, drawn)

    def _recalled(self, classes: int, learner: Any, schema: Any, silo: int, state: State) -> Callable[[Any], Tensor]:
        """Who is recognised in what the generator draws now, class by class."""
        drawn = learner.sample(schema, state, self.asked[silo], rng_for(self.stages.spec.seed, self.stage, "check"))
        return partial(recalled, drawn, classes)
