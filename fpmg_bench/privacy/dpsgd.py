"""DP-SGD gradients (Abadi et al., 2016) for any vector of per-example losses: by hand where every layer has a rule, else Opacus'."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.devices import drawn
from fpmg_bench.errors import PrivacyError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from fpmg_bench.contracts import PerExample
    from fpmg_bench.types import Rng

HELD = 2**23  # numbers: per-example gradients of one part of a batch (32 MB); a Poisson draw has no upper bound, memory has
NORM_TOLERANCE = 1e-4  # relative, of a per-example gradient norm against plain autograd
CHECKED_ROWS = 4


@dataclass(frozen=True, slots=True)
class Step:
    """sigma: noise multiplier; clip: L2 bound of an example's gradient; expected: rate x patients, the batch size that divides."""

    sigma: float
    clip: float
    expected: float
    noise: Rng
    secure: bool = False


def gradients(module: nn.Module, private_loss: PerExample, batches: Iterable[Any], step: Step) -> None:
    """Set every parameter's gradient to (sum of clipped per-example gradients + noise) / expected batch size.

    batches: the drawn rows, in parts of any size; none: an empty Poisson draw, which is noise alone (and was charged all the same).
    """
    import torch

    parameters = [p for p in module.parameters() if p.requires_grad]
    totals: list[Tensor | None] = [None] * len(parameters)
    for batch in batches:
        found = clipped_sum(module, private_loss, batch, step.clip, parameters)
        totals = [_added(total, part) for total, part in zip(totals, found, strict=True)]
    noised = [gaussian(p, step.noise, step.secure) for p in parameters]
    torch._foreach_mul_(noised, step.sigma * step.clip)
    reached = [(noise, total) for noise, total in zip(noised, totals, strict=True) if total is not None]
    if reached:
        torch._foreach_add_(*map(list, zip(*reached, strict=True)))
    torch._foreach_div_(noised, step.expected)
    for p, gradient in zip(parameters, noised, strict=True):
        p.grad = gradient


def _added(total: Tensor | None, part: Tensor | None) -> Tensor | None:
    return part if total is None else total if part is None else total + part


