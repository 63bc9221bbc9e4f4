"""The learner checks catch what would void a privacy guarantee."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn, optim

from fpmg_bench.errors import NotApplicable
from fpmg_bench.testing import encoders, generators
from fpmg_bench.types import Charges, Representation, Table, Update


class Linear:
    """One linear map of two numeric columns, trained to reproduce them: the smallest sound encoder."""

    kinds: ClassVar[frozenset[str]] = frozenset({"table"})
    rounds: ClassVar[int | None] = None

    def __init__(self, dim: int = 2) -> None:
        self.dim = dim

    def charges(self, schema: Any, steps: int) -> Charges:
        return Charges(private_steps=steps)

    def statistics(self, schema: Any, shard: Any, ctx: Any) -> dict[str, Any]:
        return {}

    def init(self, schema: Any, stats: Any, rng: Any) -> dict[str, Any]:
        return {"map/weight": torch.randn(self.dim, 2, generator=rng)}

    def loss(self, module: Any, batch: Any) -> Any:
        return (module(batch["x"]) - batch["x"][:, : self.dim]).square().sum(1)

    def train(self, state: Any, shard: Any, ctx: Any) -> Update:
        module = nn.Linear(2, self.dim, bias=False)
        module.weight.data = state["map/weight"].clone()
        optimizer = optim.SGD(module.parameters(), lr=1e-3)
        view = shard.prepared("x", lambda rows: {"x": _numbers(rows)})
        for _ in range(ctx.steps):
            view.step(module, optimizer, self.loss)
        return Update({"map/weight": module.weight.detach().clone()}, float(shard.patients))

    def encode(self, schema: Any, state: Any, data: Any) -> Any:
        return _numbers(data) @ state["map/weight"].T

    def decode(self, schema: Any, state: Any, z: Any) -> Table:
        rows = (z @ state["map/weight"] * 20).numpy().clip(0.0, 20.0)
        columns = dict.fromkeys(c.name for c in schema.columns) | {"age": rows[:, 0], "lactate": rows[:, 1]}
        return Table(pd.DataFrame(columns | {"sex": "f", "ward": "icu", "fever": 0.0}))


class Blank(Linear):
    """Decodes to nothing at all."""

    def decode(self, schema: Any, state: Any, z: Any) -> Table:
        return Table(super().decode(schema, state, z).frame.map(lambda value: np.nan))


class Forgetful(Linear):
    """Decodes all but one column."""

    def decode(self, schema: Any, state: Any, z: Any) -> Table:
        return Table(super().decode(schema, state, z).frame.assign(lactate=np.nan))


class Understating(Linear):
    """Every other step is not declared."""

    def charges(self, schema: Any, steps: int) -> Charges:
        return Charges(private_steps=steps // 2)


class Peeking(Linear):
    """Counts patients in every round, and declares it once."""

    def charges(self, schema: Any, steps: int) -> Charges:
        return Charges(private_steps=steps, counts=1)

    def train(self, state: Any, shard: Any, ctx: Any) -> Update:
        shard.counts(lambda rows: torch.ones(len(rows), 1), 1.0)
        return super().train(state, shard, ctx)


class Lavish(Linear):
    """Declares what it never takes."""

    def charges(self, schema: Any, steps: int) -> Charges:
        return Charges(private_steps=steps, moments=1)


class OnceForAll(Linear):
    """Takes its moments of the first silo that it meets, and believes that they are everybody's."""

    def charges(self, schema: Any, steps: int) -> Charges:
        return Charges(private_steps=steps, moments=1)

    def statistics(self, schema: Any, shard: Any, ctx: Any) -> dict[str, Any]:
        if not hasattr(self, "seen"):
            self.seen = shard.moments(_numbers, 1.0, full=False).mean
        return {"sum/x": self.seen}


def _numbers(rows: Table) -> Any:
    return torch.tensor(rows.frame[["age", "lactate"]].to_numpy(), dtype=torch.float32) / 20


class BatchCentred(Linear):
    """Subtracts the batch mean: every row's loss depends on every row."""

    def loss(self, module: Any, batch: Any) -> Any:
        return super().loss(module, {"x": batch["x"] - batch["x"].mean(0)})


class OpenlyCentred(BatchCentred):
    """The same, and says so before anything is trained."""

    def not_private(self, schema: Any) -> str:
        return "its losses follow each other's rows"


class Overwriting(Linear):
    def train(self, state: Any, shard: Any, ctx: Any) -> Update:
        state["map/weight"] += 1.0
        return super().train(state, shard, ctx)


class Growing(Linear):
    def train(self, state: Any, shard: Any, ctx: Any) -> Update:
        return Update({"map/weight": torch.zeros(3, 3)}, 1.0)


class BatchNormalising(Linear):
    def encode(self, schema: Any, state: Any, data: Any) -> Any:
        z = super().encode(schema, state, data)
        return z - z.mean(0)


