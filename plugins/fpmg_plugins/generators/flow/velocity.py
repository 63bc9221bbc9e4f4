"""The parts of a flow in white coordinates: x(a) = cos(a) u + sin(a) n from noise (a = pi/2) to a patient (a = 0), velocity dx/da.

For u from a standard normal distribution the expected velocity at every x is 0: what is to be learnt is what a Gaussian misses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import torch
from torch import nn
from torch.nn import functional

from fpmg_bench.devices import CPU, drawn
from fpmg_bench.types import Representation
from fpmg_plugins.generators import conditions
from fpmg_plugins.generators.columns import presence

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Rng, Space, State

QUARTER_TURN = math.pi / 2
TABLE = 1024  # noise vectors of a step: a record takes its own few of them
AT_ONCE = 4096  # rows
FIXED = 16  # draws of the objective
LEAST = 0.01  # of an eigenvalue of the correlations: what is never seen to vary alone is not made much of


@dataclass(frozen=True)
class Whitener:
    """Between vectors z and white u: z = features(condition) given + factor u. given [c, d], factor [d, d].

    here [K, d]: where a silo's patients of a class are beside all silos'; None: nobody told.
    """

    space: Space
    given: Tensor
    factor: Tensor
    here: Tensor | None = None

    @cached_property
    def tilt(self) -> Tensor:
        """[d, d]: errors of z in the coordinates of the loss, once it is asked for; see `tilted`."""
        return tilted(self.factor)

    @classmethod
    def of(cls, space: Space, state: State, here: Tensor | None = None) -> Self:
        """From the state of a flow, which `LatentFlow.init` made."""
        return cls(space, state["prior/given"], state.get("prior/within", state["prior/factor"]), here)

    def to(self, device: str) -> Self:
        """The same coordinates there."""
        here = None if self.here is None else self.here.to(device)
        return type(self)(self.space, self.given.to(device), self.factor.to(device), here)

    def centre(self, condition: Tensor) -> Tensor:
        """Mean vectors [n, d] under these conditions."""
        return conditions.features(self.space, condition) @ self.given

    def rows(self, rows: Representation) -> Mapping[str, Tensor]:
        """A shard's rows as the network sees them. Of an absent modality u is what the present ones make likely."""
        off = rows.z - self.centre(rows.condition)
        off = off if self.here is None else off - self.here[rows.condition[:, 0].long()]
        held = presence(self.space, rows.present)
        u = torch.empty_like(off)
        patterns, which = torch.unique(rows.present, dim=0, return_inverse=True)
        for i, pattern in enumerate(patterns):
            at, mine = presence(self.space, pattern[None])[0].bool(), which == i
            u[mine] = off[mine][:, at] @ torch.linalg.pinv(self.factor[at].double()).T.float()
        return {
            "u": u,
            "held": held,
            "present": rows.present.float(),
            "given": conditions.features(self.space, rows.condition),
            "label": rows.condition[:, 0].long(),
            "row": torch.arange(len(off)),
        }

    def back(self, u: Tensor, condition: Tensor) -> Tensor:
        """Vectors [n, d] of white coordinates."""
        return self.centre(condition) + u @ self.factor.T


@dataclass(frozen=True, slots=True)
class Draws:
    """Noise [t, d] and angles [t] of one step; a record takes `each` of them by its place, so that a loss is its row's alone."""

    noise: Tensor
    angle: Tensor
    each: int
    same: bool = False

    @classmethod
    def new(cls, each: int, d: int, rng: Rng, device: str = CPU) -> Self:
        like = torch.zeros((), device=device)
        return cls(drawn((TABLE, d), rng, like), QUARTER_TURN * drawn((TABLE,), rng, like, torch.rand), each)

    @classmethod
    def fixed(cls, d: int) -> Self:
        """The same for every record: angles spread evenly."""
        rng = torch.Generator()
        rng.manual_seed(0)
        return cls(drawn((FIXED, d), rng, torch.zeros(())), QUARTER_TURN * (torch.arange(FIXED) + 0.5) / FIXED, FIXED, same=True)

    def of(self, row: Tensor) -> tuple[Tensor, Tensor]:
        """Noise [n, each, d] and angles [n, each, 1]."""
        first = torch.zeros_like(row) if self.same else row * self.each
        at = (first[:, None] + torch.arange(self.each, device=row.device)) % len(self.angle)
        return self.noise[at], self.angle[at][..., None]


