"""The pretended device refuses what a real one refuses, and the kit's law finds learners that would be refused there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from fpmg_plugins.encoders.frozen.frozen import Frozen
from fpmg_plugins.encoders.picture.cnn_ae import CnnAe
from fpmg_plugins.encoders.picture.timm_ae import TimmAe
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from torch import nn, optim

from fpmg_bench.devices import drawn
from fpmg_bench.errors import NotApplicable
from fpmg_bench.federation.training import _odd
from fpmg_bench.privacy import LocalShard
from fpmg_bench.testing import checks_for
from fpmg_bench.testing.encoders import check_computes_where_it_is_told as law
from fpmg_bench.testing.encoders import inputs
from fpmg_bench.testing.fakes import SCHEMAS
from fpmg_bench.testing.shards import ledger_of, private_shard
from fpmg_bench.testing.tagged import DEVICE, Tagged, pretended
from fpmg_bench.types import Charges, Table, Update


def _there(*shape: int) -> torch.Tensor:
    return torch.ones(*shape).to(DEVICE)


REFUSED: dict[str, Callable[[], Any]] = {
    "a sum of both devices": lambda: _there(3) + torch.ones(3),
    "a product of both devices": lambda: torch.ones(2, 3) @ _there(3, 2),
    "a list of both devices": lambda: torch.cat([_there(2), torch.ones(2)]),
    "rows of the CPU by an index of the device": lambda: torch.ones(4)[torch.zeros(2, dtype=torch.long, device=DEVICE)],
    "rows of the device by an index of the CPU": lambda: _there(4)[torch.zeros(2, dtype=torch.long)],
    "rows of the device by a mask of the CPU": lambda: _there(4)[torch.ones(4, dtype=torch.bool)],
    "a draw there by a generator of the CPU": lambda: torch.randn(3, device=DEVICE, generator=torch.Generator()),
    "a draw like the device's by a generator of the CPU": lambda: torch.empty(3, device=DEVICE).normal_(
        generator=torch.Generator()
    ),
    "numpy of the device": lambda: _there(3).numpy(),
    "a module of the CPU on rows of the device": lambda: nn.Linear(3, 1)(_there(2, 3)),
    "a place in the CPU for rows of the device": lambda: torch.zeros(3).index_copy_(0, torch.arange(2), _there(2)),
}
ALLOWED: dict[str, Callable[[], torch.Tensor]] = {
    "a single number of the CPU": lambda: _there(3) * torch.tensor(2.0),
    "made there": lambda: torch.arange(3, device=DEVICE) + _there(3).long(),
    "filled there": lambda: torch.tensor([1.0, 2.0, 3.0], device=DEVICE) + _there(3),
    "like another": lambda: torch.zeros_like(_there(3)) + _there(3).new_tensor([1.0, 2.0, 3.0]),
    "rows by a list": lambda: _there(2, 4)[:, [0, 2, 3]][0],
    "copied into": lambda: torch.empty(3, device=DEVICE).copy_(torch.ones(3)),
    "drawn and moved": lambda: drawn((3,), torch.Generator(), _there(1)),
}


@pytest.mark.parametrize("act", REFUSED.values(), ids=REFUSED)
def test_what_a_device_refuses_is_refused(act: Callable[[], Any]) -> None:
    with pretended(), pytest.raises((RuntimeError, TypeError)):
        act()


@pytest.mark.parametrize("act", ALLOWED.values(), ids=ALLOWED)
def test_what_a_device_does_is_done_there(act: Callable[[], torch.Tensor]) -> None:
    with pretended() as there:
        found = act()
        assert isinstance(found, Tagged) and str(found.device) == DEVICE and found.is_cuda
        assert type(found.cpu()) is torch.Tensor and found.shape == (3,)
    assert there.operations


@pytest.mark.parametrize("fused", [False, True])
def test_a_module_trained_there_has_the_weights_of_the_cpu(fused: bool) -> None:
    def trained(device: str) -> torch.Tensor:
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 1)).to(device)
        optimizer = optim.Adam(net.parameters(), fused=fused)
        x = torch.linspace(-1, 1, 12).reshape(4, 3).to(device)
        for _ in range(3):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()
        return torch.cat([p.detach().flatten() for p in net.parameters()]).cpu()

    with torch.random.fork_rng(devices=[]):
        here = trained("cpu")
        with pretended() as there:
            found = trained(there.device)
    assert torch.equal(found, here)


class Rows:
    """Records of three numbers, as a shard takes some of them."""

    def __init__(self, x: torch.Tensor) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def take(self, at: Any) -> Rows:
        return Rows(self.x[torch.as_tensor(at)])


@pytest.mark.parametrize("private", [False, True])
def test_a_shard_gives_batches_where_the_module_is_and_noise_of_the_cpu(private: bool) -> None:
    rows = Rows(torch.linspace(-1, 1, 60).reshape(20, 3))
    seen: list[str] = []

    def losses(module: nn.Module, batch: Any) -> torch.Tensor:
        seen.append(str(batch["x"].device))
        return module(batch["x"]).square().sum(1)

    def stepped(device: str) -> torch.Tensor:
        torch.manual_seed(2)
        net = nn.Linear(3, 2).to(device)
        ledger = ledger_of(Charges(private_steps=2), 20)
        shard = private_shard(rows, ledger, 4) if private else LocalShard(rows, np.arange(20), 0.5, "s").begin(4)
        view = shard.prepared("x", lambda rows: {"x": rows.x})
        optimizer = optim.SGD(net.parameters(), lr=0.1)
        for _ in range(2):
            view.step(net, optimizer, losses)
        return torch.cat([p.detach().flatten() for p in net.parameters()]).cpu()

    with torch.random.fork_rng(devices=[]):
        here = stepped("cpu")
        assert set(seen) == {"cpu"}
        seen.clear()
        with pretended() as there:
            found = stepped(there.device)
    assert set(seen) == {DEVICE}
    assert torch.equal(found, here)


class Sound:
    """One linear map of two numeric columns that computes where it is told."""

    kinds: ClassVar[frozenset[str]] = frozenset({"table"})
    rounds: ClassVar[int | None] = None

    def __init__(self, dim: int = 2) -> None:
        self.dim = dim

    def charges(self, schema: Any, steps: int) -> Charges:
        return Charges(private_steps=steps)

    def statistics(self, schema: Any, shard: Any, ctx: Any) -> dict[str, Any]:
        return {}

    def init(self, schema: Any, stats: Any, rng: Any) -> dict[str, Any]:
        return {"map/weight": drawn((self.dim, 2), rng, torch.zeros(()))}

    def loss(self, module: Any, batch: Any) -> torch.Tensor:
        off: torch.Tensor = module(batch["x"]) - batch["x"][:, : self.dim]
        return off.square().sum(1)

    def train(self, state: Any, shard: Any, ctx: Any) -> Update:
        module = self.module(state, ctx.device)
        optimizer = optim.SGD(module.parameters(), lr=1e-3)
        view = shard.prepared("x", lambda rows: {"x": _numbers(rows)})
        for _ in range(ctx.steps):
            view.step(module, optimizer, self.loss)
        return Update({"map/weight": self.out(module.weight.detach())}, float(shard.patients))

    def module(self, state: Any, device: str) -> nn.Linear:
        module = nn.Linear(2, self.dim, bias=False)
        module.load_state_dict({"weight": state["map/weight"]})
        return module.to(device)

    def out(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.to("cpu", copy=True)

    def encode(self, schema: Any, state: Any, data: Any, device: str = "cpu") -> torch.Tensor:
        found: torch.Tensor = _numbers(data).to(device) @ state["map/weight"].to(device).T
        return found.cpu()

    def decode(self, schema: Any, state: Any, z: Any, device: str = "cpu") -> Table:
        import pandas as pd

        rows = (z.to(device) @ state["map/weight"].to(device) * 20).cpu().numpy().clip(0.0, 20.0)
        columns = dict.fromkeys(c.name for c in schema.columns) | {"age": rows[:, 0], "lactate": rows[:, 1]}
        return Table(pd.DataFrame(columns | {"sex": "f", "ward": "icu", "fever": 0.0}))


def _numbers(data: Any) -> torch.Tensor:
    values = data.frame[["age", "lactate"]].to_numpy(dtype=np.float64) / 20
    return torch.from_numpy(np.nan_to_num(values)).float()


class MakesACpuTensorInItsStep(Sound):
    def loss(self, module: Any, batch: Any) -> torch.Tensor:
        return super().loss(module, batch) * torch.ones(len(batch["x"]))


class IndexesTheDeviceByTheCpu(Sound):
    def loss(self, module: Any, batch: Any) -> torch.Tensor:
        return super().loss(module, batch)[torch.arange(len(batch["x"]))]


class DrawsOnTheDevice(Sound):
    def encode(self, schema: Any, state: Any, data: Any, device: str = "cpu") -> torch.Tensor:
        noise = torch.randn(len(data), self.dim, device=device, generator=torch.Generator().manual_seed(1))
        return super().encode(schema, state, data, device) + noise.cpu()


class ReturnsItsStateThere(Sound):
    def out(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.clone()


class LeavesVectorsThere(Sound):
    def encode(self, schema: Any, state: Any, data: Any, device: str = "cpu") -> torch.Tensor:
        return super().encode(schema, state, data, device).to(device)

    def decode(self, schema: Any, state: Any, z: Any, device: str = "cpu") -> Table:
        return super().decode(schema, state, z.cpu(), device)


class KeepsItsMemoryThere(Sound):
    def train(self, state: Any, shard: Any, ctx: Any) -> Update:
        ctx.memory["mine/rate"] = torch.ones(2, device=ctx.device)
        return super().train(state, shard, ctx)


class ComputesSomethingElseThere(Sound):
    def module(self, state: Any, device: str) -> nn.Linear:
        return super().module({key: value + (device != "cpu") for key, value in state.items()}, device)


class OnTheCpu(Sound):
    """As learners were written before there were devices."""

    def module(self, state: Any, device: str) -> nn.Linear:
        return super().module(state, "cpu")

    def encode(self, schema: Any, state: Any, data: Any) -> torch.Tensor:  # type: ignore[override]
        return super().encode(schema, state, data)

    def decode(self, schema: Any, state: Any, z: Any) -> Table:  # type: ignore[override]
        return super().decode(schema, state, z)


@pytest.mark.parametrize(
    ("learner", "told"),
    [
        (MakesACpuTensorInItsStep, r"on a device: .*mul.*different devices: \(\d+,\) on cuda:0, \(\d+,\) on cpu"),
        (IndexesTheDeviceByTheCpu, r"on a device: .*index.*different devices"),
        (DrawsOnTheDevice, r"on a device: .*a generator of the CPU cannot draw on cuda:0"),
        (ReturnsItsStateThere, r"returns 'map/weight' on cuda:0; states travel on the CPU"),
        (LeavesVectorsThere, r"gives 'encode' on cuda:0; what leaves it is on the CPU"),
        (KeepsItsMemoryThere, r"gives 'plain, memory, mine/rate' on cuda:0"),
        (ComputesSomethingElseThere, r"'plain, map/weight' has other numbers on a device"),
    ],
)
def test_the_law_finds_what_a_device_would(learner: type[Sound], told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        law(learner())


def test_a_sound_learner_keeps_the_law_which_every_encoder_is_asked() -> None:
    assert law in checks_for(Sound())
    law(Sound())


def test_a_learner_that_knows_no_device_is_passed_by_with_the_reason() -> None:
    with pytest.raises(NotApplicable, match="it computes on the CPU"):
        law(OnTheCpu())


def test_compiled_code_that_reads_the_numbers_is_passed_by_with_the_reason() -> None:
    class Compiled(Sound):
        def loss(self, module: Any, batch: Any) -> torch.Tensor:
            batch["x"].data_ptr()
            return super().loss(module, batch)

    with pytest.raises(NotApplicable, match="compiled code reads the numbers themselves"):
        law(Compiled())


def test_a_trial_refuses_states_on_a_device() -> None:
    with pretended():
        odd = _odd({"map/weight": torch.ones(2).to(DEVICE)}, {"map/weight": torch.ones(2)})
    assert odd == "'map/weight' on cuda:0; states travel on the CPU"


@pytest.mark.parametrize(
    "encoder",
    [
        Frozen(decoder="trained"),
        Frozen(decoder="trained", backbone="lcnet_035"),
        TimmAe(train_backbone=False),
        CnnAe(net="fine", start="moments", augment=True, similarity=0.5, texture=0.6),
    ],
    ids=["frozen, trained decoder", "frozen with a public network", "timm, frozen", "cnn, fine, augmented"],
)
def test_the_other_forms_of_shipped_encoders_keep_the_law(encoder: Any) -> None:
    if getattr(encoder, "backbone", "") == "lcnet_035":
        encoder.kinds = frozenset({"image", "video"})
    law(encoder)


def test_a_discriminator_that_stays_at_home_keeps_the_law() -> None:
    from fpmg_bench.testing.generators import check_computes_where_it_is_told

    check_computes_where_it_is_told(ParallelCgan(send="generator", proximal=0.1))


def test_records_are_those_of_the_cpu() -> None:
    """Decoders draw nothing at random, so not a bit of a record may differ where the device computes as the CPU does."""
    from fpmg_bench.keys import rng_for
    from fpmg_bench.testing.bits import bits

    encoder = CnnAe(texture=0.6)
    data = inputs(encoder, 0)["image"]
    state = encoder.init(SCHEMAS["image"], {}, rng_for(1, "init"))
    z = encoder.encode(SCHEMAS["image"], state, data)
    with pretended() as there:
        found = encoder.decode(SCHEMAS["image"], state, z, there.device)
    assert bits(found) == bits(encoder.decode(SCHEMAS["image"], state, z))


FORKED = """
import os
import torch
from fpmg_bench.testing.tagged import pretended

with pretended() as there:
    torch.nn.Linear(3, 1).to(there.device)(torch.ones(2, 3).to(there.device)).sum().backward()
assert len(os.listdir("/proc/self/task")) == 1, os.listdir("/proc/self/task")
pid = os.fork()
if pid == 0:
    torch.ones(2, requires_grad=True).sum().backward()
    os._exit(0)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux forks trials")
def test_who_pretended_a_device_may_fork_children_that_train() -> None:
    """In an interpreter of its own, whose first backward pass is the pretended device's."""
    ended = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
