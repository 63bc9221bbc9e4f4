"""Per-example gradients by hand, layer by layer, from one forward and one backward pass that no weight takes part in.

A layer's input and the gradient of its output hold all: each example's norm, and once norms are known the clipped sum
("book-keeping": Bu et al., 2022). Opacus' ghost clipping runs the backward pass twice, and forms every gradient besides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_bench.errors import PrivacyError

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import PerExample

Sums = Mapping["Tensor", "Tensor"]


@dataclass(frozen=True, slots=True)
class Gradients:
    """One layer's of a batch. squares [n]: each example's squared norm; weighted(c [n]): their sum with these weights."""

    squares: Tensor
    weighted: Callable[[Tensor], Sums]


def layers_of(module: nn.Module) -> list[nn.Module] | None:
    """The layers that hold trainable parameters, each of a kind that has a rule here; None where one has not, or weights are tied."""
    layers = [layer for layer in module.modules() if any(p.requires_grad for p in layer.parameters(recurse=False))]
    held = list(chain.from_iterable(layer.parameters(recurse=False) for layer in layers))
    known = len({id(p) for p in held}) == len(held) and all(_ruled(layer) for layer in layers)
    return layers if known else None


def norms(module: nn.Module, layers: Sequence[nn.Module], private_loss: PerExample, batch: Any) -> tuple[Tensor, list[Gradients]]:
    """The L2 norm [n] of each example's gradient over all trainable parameters, and the layers' own. PrivacyError: a layer is called twice."""
    with _listening(layers) as heard:
        losses = private_loss(module, batch)
    slopes = torch.autograd.grad(losses.sum(), [out for _, _, out in heard], allow_unused=True) if heard else ()
    with torch.no_grad():
        found = [
            RULES[type(layer)](layer, given, slope)
            for (layer, given, _), slope in zip(heard, slopes, strict=True)
            if slope is not None
        ]
        if not found:
            raise PrivacyError("the private loss reaches no trainable parameter")
        if any(len(each.squares) != len(losses) for each in found):
            raise PrivacyError(f"{type(module).__name__}: a layer's input does not have one leading row a record")
        return torch.stack([each.squares for each in found]).double().sum(0).sqrt().to(losses.dtype), found


@contextmanager
def _listening(layers: Sequence[nn.Module]) -> Iterator[list[tuple[nn.Module, Tensor, Tensor]]]:
    """(layer, input, output) of every call until the end."""
    heard: dict[nn.Module, tuple[nn.Module, Tensor, Tensor]] = {}

    def hear(layer: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        if layer in heard:
            raise PrivacyError(f"{type(layer).__name__}: a layer is called twice in one loss")
        heard[layer] = (layer, given[0], out)

    calls: list[tuple[nn.Module, Tensor, Tensor]] = []
    hooks = [layer.register_forward_hook(hear) for layer in layers]
    try:
        yield calls
    finally:
        calls.extend(heard.values())
        for hook in hooks:
            hook.remove()


def _ruled(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Embedding):
        return type(layer) in RULES and (layer.padding_idx, layer.max_norm) == (None, None) and not layer.scale_grad_by_freq
    return (
        type(layer) in RULES
        and getattr(layer, "padding_mode", "zeros") == "zeros"
        and not isinstance(getattr(layer, "padding", 0), str)
    )


def _of_vectors(layer: Any, vectors: Sequence[tuple[Tensor | None, Tensor]]) -> Gradients:
    """Gradients that are there for each example: [n, ...], in the parameter's order."""
    each = [(p, found.reshape(len(found), -1)) for p, found in vectors if p is not None and p.requires_grad]
    squares = sum(torch.linalg.vector_norm(found, dim=1).square() for _, found in each)
    assert isinstance(squares, torch.Tensor), layer
    return Gradients(squares, lambda weights: {p: (weights @ found).reshape(p.shape) for p, found in each})


