"""Laws that encoders and generators share: both are learnt from patients and merged over the topology."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fpmg_bench.errors import NotApplicable, PrivacyError
from fpmg_bench.keys import rng_for, seed_for
from fpmg_bench.testing.bits import bits
from fpmg_bench.testing.fakes import context
from fpmg_bench.testing.shards import STAGE, GradientCheck, Watch, ledger_of, local_shard, private_shard
from fpmg_bench.types import Charges, SiloContext, Update

if TYPE_CHECKING:
    from fpmg_bench.types import State

STEPS = 2
ROUNDS, SILOS = 3, 2
GRADIENTS_AGREE = 1e-5


def learn(component: Any, schema: Any, rows: Any, seed: int, rounds: int = 2, watch: bool = False) -> dict[str, Any]:
    """One silo alone: statistics, init and rounds of training, as the federation calls them.

    Returns {"stats", "init", "updates", "state", "memory", "watch"}; torch's global generator is as it was.
    """
    ctx = context(schema, seed)
    stats = component.statistics(schema, local_shard(rows, seed), ctx)
    start = component.init(schema, stats, rng_for(seed, "init"))
    found: dict[str, Any] = {
        "schema": schema,
        "stats": stats,
        "init": start,
        "updates": [],
        "state": dict(start),
        "memory": {},
        "mixed": [],
        "steps": [],
    }
    for round in range(rounds if component.rounds is None else min(rounds, component.rounds)):
        update = _one_round(component, found, rows, seed, round, watch)
        found["updates"].append(update)
        found["state"] = {**found["state"], **update.state}
    return found


def check_charges_are_declared(component: Any, schema: Any) -> None:
    """`charges` answers before any row is seen, and grows with the steps only in private steps."""
    few, many = component.charges(schema, 10), component.charges(schema, 20)
    assert min(few.private_steps, few.moments, few.counts) >= 0, f"a negative charge: {few}"
    assert many.private_steps >= few.private_steps, f"more steps are charged less: {few}, {many}"
    assert (many.moments, many.counts) == (few.moments, few.counts), "statistics are taken once, whatever the steps"


def check_keys_and_shapes_are_stable(component: Any, schema: Any, rows: Any) -> None:
    """What leaves the silo has keys and shapes of the starting state, "<module>/<name>", and finite values."""
    found = learn(component, schema, rows, seed=4)
    start: State = found["init"]
    assert all("/" in key for key in start), f"state keys are '<module>/<name>', not {sorted(start)[:3]}"
    for update in found["updates"]:
        assert isinstance(update, Update) and update.weight > 0, "train returns an Update with a positive weight"
        for key, value in update.state.items():
            assert key in start, f"train adds {key!r}, which init does not have"
            assert value.shape == start[key].shape, f"{key!r} changes shape {tuple(start[key].shape)} to {tuple(value.shape)}"
            assert not value.is_floating_point() or bool(torch.isfinite(value).all()), f"{key!r} is not finite"
    for word, way in getattr(component, "travels", {}).items():
        assert way in ("mean", "relay"), f"travels: {word!r} goes by {way!r}, which is neither 'mean' nor 'relay'"
        assert any(key.startswith((f"{word}.", f"{word}/")) for key in start), f"travels: no module is called {word!r}"


def check_train_leaves_the_given_state(component: Any, schema: Any, rows: Any) -> None:
    """`train` returns new tensors: models in flight are shared."""
    _needs_rounds(component)
    found = learn(component, schema, rows, seed=5, rounds=0)
    before = bits(found["init"])
    _one_round(component, found, rows, 5, 0, watch=False)
    assert bits(found["init"]) == before, "train changed the state it was given"


def check_losses_do_not_mix_rows(component: Any, schema: Any, rows: Any) -> None:
    """Changing one patient moves no other patient's private loss and no buffer, bit for bit, with and without dropout."""
    _needs_steps(component, schema)
    found = learn(component, schema, rows, seed=6, watch=True)
    assert found["steps"], "train took no step through its shard"
    assert max(found["steps"]) > 1, "every batch held a single row; the check saw nothing"
    assert not found["mixed"], found["mixed"][0]


def check_objective_is_row_by_row(component: Any, schema: Any, rows: Any) -> None:
    """Where a learner says what its steps minimise: one finite loss a row, the same whatever the other rows are."""
    say = getattr(component, "objective", None)
    if say is None:
        raise NotApplicable("the learner has no `objective`: attacks by loss and gradient pass it by")
    _needs_rounds(component)
    found = learn(component, schema, rows, seed=7)
    objectives = say(schema, found["state"])
    assert objectives, "objective gives nothing for a state that was trained"
    for module, what in objectives.items():
        assert any(key.startswith(f"{module}/") for key in found["state"]), f"{module!r} is no module of the state"
        batch = what.features(rows)
        with torch.no_grad():
            whole, few = what.loss(what.module, batch), what.loss(what.module, {k: v[:3] for k, v in batch.items()})
        assert whole.shape == (len(rows),), f"{module!r}: {tuple(whole.shape)} losses for {len(rows)} rows"
        assert bool(torch.isfinite(whole).all()), f"{module!r}: a loss is not finite"
        torch.testing.assert_close(whole[:3], few, atol=1e-4, rtol=1e-4)


