"""The law of devices: a learner computes where it is told, and what comes in and goes out of it is on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from fpmg_bench.devices import CPU, elsewhere
from fpmg_bench.errors import NotApplicable
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import learners
from fpmg_bench.testing.fakes import context
from fpmg_bench.testing.shards import ledger_of, local_shard, private_shard
from fpmg_bench.testing.tagged import pretended

if TYPE_CHECKING:
    from fpmg_bench.types import State

    Uses = Callable[[Any, State, str], Mapping[str, torch.Tensor]]  # component, state, device -> what it makes of the state

AGREE = 1e-5
UNTAGGED = ("data pointer", "invalid python storage")  # the words where compiled code asks for the numbers themselves


def check_computes_where_it_is_told(component: Any, schema: Any, rows: Any, uses: Uses) -> None:
    """A round, a private one, and `uses` of the state on a device give the numbers of the CPU to 1e-5, and give them on the CPU.

    The device is pretended: a tensor made on the CPU within a step, an index or a draw of the wrong device is found without one.
    """
    here = _all_of(component, schema, rows, uses, CPU)
    with pretended() as there, _in_words(component):
        found = _all_of(component, schema, rows, uses, there.device)
    if not there.operations:
        raise NotApplicable("it computes on the CPU: `train` does not ask for ctx.device, nor the others for `device`")
    for key, value in here.items():
        away = elsewhere({key: found[key]})
        assert not away, f"{type(component).__name__} gives {away}; what leaves it is on the CPU"
        assert torch.allclose(found[key], value, rtol=AGREE, atol=AGREE, equal_nan=True), f"'{key}' has other numbers on a device"


def _all_of(component: Any, schema: Any, rows: Any, uses: Uses, device: str) -> dict[str, torch.Tensor]:
    ctx = context(schema, 12)
    start: State = dict(component.init(schema, component.statistics(schema, local_shard(rows, 12), ctx), rng_for(12, "init")))
    found: dict[str, torch.Tensor] = {}
    for form in _forms(component, schema):
        found |= {f"{form}, {key}": value for key, value in _trained(component, schema, rows, start, device, form).items()}
    trained = {key.removeprefix("plain, "): value for key, value in found.items() if key.startswith("plain, ")}
    state: State = start | {key: value for key, value in trained.items() if key in start}
    away = elsewhere(state)
    assert not away, f"{type(component).__name__} returns {away}; states travel on the CPU"
    return found | dict(uses(component, state, device))


def _forms(component: Any, schema: Any) -> Iterator[str]:
    if component.rounds == 0:
        return
    yield "plain"
    try:
        learners.needs_a_private_form(component, schema)
    except NotApplicable:
        return
    yield "private"


def _trained(component: Any, schema: Any, rows: Any, start: State, device: str, form: str) -> dict[str, torch.Tensor]:
    """What a round leaves: the state that it returns, and the silo's memory."""
    shard = local_shard(rows, 12)
    if form == "private":
        shard = private_shard(rows, ledger_of(component.charges(schema, learners.STEPS), len(rows)), 12)
    memory: State = {}
    asked = replace(context(schema, 12, 0, learners.STEPS, memory), device=device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12)
        update = component.train(start, shard, asked)
    return dict(update.state) | {f"memory, {key}": value for key, value in memory.items()}


@contextmanager
def _in_words(component: Any) -> Iterator[None]:
    """What a device would have refused, as the law's failure; code that no tag can follow, as a reason to pass it by."""
    try:
        yield
    except (RuntimeError, TypeError) as error:
        if any(word in str(error) for word in UNTAGGED):
            raise NotApplicable(f"its compiled code reads the numbers themselves, which no tag can follow: {error}") from error
        raise AssertionError(f"{type(component).__name__} on a device: {error}") from error
