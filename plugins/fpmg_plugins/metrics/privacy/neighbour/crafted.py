"""An active neighbour or server: weights made up so that what comes back holds patients (Fowl et al., "Robbing the Fed", ICLR 2022).

All units of a discriminator's first layer measure a row along one direction, each with a threshold of its own, and pass on
alike. A leaky unit's slope then differs from the next one's for rows between their thresholds alone, so of gradients the
difference of two units, over that of their biases, is that row: exactly, where one row lies there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State

FIRST, NEXT = "body.0", "body.2"
SMALL = 1e-3  # so that no loss is at its end, and weights are as small as their changes, of which float32 then keeps more digits
NOTHING = 1e-4  # of the largest difference of two biases: no row lay between


def crafted(state: State, module: str, rows: Tensor, direction: Tensor) -> State:
    """The state that is sent. rows [n, d]: the attacker's own, as the layer gets them; direction [d], of length 1."""
    weight, after = state[f"{module}/{FIRST}.weight"], state[f"{module}/{NEXT}.weight"]
    units = len(weight)
    thresholds = torch.quantile(rows @ direction, (torch.arange(units) + 0.5) / units)
    return {
        **state,
        f"{module}/{FIRST}.weight": (SMALL * direction).expand(units, -1).clone().to(weight.dtype),
        f"{module}/{FIRST}.bias": (-SMALL * thresholds).to(weight.dtype),
        f"{module}/{NEXT}.weight": after.abs().mean().expand_as(after).clone(),
    }


def rebuilt(sent: State, back: State, module: str) -> Tensor:
    """Rows [k, d], k below the number of units, from the change of the first layer; along the direction they are not right where the
    loss has a slope penalty, which adds a multiple of it."""
    names = [f"{module}/{FIRST}.{part}" for part in ("weight", "bias")]
    weight, bias = ((sent[name] - back[name]).double() for name in names)
    above, over = weight[:-1] - weight[1:], bias[:-1] - bias[1:]
    there = over.abs() > NOTHING * over.abs().max().clamp(min=1e-30)
    return above[there] / over[there, None]


def misses(rows: Tensor, found: Tensor, direction: Tensor) -> Tensor:
    """[n] distance of each row to the nearest rebuilt one, across the direction; infinite where nothing was rebuilt."""
    if not len(found):
        return torch.full((len(rows),), torch.inf, dtype=torch.float64)
    across = torch.eye(len(direction), dtype=torch.float64) - torch.outer(direction, direction).double()
    return torch.cdist(rows.double() @ across, found.double() @ across).min(1).values
