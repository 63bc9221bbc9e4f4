"""A real device against the CPU: 1e-5 after one step, 1e-3 after a round, for every encoder and generator that trains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from fpmg_plugins.encoders.frozen.frozen import Frozen
from fpmg_plugins.encoders.picture.timm_ae import TimmAe
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from torch import nn, optim

from fpmg_bench.devices import accepted, drawn
from fpmg_bench.errors import NotApplicable
from fpmg_bench.keys import rng_for
from fpmg_bench.registry import Registry
from fpmg_bench.testing import encoders, learners
from fpmg_bench.testing.fakes import SCHEMAS, conditions, context, space, vectors
from fpmg_bench.testing.shards import ledger_of, local_shard, private_shard
from fpmg_bench.types import Charges

pytestmark = pytest.mark.gpu
STEP, ROUND = 1e-5, 1e-3  # absolute, of weights that are of the order of 1
STEPS = 20
OTHER_FORMS = (Frozen(decoder="trained"), TimmAe(train_backbone=False), ParallelCgan(send="generator", proximal=0.1))


def _components() -> Iterator[Any]:
    registry = Registry.discover()
    shipped = [entry for entry in registry.entries() if entry.distribution == "fpmg-bench"]
    yield from (registry.load(e.kind, e.name)() for e in shipped if e.kind in ("encoder", "generator"))
    yield from OTHER_FORMS


def _every_case() -> Iterator[Any]:
    """(component, schema, rows) of every kind that the component takes."""
    for component in _components():
        if hasattr(component, "kinds"):
            for kind, data in encoders.inputs(component, 0).items():
                yield pytest.param(component, SCHEMAS[kind], data, id=f"{type(component).__name__}-{kind}")
        else:
            yield pytest.param(component, space(), vectors(48), id=type(component).__name__)


CASES = pytest.mark.parametrize(("component", "schema", "rows"), list(_every_case()))


def trained(component: Any, schema: Any, rows: Any, device: str, steps: int, private: bool = False) -> dict[str, torch.Tensor]:
    """The state after so many steps."""
    start = component.init(schema, component.statistics(schema, local_shard(rows, 1), context(schema, 1)), rng_for(1, "init"))
    if component.rounds == 0:
        return dict(start)
    shard = private_shard(rows, ledger_of(component.charges(schema, steps), len(rows)), 1) if private else local_shard(rows, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        update = component.train(start, shard, replace(context(schema, 1, 0, steps), device=device))
    return {**start, **update.state}


def assert_near(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor], tolerance: float) -> None:
    """Every tensor on the CPU and within the tolerance."""
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key].device.type == "cpu", key
        torch.testing.assert_close(
            found[key], value, rtol=0.0, atol=tolerance, equal_nan=True, msg=lambda why, k=key: f"{k}: {why}"
        )


@CASES
@pytest.mark.parametrize(("steps", "tolerance"), [(1, STEP), (STEPS, ROUND)], ids=["a step", "a round"])
def test_training_ends_near_the_cpu(component: Any, schema: Any, rows: Any, steps: int, tolerance: float, device: str) -> None:
    assert_near(trained(component, schema, rows, device, steps), trained(component, schema, rows, "cpu", steps), tolerance)


@CASES
def test_a_private_step_ends_near_the_cpu(component: Any, schema: Any, rows: Any, device: str) -> None:
    try:
        learners.needs_a_private_form(component, schema)
    except NotApplicable as reason:
        pytest.skip(reason.reason)
    assert_near(trained(component, schema, rows, device, 1, True), trained(component, schema, rows, "cpu", 1, True), STEP)


@CASES
def test_what_is_made_of_a_state_is_near_the_cpu(component: Any, schema: Any, rows: Any, device: str) -> None:
    state = trained(component, schema, rows, "cpu", 1)

    def made(where: str) -> dict[str, torch.Tensor]:
        if hasattr(component, "sample"):
            drawn = component.sample(schema, state, conditions(17), rng_for(1, "s"), **accepted(component.sample, where))
            return {"z": drawn.z}
        z = component.encode(schema, state, rows, **accepted(component.encode, where))
        assert len(component.decode(schema, state, z, **accepted(component.decode, where))) == len(rows)
        return {"z": z}

    assert_near(made(device), made("cpu"), 1e-4)


def test_noise_is_the_cpus_bit_for_bit(device: str) -> None:
    one, two = (drawn((100, 7), rng_for(1, "n"), torch.zeros(1, device=where)) for where in ("cpu", device))
    assert two.device.type == "cuda" and torch.equal(one, two.cpu())


def test_a_private_steps_noise_is_the_same(device: str) -> None:
    """Without rows that matter, a private step is its noise alone."""

    def stepped(where: str) -> torch.Tensor:
        net = nn.Linear(3, 2, bias=False).to(where)
        nn.init.zeros_(net.weight)
        shard = private_shard(torch.zeros(20, 3), ledger_of(Charges(private_steps=1), 20), 4).prepared("x", lambda x: {"x": x})
        shard.step(net, optim.SGD(net.parameters(), lr=1.0), lambda module, batch: module(batch["x"]).square().sum(1))
        return net.weight.detach().cpu()

    torch.testing.assert_close(stepped(device), stepped("cpu"), rtol=1e-6, atol=1e-7)
    assert bool(stepped(device).any())
