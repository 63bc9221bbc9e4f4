"""Merging in the span of the inputs: one float64 Gram pass over differences to the reference, then m x m arithmetic.

Subtracting the reference first keeps distances exact when models are close relative to their norm
(|x|^2 + |y|^2 - 2xy in float32 loses every digit there).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

FAR = 1e6  # squared distance to the reference over squared spread, from which the Gram matrix has lost six digits of sixteen


def cuts(models: int, length: int) -> Iterator[slice]:
    """Coordinates a pass: so many that Python's calls cost little, so few that float64 copies of all models stay in the cache.

    Measured for 2 to 64 models on 1 MiB of level 2: within 15 % of the best power of two, 2x faster than 1 << 12 for five.
    """
    width = min(1 << 15, (1 << 18) // models)
    yield from (slice(start, start + width) for start in range(0, length, width))


def gram(inputs: Tensor, reference: Tensor, more: Sequence[Tensor] = ()) -> Tensor:
    """Inner products [m + k, m + k] float64 of inputs - reference [m, d] and of `more`, k vectors [d] that are differences already."""
    import torch

    size = len(inputs) + len(more)
    total = torch.zeros(size, size, dtype=torch.float64)
    for cut in cuts(size, reference.numel()):
        part = inputs[:, cut].to(torch.float64, copy=True)
        part.sub_(reference[cut])  # in place: a second temporary costs as much as the product
        if more:
            part = torch.cat([part, *(extra[None, cut].double() for extra in more)])
        total.addmm_(part, part.T)
    return total


def squared_distances(inputs: Tensor, reference: Tensor) -> Tensor:
    """Squared distances [m, m] float64 between inputs [m, d], symmetric to the bit; infinite to a model that is not finite.

    Models that moved far from the reference together are measured once more from the one in their middle: a second pass,
    only where the first one has lost digits.
    """
    products = gram(inputs, reference)
    found = _from_products(products)
    middle = int(half_way(found).argmin())
    if float(products[middle, middle]) > FAR * float(half_way(found)[middle]):
        found = _from_products(gram(inputs, inputs[middle]))
    return found


def half_way(distances: Tensor) -> Tensor:
    """The (squared) distance [m] within which each model has more than half of all models, itself included."""
    return distances.sort(1).values[:, len(distances) // 2]


def _from_products(products: Tensor) -> Tensor:
    lengths = products.diagonal()
    found = lengths[:, None] + lengths[None, :] - (products + products.T)
    return found.nan_to_num(nan=float("inf"), posinf=float("inf")).clamp_(min=0).fill_diagonal_(0)


def distances_to(inputs: Tensor, center: Tensor) -> Tensor:
    """Distances [m] float64 of inputs [m, d] to one vector [d]."""
    import torch

    total = torch.zeros(len(inputs), dtype=torch.float64)
    for cut in cuts(len(inputs), center.numel()):
        total += inputs[:, cut].to(torch.float64, copy=True).sub_(center[cut]).square_().sum(1)
    return total.sqrt()


def distances_from(distances: Tensor, shares: Tensor) -> Tensor:
    """Distances [m] of the models from the mean with these shares [m], from their squared distances [m, m]; shares sum to 1."""
    live = shares != 0  # infinity times 0 is not a number
    towards = distances[:, live] @ shares[live]
    return (towards - shares[live] @ towards[live] / 2).clamp(min=0).sqrt()


def combine(inputs: Tensor, weights: Tensor, reference: Tensor, more: Sequence[Tensor] = (), *, delta: bool = False) -> Tensor:
    """reference + weights @ (inputs - reference, *more) as [d]; delta=True leaves the reference out. Weight 0 is not read."""
    import torch

    merged = torch.empty_like(reference)
    given = weights[: len(inputs)].double()
    rows = given.nonzero().flatten()
    mine = given[rows]
    for cut in cuts(len(inputs), reference.numel()):
        base = reference[cut].double()
        block = inputs[:, cut] if len(rows) == len(inputs) else inputs[rows, cut]
        step = torch.addmv(base, block.double().T, mine, beta=-float(mine.sum()))
        for weight, extra in zip(weights[len(inputs) :], more, strict=True):
            step += weight.double() * extra[cut].double()
        merged[cut] = (step if delta else base + step).to(reference.dtype)
    return merged


def mean_of(inputs: Tensor, chosen: Sequence[int], reference: Tensor) -> Tensor:
    """The plain mean [d] of the chosen rows of inputs [m, d]; of one row, its very bits."""
    import torch

    if len(chosen) == 1:
        return inputs[chosen[0]].clone()
    weights = torch.zeros(len(inputs), dtype=torch.float64)
    weights[list(chosen)] = 1 / len(chosen)
    return combine(inputs, weights, reference)