@pytest.mark.parametrize(
    ("component", "check"),
    [
        (BatchCentred(), encoders.check_losses_do_not_mix_rows),
        (Overwriting(), encoders.check_train_leaves_the_given_state),
        (Growing(), encoders.check_state_is_stable),
        (BatchNormalising(), encoders.check_encoding_does_not_depend_on_the_batch),
        (Blank(), encoders.check_decodes_to_the_schema),
        (Forgetful(), encoders.check_decodes_to_the_schema),
        (BatchCentred(), encoders.check_private_gradients),
        (Understating(), encoders.check_private_gradients),
        (Understating(), encoders.check_spends_what_it_declares),
        (Peeking(), encoders.check_spends_what_it_declares),
        (Lavish(), encoders.check_spends_what_it_declares),
        (OnceForAll(), encoders.check_spends_what_it_declares),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_faulty_encoder_is_caught(component: Any, check: Any) -> None:
    with pytest.raises(AssertionError):
        check(component)


@pytest.mark.parametrize(
    "check",
    [
        encoders.check_charges,
        encoders.check_state_is_stable,
        encoders.check_train_leaves_the_given_state,
        encoders.check_losses_do_not_mix_rows,
        encoders.check_private_gradients,
        encoders.check_spends_what_it_declares,
        encoders.check_decodes_to_the_schema,
        encoders.check_encodes_one_finite_row_a_record,
        encoders.check_encoding_does_not_depend_on_the_batch,
        encoders.check_keeps_no_patient,
    ],
)
def test_a_sound_encoder_passes(check: Any) -> None:
    check(Linear())


@pytest.mark.parametrize("check", [encoders.check_private_gradients, encoders.check_spends_what_it_declares])
def test_only_who_says_before_that_it_has_no_private_form_is_passed_over(check: Any) -> None:
    with pytest.raises(NotApplicable, match="follow each other's rows"):
        check(OpenlyCentred())


class StoredRows:
    """A generator whose state holds training vectors."""

    rounds: ClassVar[int | None] = None

    def charges(self, schema: Any, steps: int) -> Charges:
        return Charges()

    def statistics(self, schema: Any, shard: Any, ctx: Any) -> dict[str, Any]:
        return {}

    def init(self, schema: Any, stats: Any, rng: Any) -> dict[str, Any]:
        return {"rows/z": torch.zeros(4, schema.width)}

    def train(self, state: Any, shard: Any, ctx: Any) -> Update:
        kept: dict[str, Any] = {}
        shard.prepared("z", lambda rows: kept.update(z=rows.z) or {"z": rows.z})
        return Update({"rows/z": kept["z"][:4].clone()}, 1.0)

    def sample(self, schema: Any, state: Any, condition: Any, rng: Any) -> Representation:
        z = state["rows/z"][torch.arange(len(condition)) % 4]
        present = torch.ones(len(condition), len(schema.blocks), dtype=torch.bool)
        return Representation(z, present, condition, torch.arange(len(condition)), schema)


class NearRows(StoredRows):
    """The same with a little noise on what it stores, and on what it draws."""

    def train(self, state: Any, shard: Any, ctx: Any) -> Update:
        kept = super().train(state, shard, ctx).state["rows/z"]
        return Update({"rows/z": kept + 1e-3 * torch.randn(kept.shape, generator=ctx.rng)}, 1.0)

    def sample(self, schema: Any, state: Any, condition: Any, rng: Any) -> Representation:
        drawn = super().sample(schema, state, condition, rng)
        return replace(drawn, z=drawn.z + 1e-3 * torch.randn(drawn.z.shape, generator=rng))


class Disguised(NearRows):
    """Its state shows no row, since it holds them in another order of columns."""

    def train(self, state: Any, shard: Any, ctx: Any) -> Update:
        return Update({"rows/z": super().train(state, shard, ctx).state["rows/z"].flip(1)}, 1.0)

    def sample(self, schema: Any, state: Any, condition: Any, rng: Any) -> Representation:
        return super().sample(schema, {"rows/z": state["rows/z"].flip(1)}, condition, rng)


@pytest.mark.parametrize(
    ("component", "check"),
    [
        (NearRows(), generators.check_keeps_no_patient),
        (NearRows(), generators.check_draws_no_copies),
        (Disguised(), generators.check_draws_no_copies),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_generator_of_near_copies_is_caught(component: Any, check: Any) -> None:
    generators.check_samples_depend_on_the_stream(component)
    with pytest.raises(AssertionError):
        check(component)


@pytest.mark.parametrize("check", [generators.check_keeps_no_patient, generators.check_samples_depend_on_the_stream])
def test_a_generator_of_stored_patients_is_caught(check: Any) -> None:
    with pytest.raises(AssertionError):
        check(StoredRows())
