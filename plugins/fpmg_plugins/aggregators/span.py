"""Merging in the span of the inputs: one float64 Gram pass over differences to the reference, then m x m arithmetic.

Subtracting the reference first keeps distances exact when models are close relative to their norm
(|x|^2 + |y|^2 - 2xy in float32 loses every digit there).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

BLOCK = 1 << 12  # coordinates a pass: the float64 copies of a block stay in the cache (measured 2x faster than 1 << 16)


def gram(inputs: Tensor, reference: Tensor, more: Sequence[Tensor] = ()) -> Tensor:
    """Inner products [m + k, m + k] float64 of inputs - reference [m, d] and of `more`, k vectors [d] that are differences already."""
    import torch

    size = len(inputs) + len(more)
    total = torch.zeros(size, size, dtype=torch.float64)
    for start in range(0, reference.numel(), BLOCK):
        cut = slice(start, start + BLOCK)
        part = inputs[:, cut].double().sub_(reference[cut])  # in place: a second temporary costs as much as the product
        if more:
            part = torch.cat([part, *(extra[None, cut].double() for extra in more)])
        total.addmm_(part, part.T)
    return total


def combine(inputs: Tensor, weights: Tensor, reference: Tensor, more: Sequence[Tensor] = (), *, delta: bool = False) -> Tensor:
    """reference + weights @ (inputs - reference, *more) as [d]; delta=True leaves the reference out."""
    import torch

    merged = torch.empty_like(reference)
    for start in range(0, reference.numel(), BLOCK):
        cut = slice(start, start + BLOCK)
        base = reference[cut].double()
        mine = weights[: len(inputs)].double()
        step = torch.addmv(base, inputs[:, cut].double().T, mine, beta=-float(mine.sum()))
        for weight, extra in zip(weights[len(inputs) :], more, strict=True):
            step += weight.double() * extra[cut].double()
        merged[cut] = (step if delta else base + step).to(reference.dtype)
    return merged
