"""The white-box scorers: from noised gradients and noised sums, how much of what each canary would add is in them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fpmg_bench.devices import beside

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from fpmg_bench.contracts import PerExample
    from fpmg_bench.privacy.dpsgd import Step
    from fpmg_bench.privacy.shard import BatchOf

ROWS = 32  # per-example gradients taken at once
RIDGE = 1e-4  # least ridge on unit gradients, where there is no noise
SPANNED = 1e-7  # eigenvalues below this share of the largest are rounding


@dataclass(slots=True)
class Witness:
    """An observer of one silo's private accesses in one stage.

    rows: all its canaries that have what the stage trains on, in and out, as the shard's rows are. planted [records of the shard]:
    which of them are canaries. at: where these canaries stand in score and sums; None: one after the other.
    score [canaries]: sum over steps of the coefficient of the canary's unit gradient in the noised sum, in units of the clip.
    The coefficients are those of a regression on all canaries and on the other patients that the step drew. An attacker may know
    those: epsilon holds for every draw of the others, and it says nothing about a canary's coin.
    sums [canaries]: log odds that the canary is in, given noised moments and counts and all real patients.
    """

    rows: Any
    planted: NDArray[np.bool_]
    score: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    at: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        self.at = np.arange(_length(self.rows)) if self.at is None else self.at
        if not len(self.score):
            self.score = np.zeros(len(self.at))
        if not len(self.sums):
            self.sums = np.zeros(len(self.score))

    def prepared(self, features: Callable[[Any], Mapping[str, Tensor]]) -> Self:
        """The same scores, counted on prepared rows."""
        view = copy.copy(self)
        view.rows = dict(features(self.rows))
        return view

    def __call__(
        self, stage: str, module: nn.Module, private_loss: PerExample, batch_of: BatchOf, rows: NDArray[np.intp], step: Step
    ) -> None:
        """Add this step's coefficients."""
        import torch

        assert self.at is not None
        if not len(self.at):
            return
        others = rows[~self.planted[rows]]
        with torch.random.fork_rng(devices=[]):
            own = [_gradients(module, private_loss, beside(module, self._batch(at))) for at in _chunks(np.arange(len(self.at)))]
            rest = [_gradients(module, private_loss, batch_of(at)) for at in _chunks(others)]
        seen = torch.cat([_flat(p.grad) for p in _trainable(module)]).cpu() * (step.expected / step.clip)
        self.score[self.at] += coefficients(torch.cat(own + rest), len(self.at), seen)

    def summed(self, each: Callable[[Any], Tensor], left: Sequence[Tensor], spread: float) -> None:
        """Add this sum's log odds."""
        assert self.at is not None
        if len(self.at):
            self.sums[self.at] += log_odds(each(self.rows), left, spread)

    def _batch(self, at: NDArray[np.intp]) -> Any:
        import torch

        if isinstance(self.rows, Mapping):
            return {name: value[torch.as_tensor(at)] for name, value in self.rows.items()}
        return self.rows.take(at)


def _chunks(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    return (rows[start : start + ROWS] for start in range(0, len(rows), ROWS))


def _gradients(module: nn.Module, private_loss: PerExample, batch: Any) -> Tensor:
    """Per-example gradients [n, parameters], on the CPU, by one batched backward pass; `.grad` stays as it is."""
    import torch

    losses = private_loss(module, batch)
    one_each = torch.eye(len(losses), dtype=losses.dtype, device=losses.device)
    each = torch.autograd.grad(losses, _trainable(module), one_each, is_grads_batched=True, allow_unused=True)
    return torch.cat(
        [
            (torch.zeros(len(losses), p.numel()) if g is None else g.flatten(1).cpu())
            for g, p in zip(each, _trainable(module), strict=True)
        ],
        dim=1,
    )


def coefficients(gradients: Tensor, own: int, seen: Tensor) -> NDArray[np.float64]:
    """How much of each of the first `own` unit gradients of [n, parameters] is in the noised sum `seen` [parameters].

    Two means (canaries, others) are fitted first, and deviations from them are shrunk by noise over signal, both of which are
    read from the sum itself: the noise is what lies outside of the span of all gradients.
    """
    import torch

    unit = torch.nn.functional.normalize(gradients, dim=1).double()
    seen = seen.double()
    gram, right = unit @ unit.T, unit @ seen
    groups = torch.nn.functional.one_hot((torch.arange(len(unit)) >= own).long(), 2).double()
    means = torch.linalg.lstsq(groups.T @ gram @ groups, (groups.T @ right)[:, None]).solution
    left = right - (gram @ groups @ means)[:, 0]
    energy = float(seen @ seen - means[:, 0] @ (groups.T @ right))
    length, axis = torch.linalg.eigh(gram)
    along = axis.T @ left
    spanned = length > SPANNED * length[-1]
    inside, rank = float((along[spanned].square() / length[spanned]).sum()), int(spanned.sum())
    noise = max(energy - inside, 0.0) / max(len(seen) - rank, 1)
    signal = max(inside / rank - noise, 1e-12)
    found: NDArray[np.float64] = (axis @ (along / (length + max(noise / signal, RIDGE)))).numpy()
    return found[:own]


def log_odds(own: Tensor, left: Sequence[Tensor], spread: float) -> NDArray[np.float64]:
    """How likely each canary [m] is in a noised sum, as log odds.

    own [m, d]: what each would add, in units of the clip; left: the sum without all others, see `Observer.summed`; spread: standard
    deviation of the noise. Coins are taken as normal numbers of mean 1/2 and variance 1/4, so that the posterior has a closed form:
    with G the canaries' products among each other and y theirs with what is left less half of all, (G + 4 s^2)^-1 y.
    """
    import torch

    own = own.double()
    gram, along = own @ own.T, own @ left[0].double()
    if len(left) > 1 and left[1].dim() == 2:  # products, each pair once
        gram = gram + ((own @ own.T).square() + own.square() @ own.square().T) / 2
        along = along + torch.einsum("md,de,me->m", own, torch.triu(left[1].double()), own)
    elif len(left) > 1:
        gram, along = gram + own.square() @ own.square().T, along + own.square() @ left[1].double()
    variance = max(spread**2, 1e-9 * float(gram.diagonal().mean()), 1e-30)
    eye = torch.eye(len(own), dtype=torch.float64)
    inverse = torch.linalg.inv(gram + 4 * variance * eye)
    mean = inverse @ (along - gram.sum(1) / 2)
    certain = (inverse.diagonal() * variance).clamp(min=1e-12)
    found: NDArray[np.float64] = (mean / certain).numpy()
    return found


def _length(rows: Any) -> int:
    """Of prepared rows, or of a modality's."""
    return len(next(iter(rows.values()))) if isinstance(rows, Mapping) else len(rows)


def _trainable(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]


def _flat(gradient: Tensor | None) -> Tensor:
    assert gradient is not None
    return gradient.detach().flatten()