def parts(module: nn.Module, rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """The drawn rows in parts of about the same size, few enough that their per-example gradients fit; none for no rows."""
    import numpy as np

    size = sum(p.numel() for p in module.parameters() if p.requires_grad)
    count = math.ceil(len(rows) / max(HELD // size, 1))
    return np.array_split(rows, count) if count else []


def clipped_sum(
    module: nn.Module, private_loss: PerExample, batch: Any, clip: float, parameters: Sequence[nn.Parameter]
) -> Sequence[Tensor | None]:
    """Sum over the batch of each example's gradient, scaled to norm `clip` where it is longer. None: no example reaches it."""
    import torch

    from fpmg_bench.privacy import per_example

    layers = per_example.layers_of(module)
    if layers is None:
        return _ghost_sum(module, private_loss, batch, clip, parameters)
    norms, found = per_example.norms(module, layers, private_loss, batch)
    with torch.no_grad():  # inputs of layers hold the graph of those before
        coefficients = _coefficients(norms, clip)
        sums = {p: total for each in found for p, total in each.weighted(coefficients).items()}
    return [sums.get(p) for p in parameters]


def _coefficients(norms: Tensor, clip: float) -> Tensor:
    return (clip / norms.clamp(min=1e-12)).clamp(max=1.0)


def _ghost_sum(
    module: nn.Module, private_loss: PerExample, batch: Any, clip: float, parameters: Sequence[nn.Parameter]
) -> Sequence[Tensor | None]:
    """The same by Opacus, for layers that `per_example` has no rule for."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Full backward hook is firing")  # the first layer's input is data: it needs no gradient
        losses, norms = ghost_norms(module, private_loss, batch)
        for p in parameters:
            p.grad = None
        return torch.autograd.grad((losses * _coefficients(norms, clip)).sum(), parameters, allow_unused=True)


def _norms(module: nn.Module, private_loss: PerExample, batch: Any) -> Tensor:
    """The L2 norm [n] of each example's gradient, as `clipped_sum` finds it."""
    from fpmg_bench.privacy import per_example

    layers = per_example.layers_of(module)
    if layers is not None:
        return per_example.norms(module, layers, private_loss, batch)[0]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Full backward hook is firing")
        return ghost_norms(module, private_loss, batch)[1]


def ghost_norms(module: nn.Module, private_loss: PerExample, batch: Any) -> tuple[Tensor, Tensor]:
    """Losses [n] with their graph, and the L2 norm [n] of each example's gradient over all trainable parameters, by Opacus."""
    import torch

    parameters = [p for p in module.parameters() if p.requires_grad]
    hooks = _hooks(module)
    try:
        losses = private_loss(module, batch)
        losses.sum().backward(retain_graph=True)  # type: ignore[no-untyped-call]
        squares = [p._norm_sample.reshape(-1).double().square() for p in parameters if hasattr(p, "_norm_sample")]
    except NotImplementedError as error:
        raise PrivacyError(
            f"{type(module).__name__}: a layer is called twice in one loss, or weights are tied: {error}"
        ) from error
    finally:
        hooks.disable_hooks()  # the graph of the losses still holds them: the second backward must not compute norms again
        hooks.cleanup()
    if not squares:
        raise PrivacyError("the private loss reaches no trainable parameter")
    return losses, torch.stack(squares).sum(0).sqrt().to(losses.dtype)


def _hooks(module: nn.Module) -> Any:
    from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import GradSampleHooksFastGradientClipping

    return GradSampleHooksFastGradientClipping(module, loss_reduction="sum", strict=False, max_grad_norm=1.0)


def check(
    module: nn.Module, private_loss: PerExample, batch_of: Callable[[NDArray[np.intp]], Any], rows: NDArray[np.intp], stage: str
) -> None:
    """Before the first private step of a module: its layers are allowed, its losses do not mix rows, its norms are right."""
    from opacus.validators import ModuleValidator

    problems = ModuleValidator.validate(module, strict=False)
    if problems:
        raise PrivacyError(f"{stage}: {type(module).__name__} cannot be trained privately: {problems[0]}")
    _independent(module, private_loss, batch_of, rows, stage)
    _norms_agree(module, private_loss, batch_of, rows[:CHECKED_ROWS], stage)


def _independent(
    module: nn.Module, private_loss: PerExample, batch_of: Callable[[NDArray[np.intp]], Any], rows: NDArray[np.intp], stage: str
) -> None:
    """Replace one row by another: every other loss and every buffer must stay the same, bit for bit."""
    import torch

    before = [b.clone() for b in module.buffers()]
    swapped = rows.copy()
    swapped[0] = rows[1]
    one, two = (_losses(module, private_loss, batch_of(r)) for r in (rows, swapped))
    if one.shape != (len(rows),):
        raise PrivacyError(f"{stage}: the private loss gives shape {tuple(one.shape)}, not one loss a row ({len(rows)},)")
    if not torch.equal(one[1:], two[1:]) or any(not torch.equal(a, b) for a, b in zip(before, module.buffers(), strict=True)):
        raise PrivacyError(
            f"{stage}: the private loss mixes rows (changing one row changed another's loss), so clipping bounds nobody"
        )


def _losses(module: nn.Module, private_loss: PerExample, batch: Any) -> Tensor:
    """Losses with the global generator as it was before and after, so that dropout draws the same masks."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return private_loss(module, batch)


def _norms_agree(
    module: nn.Module, private_loss: PerExample, batch_of: Callable[[NDArray[np.intp]], Any], rows: NDArray[np.intp], stage: str
) -> None:
    """Norms of examples against plain autograd, one row at a time (without dropout, whose masks depend on the batch)."""
    import torch

    was_training = [m for m in module.modules() if isinstance(m, torch.nn.Dropout) and m.training]
    for dropout in was_training:
        dropout.eval()
    parameters = [p for p in module.parameters() if p.requires_grad]
    found = _norms(module, private_loss, batch_of(rows))
    for i in range(len(rows)):
        loss = private_loss(module, batch_of(rows[i : i + 1])).sum()
        parts = torch.autograd.grad(loss, parameters, allow_unused=True)
        plain = float(sum(g.double().square().sum() for g in parts if g is not None)) ** 0.5
        if abs(plain - float(found[i])) > NORM_TOLERANCE * max(plain, 1e-6):
            raise PrivacyError(
                f"{stage}: gradient norm of record {i} of the batch is {float(found[i]):.6g} by layers, {plain:.6g} by autograd"
            )
    for dropout in was_training:
        dropout.train()
    for p in parameters:
        p.grad = None


def gaussian(like: Tensor, generator: Rng, secure: bool = False) -> Tensor:
    """Standard normal numbers of the shape and dtype and on the device of `like`; secure: from the system's entropy, not repeatable."""
    if not secure:
        return drawn(like.shape, generator, like)
    import numpy as np
    import torch
    from scipy.special import ndtri

    bits = np.frombuffer(os.urandom(8 * like.numel()), dtype=np.uint64) >> 11
    uniform = (bits.astype(np.float64) + 0.5) / 2.0**53
    return torch.as_tensor(ndtri(uniform)).to(like.dtype).reshape(like.shape).to(like.device)
