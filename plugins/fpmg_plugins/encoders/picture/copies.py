"""Moments of pictures as if each had also been seen moved: what is exchanged stays as it is, and this comes after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

SHIFT = 16  # pictures move by up to 1 / SHIFT of their side either way: 2 pixels of 32


def of_copies(mean: Tensor, second: Tensor, side: int, mirror: bool) -> tuple[Tensor, Tensor]:
    """Moments about zero, mean [d] and second [d, d], of all moved copies of pictures [d = channels x side x side].

    A move P is a shift (edges are repeated) or a mirror image, linear in the pixels: the means of P x and of P x x' P' over all
    P are means of P mean and P second P'. Components of the few pictures that there are name each of them; of their copies too
    they say what pictures of this kind are like. Post-processing of the moments: no byte more, and no patient.
    """
    at = torch.arange(len(mean)).reshape(-1, side, side)
    for moves in _moves(at, mirror):
        mean = torch.stack([mean[move] for move in moves]).mean(0)
        second = sum((second[move][:, move] for move in moves), torch.zeros_like(second)) / len(moves)
    return mean, second


def _moves(at: Tensor, mirror: bool) -> Iterator[list[Tensor]]:
    """Where the pixels of each copy come from; every group of moves is made of the copies of the one before."""
    side = at.shape[-1]
    reach = max(1, side // SHIFT)
    for axis in (1, 2):
        places = [(torch.arange(side) + shift).clamp(0, side - 1) for shift in range(-reach, reach + 1)]
        yield [at.index_select(axis, place).flatten() for place in places]
    if mirror:
        yield [at.flatten(), at.flip(2).flatten()]
