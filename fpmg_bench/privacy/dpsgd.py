"""DP-SGD gradients (Abadi et al., 2016) for any vector of per-example losses: by hand where every layer has a rule, else Opacus'."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import PrivacyError
from fpmg_bench.privacy.noise import noised

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from fpmg_bench.cipher import Stream
    from fpmg_bench.contracts import PerExample

HELD = 2**23  # numbers: per-example gradients of one part of a batch (32 MB); a Poisson draw has no upper bound, memory has
NORM_TOLERANCE = 1e-4  # relative, of a per-example gradient norm against plain autograd
CHECKED_ROWS = 4


@dataclass(frozen=True, slots=True)
class Step:
    """sigma: noise multiplier; clip: L2 bound of an example's gradient; expected: rate x patients, the batch size that divides.

    noise: None where sigma is 0.
    """

    sigma: float
    clip: float
    expected: float
    noise: Stream | None


def gradients(module: nn.Module, private_loss: PerExample, batches: Iterable[Any], step: Step) -> int:
    """Set every parameter's gradient to (sum of clipped per-example gradients + noise) / expected batch size.

    batches: the drawn rows, in parts of any size; none: an empty Poisson draw, which is noise alone (and was charged all the same).
    Returns how many rows were left out, as their gradients are not finite: that number is the silo's own.
    """
    import torch

    parameters = [p for p in module.parameters() if p.requires_grad]
    totals: list[Tensor | None] = [None] * len(parameters)
    left_out = 0
    for batch in batches:
        found, odd = _finite_sum(module, private_loss, batch, step.clip, parameters)
        totals = [_added(total, part) for total, part in zip(totals, found, strict=True)]
        left_out += odd
    known = [
        torch.zeros(p.numel()) if t is None else t.detach().reshape(-1).cpu() for p, t in zip(parameters, totals, strict=True)
    ]
    whole = torch.cat(known).double()
    if step.noise is not None:
        whole = noised(whole, step.clip, step.sigma, step.noise)
    split = torch.split(whole / step.expected, [p.numel() for p in parameters])
    for p, gradient in zip(parameters, split, strict=True):
        p.grad = gradient.reshape(p.shape).to(p.dtype).to(p.device)
    return left_out


def _finite_sum(
    module: nn.Module, private_loss: PerExample, batch: Any, clip: float, parameters: Sequence[nn.Parameter]
) -> tuple[Sequence[Tensor | None], int]:
    """`clipped_sum` of the rows whose gradients are finite, and how many are not: those have coefficient 0.

    They are left out and not multiplied by 0, which leaves a NaN what it is.
    """
    found, norms = clipped_sum(module, private_loss, batch, clip, parameters)
    finite = norms.isfinite()
    if bool(finite.all()):
        return found, 0
    odd = int((~finite).sum())
    if odd == len(finite):
        return [None] * len(parameters), odd
    again, _ = clipped_sum(module, private_loss, _rows_of(batch, finite), clip, parameters)
    return again, odd


def _rows_of(batch: Any, chosen: Tensor) -> Any:
    """The rows [n] that are True in `chosen`."""
    if isinstance(batch, Mapping):
        return {key: value[chosen.to(value.device)] for key, value in batch.items()}
    return batch.take(chosen.nonzero().flatten().cpu().numpy())


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
) -> tuple[Sequence[Tensor | None], Tensor]:
    """Sum over the batch of each example's gradient, scaled to norm `clip` where it is longer, and the norms [n].

    None: no example reaches the parameter. Where a norm is not finite the sums are not either.
    """
    import torch

    from fpmg_bench.privacy import per_example

    layers = per_example.layers_of(module)
    if layers is None:
        return _ghost_sum(module, private_loss, batch, clip, parameters)
    norms, found = per_example.norms(module, layers, private_loss, batch)
    with torch.no_grad():  # inputs of layers hold the graph of those before
        coefficients = _coefficients(norms, clip)
        sums = {p: total for each in found for p, total in each.weighted(coefficients).items()}
    return [sums.get(p) for p in parameters], norms


def _coefficients(norms: Tensor, clip: float) -> Tensor:
    return (clip / norms.clamp(min=1e-12)).clamp(max=1.0)


def _ghost_sum(
    module: nn.Module, private_loss: PerExample, batch: Any, clip: float, parameters: Sequence[nn.Parameter]
) -> tuple[Sequence[Tensor | None], Tensor]:
    """The same by Opacus, for layers that `per_example` has no rule for."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Full backward hook is firing")  # the first layer's input is data: it needs no gradient
        losses, norms = ghost_norms(module, private_loss, batch)
        for p in parameters:
            p.grad = None
        return torch.autograd.grad((losses * _coefficients(norms, clip)).sum(), parameters, allow_unused=True), norms


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
    if not _same(one[1:], two[1:]) or any(not torch.equal(a, b) for a, b in zip(before, module.buffers(), strict=True)):
        raise PrivacyError(
            f"{stage}: the private loss mixes rows (changing one row changed another's loss), so clipping bounds nobody"
        )


def _same(one: Tensor, two: Tensor) -> bool:
    """Equal bit for bit; what is NaN in both is equal."""
    return bool(((one == two) | (one.isnan() & two.isnan())).all())


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
