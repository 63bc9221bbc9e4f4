"""Conditions as network inputs: a class one-hot, a flag -1/1, a number scaled to [-1, 1] by its declared range; unknown 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpmg_bench.devices import drawn as at_random
from fpmg_bench.errors import PluginError
from fpmg_bench.strata import edges
from fpmg_bench.types import TARGET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fpmg_bench.types import Column, Rng, Space


def width(space: Space) -> int:
    """Columns of `features`."""
    return classes(space) + sum(column.width for column in space.condition[1:])


def flags(space: Space, names: Sequence[str]) -> list[int]:
    """Columns of `features` in which these flags are. PluginError for what is no flag of the cohort."""
    at, found = classes(space), dict[str, tuple[str, int]]()
    for column in space.condition[1:]:
        found[column.name] = (column.type, at)
        at += column.width
    known = [name for name, (kind, _) in found.items() if kind == "flag"]
    odd = [name for name in names if name not in known]
    if odd:
        raise PluginError(f"{odd[0]!r} is no flag among the cohort's conditions", f"flags are {', '.join(known) or 'none'}")
    return [found[name][1] for name in names]


def classes(space: Space) -> int:
    """Classes of the label, the first condition; a flag has two."""
    column = space.condition[0]
    return column.width if column.type == "category" else 2


def target(space: Space, condition: Tensor) -> Tensor | None:
    """[n, 1] the number or time that the label stands for, in [-1, 1]; None where the label is a class."""
    return _encoded(space.condition[TARGET], condition[:, TARGET]) if space.condition[0].stands_for else None


def features(space: Space, condition: Tensor) -> Tensor:
    """[n, width] float32 from conditions [n, c]; the label's one-hot comes first."""
    label = torch.nn.functional.one_hot(condition[:, 0].long(), classes(space)).float()
    rest = [_encoded(column, condition[:, i]) for i, column in enumerate(space.condition) if i > 0]
    return torch.cat([label, *rest], dim=1)


def weights(shares: Tensor, balance: bool) -> Tensor:
    """[K] weights of a loss that give every class the same say; a class of next to no patient keeps a bounded one."""
    return 1 / (len(shares) * shares.clamp(min=0.02)) if balance else torch.ones_like(shares)


def drawn(space: Space, label: Tensor, mean: Tensor, spread: Tensor, rng: Rng) -> Tensor:
    """[n, width]: features as patients of these labels [n] have them; mean [n, rest], spread [rest] of the encoded other conditions.

    A flag is -1 or 1, a category one-hot, and the number that a label stands for lies in its stratum, as in real rows: whoever
    compares the two must not tell them by that.
    """
    made = [torch.nn.functional.one_hot(label, classes(space)).float()]
    at = 0
    for column in space.condition[1:]:
        mine = slice(at, at + column.width)
        made.append(_draw(column, mean[:, mine], spread[mine], rng))
        if at == 0 and space.condition[0].stands_for == "number":
            low, high = _strata(space).to(label.device)[label].T
            made[-1] = made[-1].clamp(low[:, None], high[:, None])
        at += column.width
    return torch.cat(made, dim=1)


def labels(shares: Tensor, rng: Rng) -> Tensor:
    """One index [n] for each row of shares [n, k], drawn on the CPU and moved to where the shares lie."""
    return torch.multinomial(shares.cpu(), 1, generator=rng)[:, 0].to(shares.device)


def _draw(column: Column, mean: Tensor, spread: Tensor, rng: Rng) -> Tensor:
    if column.type == "category":
        return torch.nn.functional.one_hot(labels(mean.clamp(min=1e-6), rng), column.width).float()
    if column.type == "flag":
        return torch.where(at_random(mean.shape, rng, mean, torch.rand) < (1 + mean) / 2, 1.0, -1.0)
    return (mean + spread * at_random(mean.shape, rng, mean)).clamp(-1, 1)


def _strata(space: Space) -> Tensor:
    """[classes, 2]: where each stratum of the label's number begins and ends, in [-1, 1]."""
    number = space.condition[TARGET]
    low, high = number.low if number.low is not None else -1.0, number.high if number.high is not None else 1.0
    ends = torch.tensor(edges(space.condition[0], low, high), dtype=torch.float64)
    return torch.stack([_encoded(number, ends[:, side])[:, 0] for side in (0, 1)], dim=1)


def _encoded(column: Column, values: Tensor) -> Tensor:
    known = ~values.isnan()
    values = values.nan_to_num(0.0)
    if column.type == "category":
        return torch.nn.functional.one_hot(values.long(), column.width).float() * known[:, None]
    if column.type == "flag":
        return ((2 * values - 1) * known).float()[:, None]
    low, high = column.low if column.low is not None else -1.0, column.high if column.high is not None else 1.0
    return ((2 * (values - low) / max(high - low, 1e-12) - 1) * known).float()[:, None]