def check_private_gradients(component: Any, schema: Any, rows: Any) -> None:
    """Under DP-SGD: the clipped sum is that of plain per-example gradients to 1e-5 (relative), layer by layer."""
    _needs_steps(component, schema)
    needs_a_private_form(component, schema)
    seen = GradientCheck(np.zeros(len(rows), bool))
    ctx = context(schema, 8, 0, 1)
    shard = private_shard(rows, ledger_of(component.charges(schema, 1), len(rows)), 8, seen)
    with _accounted():
        start = component.init(schema, component.statistics(schema, shard, ctx), rng_for(8, "init"))
        component.train(start, shard, ctx)
    assert seen.compared, "train took no private step"
    assert max(seen.compared.values()) < GRADIENTS_AGREE, f"relative differences from plain autograd: {seen.compared}"


def check_spends_what_it_declares(component: Any, schema: Any, rows: Any) -> None:
    """Silos that are trained in turns by one object for several rounds: each ledger shows exactly what `charges` declared.

    Less would be noise for nothing; more is refused by the ledger in the middle of a trial.
    """
    needs_a_private_form(component, schema)
    rounds = ROUNDS if component.rounds is None else component.rounds
    said = component.charges(schema, rounds * STEPS)
    ledgers = [ledger_of(said, len(rows)) for _ in range(SILOS)]
    shards = [private_shard(rows, ledger, silo) for silo, ledger in enumerate(ledgers)]
    kept: list[State] = [{} for _ in shards]
    with _accounted():
        sums = [component.statistics(schema, shard, _turn(schema, silo, -1, kept)) for silo, shard in enumerate(shards)]
        states = [component.init(schema, sums[0], rng_for(3, "init"))] * SILOS
        for round, silo in product(range(rounds), range(SILOS)):
            update = component.train(states[silo], shards[silo], _turn(schema, silo, round, kept))
            states[silo] = {**states[silo], **update.state}
    for silo, ledger in enumerate(ledgers):
        spent = Charges(*(ledger.spent.get((STAGE, kind), 0) for kind in ("step", "moments", "counts")))
        assert spent == said, f"silo {silo} of {SILOS}, {rounds} rounds of {STEPS} steps: spent {spent}, declared {said}"


def _turn(schema: Any, silo: int, round: int, kept: list[State]) -> SiloContext:
    """A silo's context, with what it kept for itself."""
    return replace(context(schema, 100 * silo + 3, round, STEPS, kept[silo]), silo=silo)


def needs_a_private_form(component: Any, schema: Any) -> None:
    """A learner says where it has none, by `private_losses` or `not_private`, so that `plan` refuses it there."""
    private = getattr(component, "private_losses", None)
    if private is not None and component.loss not in private:
        raise NotApplicable(f"loss '{component.loss}' has no private form, and says so")
    say = getattr(component, "not_private", None)
    if say and say(schema):
        raise NotApplicable(f"not trained privately: {say(schema)}")


@contextmanager
def _accounted() -> Iterator[None]:
    """What the ledger or DP-SGD refuses here, it refuses in the middle of a trial."""
    try:
        yield
    except PrivacyError as error:
        raise AssertionError(f"it cannot be trained privately as it declares: {error}") from error


def _needs_rounds(component: Any) -> None:
    if component.rounds == 0:
        raise NotApplicable("the learner takes statistics only (rounds = 0)")


def _needs_steps(component: Any, schema: Any) -> None:
    _needs_rounds(component)
    if component.charges(schema, STEPS).private_steps == 0:
        raise NotApplicable("the learner takes no steps: its rounds exchange sums (charges: private_steps = 0)")


def _one_round(component: Any, found: dict[str, Any], rows: Any, seed: int, round: int, watch: bool) -> Update:
    """The federation seeds torch's global generator before each `train`, since dropout takes no generator."""
    ctx = context(found["schema"], seed, round, STEPS, found["memory"])
    seen = Watch(streams=(ctx.rng,)) if watch else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "silo", 0, "round", round, "global"))
        update: Update = component.train(found["state"], local_shard(rows, seed, seen), ctx)
    if seen is not None:
        found["mixed"] += seen.mixed
        found["steps"] += seen.steps
    return update


def assert_no_row_in(state: State, rows: torch.Tensor, nearest: float = 1e-6) -> None:
    """No tensor of the state holds a training row [d], or one as near to it as that, as one of its own rows."""
    for key, value in state.items():
        if value.is_floating_point() and value.dim() == 2 and value.shape[1] == rows.shape[1] and len(value):
            close = float(torch.cdist(value.double(), rows.double()).min())
            assert close > nearest, f"{key!r} stores a training row (distance {close:.3g})"


def near(rows: torch.Tensor) -> float:
    """Below this distance a vector is a copy of one of these rows: a tenth of what usually lies between a row and its nearest other."""
    apart = torch.cdist(rows.double(), rows.double()).fill_diagonal_(float("inf"))
    return 0.1 * float(apart.min(1).values.median())