def _linear(layer: nn.Linear, given: Tensor, slope: Tensor) -> Gradients:
    """given [n, ..., i], slope [n, ..., o]."""
    n, weight, bias = len(slope), layer.weight, layer.bias
    x, g = given.reshape(n, -1, given.shape[-1]), slope.reshape(n, -1, slope.shape[-1])
    t = g.shape[1]
    if not weight.requires_grad or t * (x.shape[2] + g.shape[2]) > weight.numel():
        return _of_vectors(layer, [(weight, g.transpose(1, 2) @ x), (bias, g.sum(1))])
    if t == 1:
        of_slope = g.square().sum((1, 2))
        squares = x.square().sum((1, 2)) * of_slope
    else:  # |sum_t g_t x_t^T|^2 = sum_ts (g_t g_s)(x_t x_s) (Li et al., 2022)
        squares, of_slope = ((x @ x.transpose(1, 2)) * (g @ g.transpose(1, 2))).sum((1, 2)), g.sum(1).square().sum(1)
    biased = bias is not None and bias.requires_grad

    def weighted(weights: Tensor) -> Sums:
        rows, columns, each = g.flatten(0, 1), x.flatten(0, 1), weights.repeat_interleave(t)
        if rows.shape[1] > columns.shape[1]:  # the narrower of the two takes the weights
            total = rows.T @ (columns * each[:, None])
        else:
            total = (rows * each[:, None]).T @ columns
        return {weight: total, bias: each @ rows} if biased else {weight: total}

    return Gradients(squares + of_slope if biased else squares, weighted)


def _windows(x: Tensor, layer: Any) -> Tensor:
    """What each place of a convolution sees of x [n, c, ...]: [n, c * kernel, places]."""
    if all(size == 1 for size in layer.kernel_size) and all(size == 1 for size in layer.stride) and not any(layer.padding):
        return x.flatten(2)
    x = F.pad(x, [side for size in reversed(layer.padding) for side in (size, size)])
    spans = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    places = [(size - span) // step + 1 for size, span, step in zip(x.shape[2:], spans, layer.stride, strict=True)]
    steps = x.stride()[2:]
    within = [step * d for step, d in zip(steps, layer.dilation, strict=True)]
    between = [step * s for step, s in zip(steps, layer.stride, strict=True)]
    seen = x.as_strided((*x.shape[:2], *layer.kernel_size, *places), (*x.stride()[:2], *within, *between))
    return seen.reshape(len(x), -1, math.prod(places))


def _products(rows: Tensor, columns: Tensor, groups: int) -> Tensor:
    """[n, groups, r, c]: products over places of rows [n, groups * r, places] and columns [n, groups * c, places]."""
    rows, columns = (part.reshape(len(part), groups, -1, part.shape[2]) for part in (rows, columns))
    return rows @ columns.transpose(2, 3)


def _convolution(layer: Any, given: Tensor, slope: Tensor) -> Gradients:
    places = slope.flatten(2)
    return _of_vectors(
        layer, [(layer.weight, _products(places, _windows(given, layer), layer.groups)), (layer.bias, places.sum(2))]
    )


def _transposed(layer: Any, given: Tensor, slope: Tensor) -> Gradients:
    """A transposed convolution's input is where the gradient of its output would be convolved to."""
    found = _products(given.flatten(2), _windows(slope, layer), layer.groups)
    return _of_vectors(layer, [(layer.weight, found), (layer.bias, slope.flatten(2).sum(2))])


def _layer_norm(layer: nn.LayerNorm, given: Tensor, slope: Tensor) -> Gradients:
    shape = layer.normalized_shape
    scaled = (slope * F.layer_norm(given, list(shape), None, None, layer.eps)).reshape(len(slope), -1, *shape).sum(1)
    return _of_vectors(layer, [(layer.weight, scaled), (layer.bias, slope.reshape(len(slope), -1, *shape).sum(1))])


def _group_norm(layer: nn.GroupNorm, given: Tensor, slope: Tensor) -> Gradients:
    scaled = (slope * F.group_norm(given, layer.num_groups, None, None, layer.eps)).flatten(2).sum(2)
    return _of_vectors(layer, [(layer.weight, scaled), (layer.bias, slope.flatten(2).sum(2))])


def _embedding(layer: nn.Embedding, given: Tensor, slope: Tensor) -> Gradients:
    """A row's gradient is the sum over the places where it was looked up."""
    n, width = len(slope), slope.shape[-1]
    at, g = given.reshape(n, -1), slope.reshape(n, -1, width)
    squares = ((g @ g.transpose(1, 2)) * (at[:, :, None] == at[:, None, :])).sum((1, 2))

    def weighted(weights: Tensor) -> Sums:
        scaled = (g * weights[:, None, None]).flatten(0, 1)
        return {layer.weight: torch.zeros_like(layer.weight).index_add_(0, at.flatten(), scaled)}

    return Gradients(squares, weighted)


RULES: Mapping[type[nn.Module], Callable[[Any, Any, Any], Gradients]] = {
    nn.Linear: _linear,
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.Conv3d: _convolution,
    nn.ConvTranspose1d: _transposed,
    nn.ConvTranspose2d: _transposed,
    nn.ConvTranspose3d: _transposed,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.Embedding: _embedding,
}
