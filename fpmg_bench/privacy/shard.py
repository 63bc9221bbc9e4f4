"""One silo's training rows behind the privacy boundary. The only way to them is a step, moments or counts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np

from fpmg_bench.cipher import FRACTION, Stream
from fpmg_bench.devices import beside
from fpmg_bench.errors import PrivacyError
from fpmg_bench.keys import key_for, rng_for, seed_for
from fpmg_bench.privacy.noise import noised
from fpmg_bench.privacy.prepared import Prepared, checked
from fpmg_bench.privacy.secrets import Secrets
from fpmg_bench.types import Moments, StepLog

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn, optim

    from fpmg_bench.contracts import PerExample, Public
    from fpmg_bench.privacy.dpsgd import Step
    from fpmg_bench.privacy.draws import Draws
    from fpmg_bench.privacy.ledger import Ledger
    from fpmg_bench.types import Rng

    BatchOf = Callable[[NDArray[np.intp]], Any]


NORM_DIMENSIONS = 2.0**0.5  # moments release a clipped row (norm <= 1) and its square (norm <= 1) together
COUNTED = 256  # records counted at once
GRID = 2**24
MARK = "mark"  # below a key: what an audit knows it by


class Observer(Protocol):
    """Looks on at private accesses: an audit's own eyes, which nothing that is trained ever sees.

    planted [records of the shard]: which of them are made up.
    """

    planted: NDArray[np.bool_]

    def prepared(self, features: Callable[[Any], Mapping[str, Tensor]]) -> Self:
        """The same observer, its own rows made into batches as the shard's are."""
        ...

    def __call__(
        self, stage: str, module: nn.Module, private_loss: PerExample, batch_of: BatchOf, rows: NDArray[np.intp], step: Step
    ) -> None:
        """A private step's noised gradients stand in `.grad`; rows: the records that were drawn."""
        ...

    def summed(self, each: Callable[[Any], Tensor], left: Sequence[Tensor], spread: float) -> None:
        """A noised sum, less what real records added. each(rows): what rows add [n, d], clipped to 1; spread: of the noise.

        left: [d], and where products were summed too, [d, d] (its upper triangle) or [d] (squares).
        """
        ...


