"""A silo's shard over made-up rows, and one that watches what a learner does with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn, optim

from fpmg_bench.testing.bits import bits
from fpmg_bench.types import Moments, StepLog

if TYPE_CHECKING:
    from fpmg_bench.contracts import PerExample, Public, Shard


@dataclass(frozen=True)
class Watch:
    """What was seen: step number -> rows whose losses moved when another row changed; buffers that moved."""

    streams: tuple[torch.Generator, ...] = ()
    steps: list[int] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ProbeShard:
    """A shard that, before each step, changes row j of the batch and looks for other losses or buffers that follow."""

    inner: Shard
    watch: Watch

    @property
    def patients(self) -> int:
        return self.inner.patients

    @property
    def private(self) -> bool:
        return self.inner.private

    def prepared(self, name: str, features: Callable[[Any], Mapping[str, Tensor]]) -> ProbeShard:
        return replace(self, inner=self.inner.prepared(name, features))

    def moments(self, features: Callable[[Any], Tensor], clip: float, *, full: bool = True) -> Moments:
        return self.inner.moments(features, clip, full=full)

    def counts(self, bins: Callable[[Any], Tensor], clip: float) -> Tensor:
        return self.inner.counts(bins, clip)

    def step(
        self, module: nn.Module, optimizer: optim.Optimizer, private_loss: PerExample, public_loss: Public | None = None
    ) -> StepLog:
        def watched(model: nn.Module, batch: Any) -> Tensor:
            self._probe(model, batch, private_loss)
            return private_loss(model, batch)

        return self.inner.step(module, optimizer, watched, public_loss)

    def _probe(self, model: nn.Module, batch: Any, loss: PerExample) -> None:
        size = _rows(batch)
        self.watch.steps.append(size)
        if size < 2:
            return
        for training in (True, False):
            with _as_it_was(model, self.watch.streams, training):
                before = loss(model, batch).detach()
                buffers = bits(dict(model.named_buffers()))
            assert before.shape == (size,), f"private_loss gives {tuple(before.shape)} for {size} rows; one loss a row is asked"
            with _as_it_was(model, self.watch.streams, training):
                after = loss(model, _changed(batch, 0)).detach()
                moved = bits(dict(model.named_buffers())) != buffers
            others = (before[1:] != after[1:]).nonzero().flatten() + 1
            if len(others) or moved:
                mode = "training" if training else "evaluation"
                self.watch.mixed.append(f"{mode}: losses of rows {others.tolist()[:5]} followed row 0; buffers moved: {moved}")


def local_shard(rows: Any, seed: int = 0, watch: Watch | None = None) -> Any:
    """The plain shard of one silo, every row another patient, half of them a batch; watched if asked."""
    from fpmg_bench.privacy import LocalShard

    shard = LocalShard(rows, np.arange(len(rows)), 0.5, "conformance").begin(seed)
    return shard if watch is None else ProbeShard(shard, watch)


def _rows(batch: Any) -> int:
    return len(next(iter(batch.values()))) if isinstance(batch, Mapping) else len(batch)


def _changed(batch: Any, row: int) -> Any:
    """The batch with the floating-point values of one row replaced by those of the last row, shifted."""
    if isinstance(batch, Mapping):
        return {name: _moved(value, row) for name, value in batch.items()}
    order = torch.arange(_rows(batch))
    order[row] = _rows(batch) - 1
    return batch.take(order.numpy())


def _moved(value: Tensor, row: int) -> Tensor:
    value = value.clone()
    value[row] = value[-1]
    return value


@contextmanager
def _as_it_was(model: nn.Module, streams: tuple[torch.Generator, ...], training: bool) -> Iterator[None]:
    """Run the model once without leaving a trace: streams, buffers and mode are put back, no gradient is kept."""
    mode = model.training
    kept = [stream.get_state() for stream in streams]
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    model.train(training)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        model.train(mode)
        for stream, state in zip(streams, kept, strict=True):
            stream.set_state(state)
        for name, value in model.named_buffers():
            value.data.copy_(buffers[name])
