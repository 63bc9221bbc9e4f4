"""A silo's shard over made-up rows, and one that watches what a learner does with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn, optim

from fpmg_bench.testing.bits import bits
from fpmg_bench.types import Moments, StepLog

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import PerExample, Public, Shard
    from fpmg_bench.privacy import Ledger
    from fpmg_bench.types import Charges

STAGE, RATE = "conformance", 0.5


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

    @property
    def balanced(self) -> bool:
        return self.inner.balanced

    @property
    def noise(self) -> float:
        return self.inner.noise

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

    shard = LocalShard(rows, np.arange(len(rows)), RATE, STAGE).begin(seed)
    return shard if watch is None else ProbeShard(shard, watch)


@dataclass
class GradientCheck:
    """A shard's observer. compared: parameter -> largest difference of the clipped sums, over the largest entry of that sum.

    planted [records]: none is.
    """

    planted: NDArray[np.bool_]
    compared: dict[str, float] = field(default_factory=dict)

    def summed(self, each: Callable[[Any], Tensor], left: Sequence[Tensor], spread: float) -> None:
        """Sums are none of its business."""

    def prepared(self, features: Callable[[Any], Mapping[str, Tensor]]) -> GradientCheck:
        return self

    def __call__(
        self, stage: str, module: nn.Module, private_loss: PerExample, batch_of: Any, rows: NDArray[np.intp], step: Any
    ) -> None:
        """Eight of the drawn rows, clipped so that every one of them is: by hooks, and by autograd one after the other."""
        from fpmg_bench.privacy import dpsgd

        few, noised = rows[:8], [p.grad for p in module.parameters()]
        named = {name: p for name, p in module.named_parameters() if p.requires_grad}
        _without_dropout(module)
        by_hooks, _ = dpsgd.clipped_sum(module, private_loss, batch_of(few), 1e-3, list(named.values()))
        plain = [torch.zeros_like(p, dtype=torch.float64) for p in named.values()]
        for row in few:
            loss = private_loss(module, batch_of(np.array([row]))).sum()
            slopes = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
            norm = sum(float(g.double().square().sum()) for g in slopes if g is not None) ** 0.5
            for total, slope in zip(plain, slopes, strict=True):
                if slope is not None:
                    total.add_(slope.double() * min(1.0, 1e-3 / max(norm, 1e-12)))
        size = max(float(total.abs().max()) for total in plain)
        for name, ours, total in zip(named, by_hooks, plain, strict=True):
            difference = total if ours is None else total - ours.double()
            self.compared[name] = float(difference.abs().max()) / max(size, 1e-30)
        for p, kept in zip(module.parameters(), noised, strict=True):
            p.grad = kept


def _without_dropout(module: nn.Module) -> None:
    """Its masks are drawn for a batch, so that a row alone would see others."""
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0


def ledger_of(charges: Charges, patients: int) -> Ledger:
    """A silo's account of these accesses, under an easy budget."""
    from fpmg_bench.privacy import Ledger, Noise
    from fpmg_bench.spec import Privacy

    return Ledger(0, "silo", patients, RATE, Privacy(8.0, 1e-3), Noise(1.0, 1.0, 1.0), {STAGE: charges})


def private_shard(rows: Any, ledger: Ledger, seed: int, observer: Any = None) -> Any:
    """The shard of one silo that charges this account."""
    from fpmg_bench.privacy import LocalShard

    return LocalShard(rows, np.arange(len(rows)), RATE, STAGE, ledger, observer=observer).begin(seed)


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