class LocalShard:
    """Rows (modality data, a `Representation`, or a mapping of tensors) of some patients, a sampling rate, and a ledger or None.

    A step draws each patient with probability `rate`; a drawn patient brings one of their records, drawn anew. rate [records]:
    one for each class; a patient's is the largest of their records', and the ledger charges the largest of all.
    observer: called when a private step's noised gradients stand in `.grad`. draws: counts what is opened, beside the ledger.
    declared: the number of patients that others may know, where the true one is private. keys: of the system, for secure noise.
    """

    def __init__(
        self,
        rows: Any,
        patient: NDArray[np.int64],
        rate: float | NDArray[np.float64],
        stage: str,
        ledger: Ledger | None = None,
        observer: Observer | None = None,
        draws: Draws | None = None,
        declared: int | None = None,
        keys: Secrets | None = None,
    ) -> None:

        order = np.argsort(patient, kind="stable")
        _, self._first, self._records = np.unique(np.asarray(patient)[order], return_index=True, return_counts=True)
        self._order = order
        each = np.broadcast_to(np.asarray(rate, dtype=np.float64), len(order))
        self._rates = np.maximum.reduceat(each[order], self._first) if len(order) else each
        if not ((self._rates > 0) & (self._rates <= 1)).all():
            raise PrivacyError(f"sampling rate {rate} of {stage} is not in (0, 1]")
        # a rate is rounded down to the grid of what is drawn, so that nobody is drawn more often than charged
        self._limits = (np.floor(self._rates * GRID) / GRID).astype(np.float32)
        self._secret_limits = np.floor(self._rates * 2.0**FRACTION).astype(np.uint64)
        self._keys = keys or Secrets()
        self._rows, self._stage, self._ledger = rows, stage, ledger
        self._observer, self._draws, self._declared = observer, draws, declared
        self._kept: dict[str, LocalShard] = {}
        self._stream: dict[str, Rng] = {}  # without privacy: generators of torch
        self._secret: dict[str, Stream] = {}
        self._path: list[str | int] = []  # of the opening
        self._checked: set[str] = set()
        self._share = 1.0  # of the noise of moments and counts

    @property
    def patients(self) -> int:
        return len(self._records) if self._declared is None else self._declared

    @property
    def private(self) -> bool:
        return self._ledger is not None

    @property
    def balanced(self) -> bool:
        return bool(np.ptp(self._rates) > 0)

    @property
    def noise(self) -> float:
        return 0.0 if self._ledger is None else self._ledger.noise.statistics * self._share

    def shared(self) -> LocalShard:
        """The same shard, whose moments and counts get this silo's share of the noise: for what is only seen summed over silos."""
        view = copy.copy(self)
        view._kept, view._share = {}, 1.0 if self._ledger is None else self._ledger.noise.share
        return view

    def begin(self, root: int, *path: str | int) -> LocalShard:
        """A fresh sampling and noise stream for a round. `secure` has a key of the system's for both, else both follow from the root."""
        if self._ledger is None:
            self._stream["draw"] = rng_for(seed_for(root, *path) if path else root, "draw")
            return self
        key = self._keys.key(*(path or ("opened", root))) if self._ledger.noise.secure else key_for(root, *path)
        for name in ("draw", "noise"):
            self._secret[name] = Stream.of(key, name)
        self._path[:] = path
        if self._draws is not None:
            self._draws.opened(self._stage, path, key_for(key, MARK).hex()[:16])
        self._forget()
        return self

    def _forget(self) -> None:
        """Features of an earlier round, here and in what was prepared of this shard."""
        if isinstance(self._rows, Prepared):
            self._rows.forget()
        for view in self._kept.values():
            view._forget()

    def prepared(self, name: str, features: Callable[[Any], Mapping[str, Tensor]]) -> LocalShard:
        if name not in self._kept:
            view = copy.copy(self)
            view._kept = {}
            view._observer = None if self._observer is None else self._observer.prepared(features)
            n = len(self._order)
            if self._ledger is None:
                view._rows = checked(features(self._rows), n, self._stage)
            else:
                view._rows = Prepared(self._batch, features, n, self._stage)
            self._kept[name] = view
        return self._kept[name]

    def step(
        self, module: nn.Module, optimizer: optim.Optimizer, private_loss: PerExample, public_loss: Public | None = None
    ) -> StepLog:
        rows = self._draw()
        if self._draws is not None:
            self._draws.draw(self._stage, len(self._records), len(rows))
        if self._ledger is None:
            return self._plain(rows, module, optimizer, private_loss, public_loss)
        from fpmg_bench.privacy import dpsgd

        sigma = self._ledger.charge(self._stage, "step")
        noise = self._ledger.noise
        spec = dpsgd.Step(sigma, noise.clip, self._expected(), self._secret["noise"])
        batch_of = partial(self._batch_for, module)
        if isinstance(self._rows, Prepared) and len(rows):
            self._rows.take(rows)  # all at once, whoever looks at which of them first
        if type(module).__qualname__ not in self._checked and len(rows) > 1:
            dpsgd.check(module, private_loss, batch_of, rows, self._stage)
            self._checked.add(type(module).__qualname__)
        self._odd(self._gradients(module, private_loss, map(batch_of, dpsgd.parts(module, rows)), spec))
        self._noised(sum(p.numel() for p in module.parameters() if p.requires_grad))
        if self._observer is not None:
            self._observer(self._stage, module, private_loss, batch_of, rows, spec)
        if public_loss is not None:
            public_loss(module).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return StepLog(float("nan"), len(rows))

    def _gradients(self, module: nn.Module, private_loss: PerExample, batches: Iterable[Any], spec: Step) -> int:
        from fpmg_bench.privacy import dpsgd

        return dpsgd.gradients(module, private_loss, batches, spec)

    def _noised(self, *numbers: int) -> None:
        """Noise was added to sums of so many numbers."""
        if self._draws is not None:
            self._draws.noise(self._stage, self._path, numbers, self._secret["noise"].taken)

    def _plain(
        self,
        rows: NDArray[np.intp],
        module: nn.Module,
        optimizer: optim.Optimizer,
        private_loss: PerExample,
        public_loss: Public | None,
    ) -> StepLog:
        """An ordinary step on the mean loss. An empty draw trains on the public loss alone."""
        optimizer.zero_grad()
        value = float("nan")
        if len(rows):
            loss = private_loss(module, self._batch_for(module, rows)).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            value = float(loss.detach())
        if public_loss is not None:
            public_loss(module).backward()  # type: ignore[no-untyped-call]
        if len(rows) or public_loss is not None:
            optimizer.step()
        return StepLog(value, len(rows))

    def moments(self, features: Callable[[Any], Tensor], clip: float, *, full: bool = True) -> Moments:
        import torch

        sigma = self._charged("moments") * NORM_DIMENSIONS
        x = features(self._whole()).double()
        weight = self._weights()
        if self._ledger is None:
            scaled = x * weight[:, None]
            second = scaled.T @ x if full else (scaled * x).sum(0)
            return Moments(float(self.patients), scaled.sum(0) / self.patients, second / self.patients)
        x = self._fit(x, clip) / clip
        scaled = x * weight[:, None]
        noise = self._secret["noise"]
        first = noised(scaled.sum(0), 1.0, sigma, noise)
        second = noised(scaled.T @ x if full else (scaled * x).sum(0), 1.0, sigma, noise)
        self._noised(first.numel(), second.numel())
        if self._watched is not None:
            real, theirs = x[~self._watched.planted], scaled[~self._watched.planted]
            left = first - theirs.sum(0), second - (theirs.T @ real if full else (theirs * real).sum(0))
            self._watched.summed(lambda rows: _fitted(features(rows).double(), clip), left, sigma)
        first, second = first / self.patients * clip, second / self.patients * clip**2
        if full:
            second = torch.triu(second) + torch.triu(second, 1).T  # one draw an entry; symmetric by post-processing
        return Moments(float(self.patients), first, second)

    def counts(self, bins: Callable[[Any], Tensor], clip: float) -> Tensor:
        import torch

        sigma = self._charged("counts")
        weight, watched = self._weights(), self._watched
        total, real = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        # bins are wide and mostly empty: all rows of them at once could outgrow the data
        for at in torch.split(torch.arange(len(weight)), COUNTED):
            rows = bins(self._batch(at.numpy())).double()
            rows = rows if self._ledger is None else self._fit(rows, clip)
            total = total + _summed(rows, weight[at])
            if watched is not None:
                real = real + _summed(rows, weight[at] * torch.as_tensor(~watched.planted[at.numpy()]))
        if self._ledger is None:
            return total
        told = noised(total, clip, sigma, self._secret["noise"])
        self._noised(total.numel())
        if watched is not None:
            watched.summed(lambda rows: _fitted(bins(rows).double(), clip), [(told - real) / clip], sigma)
        return told

    @property
    def _watched(self) -> Observer | None:
        """Who looks on at sums: nobody where silos share the noise, since only their total has all of it."""
        return None if self._ledger is None or self._share < 1 else self._observer

    def _expected(self) -> float:
        """Patients of an average draw, as far as others may know: what a batch's noised sum is divided by."""
        return float(self._rates.sum() if self._declared is None else self._rates.mean() * self._declared)

    def _charged(self, kind: Literal["moments", "counts"]) -> float:
        """The noise multiplier of an access to everybody, 0 without privacy. Before a row is shown: a refused access shows none."""
        sigma = 0.0 if self._ledger is None else self._ledger.charge(self._stage, kind) * self._share
        if self._draws is not None:
            self._draws.access(self._stage, len(self._records), kind)
        return sigma

    def _whole(self) -> Any:
        """Everybody's rows."""
        return self._batch(np.arange(len(self._order))) if isinstance(self._rows, Prepared) else self._rows

    def _weights(self) -> Tensor:
        """[records]: a patient's records share a weight of 1."""
        import torch

        weight = torch.empty(len(self._order), dtype=torch.float64)
        for_record = torch.repeat_interleave(torch.as_tensor(1.0 / self._records), torch.as_tensor(self._records))
        weight[torch.as_tensor(self._order)] = for_record
        return weight

    def _fit(self, x: Tensor, clip: float) -> Tensor:
        """Rows with L2 norm at most `clip`; those that are not finite are 0, which only the silo counts."""
        x, odd = _finite(x)
        self._odd(odd)
        return _clipped(x, clip)

    def _odd(self, rows: int) -> None:
        if self._draws is not None and rows:
            self._draws.odd(self._stage, rows)

    def _draw(self) -> NDArray[np.intp]:
        """Records of a Poisson sample of patients, one a patient."""
        chosen, which = self._drawn() if self._ledger is None else self._drawn_secretly()
        rows: NDArray[np.intp] = self._order[(self._first + which)[chosen]]
        return rows

    def _drawn(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which patients, and which of their records: by torch's generator, where nothing is promised."""
        import torch

        draw, n = self._stream["draw"], len(self._records)
        chosen = torch.rand(n, generator=draw).numpy() < self._limits
        which = torch.rand(n, generator=draw, dtype=torch.float64).numpy()
        return chosen, (which * self._records).astype(int)

    def _drawn_secretly(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """The same from the cipher."""
        draw = self._secret["draw"]
        return draw.below(self._secret_limits), draw.picks(self._records)

    def _batch_for(self, module: nn.Module, rows: NDArray[np.intp]) -> Any:
        """The rows where the module computes."""
        return beside(module, self._batch(rows))

    def _batch(self, rows: NDArray[np.intp]) -> Any:
        import torch

        if isinstance(self._rows, Mapping):
            at = torch.as_tensor(rows)
            return {key: value[at] for key, value in self._rows.items()}
        return self._rows.take(rows)


def _summed(rows: Tensor, weight: Tensor) -> Tensor:
    """weight [n] @ rows [n, k], which may be sparse."""
    import torch

    return torch.mv(rows.t(), weight) if rows.is_sparse else weight @ rows


def _finite(x: Tensor) -> tuple[Tensor, int]:
    """Rows [n, k] that are not finite as 0, and how many there were."""
    import torch

    if x.is_sparse:
        x = x.coalesce()
        odd = torch.zeros(len(x), dtype=torch.bool).index_put_((x.indices()[0][~x.values().isfinite()],), torch.tensor(True))
        if not bool(odd.any()):
            return x, 0
        kept = ~odd[x.indices()[0]]
        return torch.sparse_coo_tensor(
            x.indices()[:, kept], x.values()[kept], x.shape, check_invariants=False, is_coalesced=True
        ), int(odd.sum())
    odd = ~x.isfinite().all(dim=1)
    return (torch.where(odd[:, None], torch.zeros((), dtype=x.dtype), x), int(odd.sum())) if bool(odd.any()) else (x, 0)


def _fitted(x: Tensor, clip: float) -> Tensor:
    """Rows as a sum gets them, in units of the clip, dense."""
    fit = _clipped(_finite(x)[0], clip) / clip
    return fit.to_dense() if fit.is_sparse else fit


def _clipped(x: Tensor, clip: float) -> Tensor:
    """Rows with L2 norm at most `clip`."""
    if x.is_sparse:
        return _clipped_sparse(x.coalesce(), clip)
    factor = (clip / x.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1.0)
    clipped: Tensor = x * factor
    return clipped


def _clipped_sparse(x: Tensor, clip: float) -> Tensor:
    import torch

    row, values = x.indices()[0], x.values()
    norm = torch.zeros(len(x), dtype=values.dtype).index_add_(0, row, values.square()).sqrt()
    factor = (clip / norm.clamp(min=1e-12)).clamp(max=1.0)
    return torch.sparse_coo_tensor(x.indices(), values * factor[row], x.shape, check_invariants=False, is_coalesced=True)