class Velocity(nn.Module):
    """Velocity [..., d] at x [..., d], angle [..., 1], masks [..., m] and conditions [..., c]; 0 at the start.

    Residual layers (He et al., 2016): at equal time they find more modes than as many plain ones.
    """

    def __init__(self, d: int, m: int, c: int, hidden: int, depth: int = 3) -> None:
        super().__init__()
        self.modalities = m
        self.first = nn.Linear(d + m + c + 4, hidden)
        self.layers = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(depth))
        self.last = nn.Linear(hidden, d)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, angle: Tensor, present: Tensor, given: Tensor) -> Tensor:
        clock = [angle.sin(), angle.cos(), (4 * angle).sin(), (4 * angle).cos()]
        h: Tensor = self.first(torch.cat([x, present, given, *clock], dim=-1))
        for layer in self.layers:
            h = h + layer(functional.silu(h))
        y: Tensor = self.last(functional.silu(h))
        return y


def tilted(factor: Tensor) -> Tensor:
    """D^-1 R^-1/4 / sqrt(tr R^1/2) for F F^T = D R D with correlations R: half way from vectors' own spread to white coordinates.

    In the first, directions of small variance go unlearnt; in the second, they outweigh the rest (docs/decisions/055-flow-that-learns.md).
    """
    spread = factor.double().norm(dim=1).clamp(min=1e-12)
    whole = factor.double() / spread[:, None]
    values, vectors = torch.linalg.eigh(whole @ whole.T)
    values = values.clamp(min=LEAST)
    root: Tensor = (vectors * values**-0.25) @ vectors.T / values.sqrt().sum().sqrt()
    found: Tensor = (root / spread[:, None]).to(factor.dtype)
    return found


def losses(net: nn.Module, batch: Mapping[str, Tensor], draws: Draws, white: Whitener) -> Tensor:
    """Squared error of the velocity [n], tilted, over the modalities that a record has: about 1 for the velocity 0."""
    noise, angle = draws.of(batch["row"])
    u, k = batch["u"][:, None, :], noise.shape[1]
    x, velocity = angle.cos() * u + angle.sin() * noise, angle.cos() * noise - angle.sin() * u
    present, given, held = (batch[name][:, None, :].expand(-1, k, -1) for name in ("present", "given", "held"))
    off: Tensor = (net(x, angle, present, given) - velocity) @ white.factor.T
    tilted_off: Tensor = (off * held) @ white.tilt
    return tilted_off.square().sum(-1).mean(1)


def composed(net: Velocity, flags: Sequence[int], x: Tensor, angle: Tensor, present: Tensor, given: Tensor) -> Tensor:
    """Velocities [n, d]; where several of these flags, columns of given, are set: v(none) + the sum over them of v(it alone) - v(none).

    Means are linear in the conditions, so in white coordinates they add up already.
    """
    columns = list(flags)
    v: Tensor = net(x, angle, present, given)
    if len(columns) < 2:
        return v
    asked = given[:, columns] > 0
    both = asked.sum(1) > 1
    if not bool(both.any()):
        return v
    x, angle, present, bare, asked = x[both], angle[both], present[both], given[both].clone(), asked[both]
    bare[:, columns] = -1.0
    base: Tensor = net(x, angle, present, bare)
    total = base
    for i, column in enumerate(columns):
        alone = bare.clone()
        alone[:, column] = 1.0
        total = total + asked[:, i, None] * (net(x, angle, present, alone) - base)
    v[both] = total
    return v


def transport(net: Velocity, x: Tensor, given: Tensor, steps: int, flags: Sequence[int] = ()) -> Tensor:
    """From noise [n, d] to white coordinates of patients who have every modality, so many at a time that activations stay in cache.

    flags: see `composed`.
    """
    parts = -(-len(x) // AT_ONCE) or 1
    return torch.cat(
        [_transport(net, *part, steps, flags) for part in zip(x.tensor_split(parts), given.tensor_split(parts), strict=True)]
    )


@torch.no_grad()
def _transport(net: Velocity, x: Tensor, given: Tensor, steps: int, flags: Sequence[int]) -> Tensor:
    """Heun's method over the quarter turn."""
    present = x.new_ones(len(x), net.modalities)
    h = -QUARTER_TURN / steps

    def slope(at: Tensor, angle: float) -> Tensor:
        return composed(net, flags, at, at.new_full((len(at), 1), angle), present, given)

    for i in range(steps):
        angle = QUARTER_TURN + i * h
        first = slope(x, angle)
        x = x + h / 2 * (first + slope(x + h * first, angle + h))
    return x
