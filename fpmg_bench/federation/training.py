"""Local training of one silo in one round, and the training of plans that send one model from silo to silo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fpmg_bench.devices import elsewhere
from fpmg_bench.errors import TrialError
from fpmg_bench.federation.layout import modules_of
from fpmg_bench.keys import seed_for

if TYPE_CHECKING:
    from fpmg_bench.faults import Round
    from fpmg_bench.federation.layout import Bundle, Layout
    from fpmg_bench.federation.stage import Federated, Learning
    from fpmg_bench.types import State


class Training:
    """Local training of one silo in the current round."""

    def __init__(self, stage: Learning, now: Federated, losses: dict[int, dict[str, float]], faults: Round) -> None:
        self.stage, self.now, self.losses, self.faults = stage, now, losses, faults
        self.begun: dict[int, State] = {}

    def __call__(self, silo: int, state: State | None = None) -> State:
        import torch

        stage, now = self.stage, self.now
        memory = dict(now.memories[silo])
        ctx = stage.context(silo, now.round, memory)
        torch.manual_seed(seed_for(stage.plan.seed, stage.plan.stage, "silo", silo, "round", now.round, "dropout"))
        update = stage.learner.train(now.states[silo] if state is None else state, stage.shard(silo, now.round), ctx)
        odd = _odd(update.state, now.states[silo])
        if odd:
            raise TrialError(
                f"{stage.plan.stage}, round {now.round}, silo {silo}: {type(stage.learner).__name__} returned {odd}",
                "a fault of the learner: `fpmg-bench check NAME` finds it without a trial",
            )
        now.memories[silo] = memory
        self.losses[silo] = dict(update.losses)
        return update.state

    def ahead(self, first: int, active: Sequence[int]) -> dict[int, State]:
        """A serial plan's first silo trains before anything is sent: what it returns is what travels. Of active silos, these modules."""
        own = {}
        if first in self.stage.shards:
            self.begun[first] = self(first)
            own = {first: sorted(modules_of(self.begun[first]))}
        found = self.stage.transport.gather(f"{self.stage.plan.stage}, modules of the first", own, [first])
        sent = set(found[first])
        here = [silo for silo in active if silo in self.stage.shards]
        return {s: {k: v for k, v in self.now.states[s].items() if k.rpartition("/")[0] in sent} for s in here}

    def on(self, layout: Layout) -> Callable[[int, Bundle], Bundle]:
        """Training for plans that name their trainers: the visiting model comes as a flat bundle."""

        def train(silo: int, bundle: Bundle) -> Bundle:
            visiting = dict(self.now.states[silo]) | layout.views(bundle)
            state = self.begun.pop(silo) if silo in self.begun else self(silo, visiting)
            odd = sorted(layout.modules().keys() ^ modules_of(state))
            if odd:
                where = f"{self.stage.plan.stage}, round {self.now.round}"
                raise TrialError(
                    f"{where}: one whole model goes from silo to silo, but silo {silo} and the first one differ in {', '.join(odd)}",
                    "leave out the modality that some silos lack, or use a topology that merges",
                )
            trained = layout.flatten(state)
            return self.faults.lie({silo: trained}, {silo: bundle}, ()).get(silo, trained)

        return train


def _odd(trained: State, start: State) -> str:
    """The first tensor that is not on the CPU, or that a starting state does not have or has in another shape or type; else ""."""
    if away := elsewhere(trained):
        return f"{away}; states travel on the CPU"
    for key, tensor in trained.items():
        if key not in start:
            return f"'{key}', which its starting state does not have"
        said, asked = ((tuple(t.shape), t.dtype) for t in (tensor, start[key]))
        if said != asked:
            return f"'{key}' as {said[1]} {said[0]}, it started as {asked[1]} {asked[0]}"
    return ""
