"""Autoencoder of tables with numbers, categories, flags and missing values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt

from fpmg_bench.devices import moved
from fpmg_bench.types import Charges
from fpmg_plugins.encoders import dither, quantiles
from fpmg_plugins.encoders.autoencoding import MODULE, Autoencoding
from fpmg_plugins.encoders.table import marginals, together
from fpmg_plugins.encoders.table.net import TableCoder
from fpmg_plugins.encoders.table.tabular import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from fpmg_bench.contracts import Public, Shard
    from fpmg_bench.types import Rng, Schema, SiloContext, State, Table


LEAD = 30.0  # weight of the rehearsal beside noised gradients
REHEARSED = 10.0  # beside plain ones: unseen records come back nearer, and patients who were trained on no nearer than they
POOL, BATCH = 2048, 128  # records made up a round, and of these a step; beside noise twice as many


class Autoencoder(Autoencoding):
    """Numbers become quantile scores (one charged count over public bins), missingness is data like any other.

    dim: of the vectors; hidden: units of the one hidden layer each way; apart: count pairs of levels and keep apart
    those that no patient has together, though many would by chance (not under privacy: they are not counted there). proximal: FedProx mu.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"table"})

    def __init__(
        self,
        dim: Annotated[int, Ge(1)] = 16,
        hidden: Annotated[int, Ge(1)] = 128,
        lr: Annotated[float, Gt(0)] = 3e-3,
        proximal: Annotated[float, Ge(0)] = 0.0,
        apart: bool = True,
    ) -> None:
        self.dim = dim
        self.hidden = hidden
        self.lr = lr
        self.proximal = proximal
        self.apart = apart

    def charges(self, schema: Schema, steps: int) -> Charges:
        return Charges(private_steps=steps, counts=1)

    def statistics(self, schema: Schema, shard: Shard, ctx: SiloContext) -> State:
        layout = Layout.of(schema)
        clip = float(np.sqrt(len(schema.columns)))  # one bin a column: the most that a row can weigh
        grid = quantiles.Grid(layout.numbers, fine=not shard.private)
        return {
            "counts/bins": shard.counts(
                lambda t: marginals.bins(layout, grid, layout.places(t.frame), layout.codes(t.frame), self.apart), clip
            )
        }

    def frozen(self, schema: Schema, stats: State) -> State:
        return marginals.frozen(Layout.of(schema), stats["counts/bins"])

    def init(self, schema: Schema, stats: State, rng: Rng) -> State:
        """The network says what is usual before it has learnt anything, so that few steps do not leave every other cell missing."""
        state = super().init(schema, stats, rng)
        return state | {f"{MODULE}/deep.bias": marginals.usual(Layout.of(schema), state)}

    def rehearsal(self, schema: Schema, state: State, ctx: SiloContext, private: bool) -> Public:
        """Records whose columns are drawn one by one: few patients do not say how every combination is to be told apart."""
        layout = Layout.of(schema)
        pool, batch = (2 * POOL, 2 * BATCH) if private else (POOL, BATCH)
        made = moved(marginals.drawn(layout, state, pool, ctx.rng), ctx.device)

        def loss(module: nn.Module) -> Tensor:
            at = torch.randint(pool, (batch,), generator=ctx.rng).to(ctx.device)
            found: Tensor = module({name: value[at] for name, value in made.items()}).mean()
            return (LEAD if private else REHEARSED) * found

        return loss

    def network(self, schema: Schema) -> TableCoder:
        layout = Layout.of(schema)
        return TableCoder(len(layout.numbers), layout.sizes, self.dim, self.hidden)

    def features(self, schema: Schema, state: State, data: Table) -> dict[str, Tensor]:
        layout = Layout.of(schema)
        places = layout.places(data.frame)
        scores = quantiles.standardise(layout.numbers, state["frozen/distribution"], places) if layout.numbers else places
        return {
            "scores": torch.as_tensor(scores, dtype=torch.float32),
            "seen": torch.as_tensor(~np.isnan(places), dtype=torch.float32),
            "codes": torch.as_tensor(layout.codes(data.frame)),
        }

    def records(self, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> Table:
        layout = Layout.of(schema)
        values = np.zeros((len(outputs["scores"]), 0))
        if layout.numbers:
            values = quantiles.restore(layout.numbers, state["frozen/distribution"], outputs["scores"].double().numpy())
            values[~self._seen(state, outputs).numpy()] = np.nan
        told = outputs["levels"].masked_fill(marginals.lacked_by_none(layout, state), -torch.inf)
        levels = torch.split(told, layout.sizes, dim=1) if layout.sizes else ()
        used = len(layout.numbers)  # thresholds that the gaps of numbers took
        said = together.levels([part.softmax(1) for part in levels], state["frozen/never"], outputs["phase"], used)
        codes = [part.numpy() for part in said]
        return layout.table(schema, values, np.stack(codes, axis=1) if codes else np.zeros((len(values), 0), dtype=np.int64))

    def _seen(self, state: State, outputs: Mapping[str, Tensor]) -> Tensor:
        """Which numbers are there [n, k]: all that nobody lacks, and as one those that are measured together."""
        there, group = outputs["there"].sigmoid().double(), state["frozen/together"]
        alike = (group[:, None] == group[None, :]).double()
        there = there @ alike / alike.sum(0)
        return dither.seen(torch.where(state["frozen/gaps"] > 0, there, 1.0), outputs["phase"], group)
