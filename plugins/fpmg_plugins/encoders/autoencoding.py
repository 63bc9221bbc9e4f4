"""What the trained encoders share: one network a modality, federated like any learner; encode and decode in streams."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from fpmg_bench.contracts import Objective
from fpmg_bench.devices import CPU, moved
from fpmg_bench.types import Charges, Update
from fpmg_plugins import training
from fpmg_plugins.encoders import dither, streams
from fpmg_plugins.encoders.streams import STREAM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.contracts import Public, Shard
    from fpmg_bench.types import ModalityData, Rng, Schema, SiloContext, State

MODULE = "encoder"
BOUND = 4.0


class Coder(nn.Module, ABC):
    """An encoder and a decoder in one module. forward(batch) gives losses [n], each from its own row alone.

    ragged: leave out what padding would compute. Not under privacy, whose hooks want a full row for every record.
    """

    ragged: bool = False

    @abstractmethod
    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Vectors [n, dim]."""

    @abstractmethod
    def decode(self, z: Tensor) -> dict[str, Tensor]:
        """What the decoder says about vectors [n, dim]: tensors with n leading rows."""


class Dropout(nn.Dropout):
    """torch's own on the CPU; elsewhere its mask is drawn there all the same, so that it is the same one."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or input.device.type == CPU:
            return super().forward(input)
        mask = torch.empty(input.shape, dtype=input.dtype).bernoulli_(1 - self.p).div_(1 - self.p)
        return input * mask.to(input.device)


class Bottleneck(nn.Module):
    """Hidden features [n, width] to vectors [n, dim] of about unit variance from the start, never beyond +-BOUND."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, dim)
        nn.init.normal_(self.project.weight, std=width**-0.5)
        nn.init.zeros_(self.project.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        return bounded(self.project(self.norm(hidden)))


def bounded(z: Tensor) -> Tensor:
    """z / sqrt(1 + z^2 / b^2): linear near zero, within +-BOUND, and no corner there as clipping would have."""
    return z / torch.sqrt(1 + (z / BOUND).square())


class Autoencoding(ABC):
    """An encoder trained by gradient steps. Subclasses say what the features, the network and the records are."""

    dim: int
    lr: float
    proximal: float

    @property
    def rounds(self) -> int | None:
        """None: the suite's budget."""
        return None

    @abstractmethod
    def network(self, schema: Schema) -> Coder:
        """A fresh network for this schema."""

    @abstractmethod
    def features(self, schema: Schema, state: State, data: Any) -> dict[str, Tensor]:
        """What the network sees of the records: tensors with one leading row a record, row by row."""

    @abstractmethod
    def records(self, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> ModalityData:
        """Valid records from the decoder's outputs and the vectors' dither "phase" [n]."""

    def charges(self, schema: Schema, steps: int) -> Charges:
        return Charges(private_steps=steps)

    def statistics(self, schema: Schema, shard: Shard, ctx: SiloContext) -> State:
        return {}

    def frozen(self, schema: Schema, stats: State) -> State:
        """Constants from the statistics, under "frozen/": they are the same at every silo, so they never travel again."""
        return {}

    def init(self, schema: Schema, stats: State, rng: Rng) -> State:
        network = training.seeded(lambda: self.network(schema), rng)
        return training.state_of(network, MODULE) | self.frozen(schema, stats)

    def rehearsal(self, schema: Schema, state: State, ctx: SiloContext, private: bool) -> Public | None:
        """A loss on records made up from the frozen constants: no patient's rows, so neither clipped nor noised nor charged.

        private: the steps beside it are noised.
        """
        return None

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        schema: Schema = ctx.schema
        network = self._restored(schema, state, ctx.device)
        network.ragged = not shard.private
        prepared = shard.prepared(MODULE, lambda rows: self.features(schema, state, rows))
        optimizer = training.adam({MODULE: network}, training.setting(self, ctx, "lr"), ctx.memory)
        pull = training.proximal(network, training.setting(self, ctx, "proximal"))
        public = _both(pull, self.rehearsal(schema, state, ctx, shard.private))
        losses = training.fit(network, optimizer, prepared, ctx, _losses, public)
        training.keep(optimizer, network, ctx.memory, MODULE)
        return Update(training.state_of(network, MODULE), float(shard.patients), losses)

    def objective(self, schema: Schema, state: State) -> Mapping[str, Objective]:
        """The network's losses at these weights, without dropout; {} where no step is taken on patients."""
        if self.rounds == 0:
            return {}
        network = self._restored(schema, state).eval()
        return {MODULE: Objective(network, _losses, lambda rows: self.features(schema, state, rows))}

    def encode(self, schema: Schema, state: State, data: Any, device: str = CPU) -> Tensor:
        network = self._restored(schema, state, device).eval()
        parts = [torch.zeros(0, self.dim)]
        with torch.no_grad():
            for start in range(0, len(data), STREAM):
                rows = np.arange(start, min(start + STREAM, len(data)))
                batch = moved(self.features(schema, state, data.take(rows)), device)
                parts.append(network.encode(batch).float().to(CPU))
        return torch.cat(parts)

    def decode(self, schema: Schema, state: State, z: Tensor, device: str = CPU) -> ModalityData:
        network = self._restored(schema, state, device).eval()

        def records(chunk: Tensor) -> ModalityData:
            with torch.no_grad():
                outputs = moved(network.decode(chunk.to(device)), CPU)
            return self.records(schema, state, outputs | {"phase": dither.phase(chunk)})

        return streams.decoded(z.float(), records)

    def _restored(self, schema: Schema, state: State, device: str = CPU) -> Coder:
        return training.restored(lambda: self.network(schema), state, MODULE, device)


def _losses(module: nn.Module, batch: Any) -> Tensor:
    losses: Tensor = module(batch)
    return losses


def _both(first: Public | None, second: Public | None) -> Public | None:
    if first is None or second is None:
        return first or second
    return lambda module: first(module) + second(module)
