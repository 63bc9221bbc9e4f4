"""The linear path of a picture coder, and its start from principal components that one exchange of moments gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.picture import pixels

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Schema, State

LARGEST = 32  # side of the linear picture: d x d moments of it travel
LEAST = 1e-2  # standard deviation of a component, on the scale of `scaled`, below which it is not blown up to 1
RANGE = 2.0  # scaled pixels lie within +-RANGE


class LinearPath(nn.Module):
    """A picture of side min(side, LARGEST) to a part of the vector, and the vector to such a picture: two linear maps."""

    def __init__(self, colours: int, side: int, dim: int) -> None:
        super().__init__()
        self.colours, self.side, self.small = colours, side, min(side, LARGEST)
        width = colours * self.small**2
        # Adam moves every weight by lr: of a thousand neighbouring pixels together that would throw the vector about
        self.gain = width**-0.5
        self.read = nn.Linear(width, dim)
        self.picture = nn.Linear(dim, width)
        nn.init.normal_(self.read.weight, std=0.7)
        nn.init.zeros_(self.read.bias)
        nn.init.normal_(self.picture.weight, std=0.02)

    def code(self, still: Tensor) -> Tensor:
        """[n, dim] of mean frames [n, colours, side, side]."""
        found: Tensor = self.read(F.adaptive_avg_pool2d(still, self.small).flatten(1) * self.gain)
        return found

    def draw(self, z: Tensor) -> Tensor:
        """[n, colours, small, small]."""
        drawn: Tensor = self.picture(z)
        return drawn.reshape(len(z), self.colours, self.small, self.small)

    def halved(self, drawn: Tensor) -> Tensor:
        """What convolutions at half the side see of it, without loss: [n, k, side / 2, side / 2]."""
        return F.pixel_unshuffle(drawn, 2) if self.small == self.side else drawn

    @property
    def planes(self) -> int:
        """Channels of `halved`."""
        return self.colours * (4 if self.small == self.side else 1)

    def begin(self, mean: Tensor, second: Tensor) -> None:
        """Whitened principal components (Pearson, 1901) of moments [d] and [d, d] about zero."""
        size, basis = _components(second - mean[:, None] * mean, self.read.out_features)
        project = basis / size.clamp(min=LEAST)
        for parameter, value in (
            (self.read.weight, project.T / self.gain),
            (self.read.bias, -(mean @ project)),
            (self.picture.weight, basis * size),
            (self.picture.bias, mean),
        ):
            parameter.data.copy_(value.float())


def _components(covariance: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Standard deviations [dim], descending, and directions [d, dim] whose largest entry is positive; zeros beyond d."""
    values, vectors = torch.linalg.eigh(covariance)
    values, vectors = values.flip(0)[:dim].clamp(min=0.0), vectors.flip(1)[:, :dim]
    peak = vectors.abs().argmax(dim=0)
    vectors = vectors * torch.sign(vectors[peak, torch.arange(vectors.shape[1])])
    short = dim - len(values)
    return F.pad(values, (0, short)).sqrt(), F.pad(vectors, (0, short))


def statistics(schema: Schema, shard: Shard, side: int) -> State:
    """n [1], sum [d] and upper triangle of the sum of outer products [d (d + 1) / 2] of scaled mean frames; float64."""
    small = min(side, LARGEST)
    frames = pixels.channels(schema) // schema.shape[-3]

    def rows(data: object) -> Tensor:
        x = pixels.scaled(pixels.reduced(schema, data, small))  # type: ignore[arg-type]
        return x.reshape(len(x), frames, -1).mean(1)

    d = schema.shape[-3] * small**2
    found = shard.moments(rows, RANGE * d**0.5)
    upper = torch.triu_indices(d, d)
    return {
        "moments/n": torch.tensor([found.n], dtype=torch.float64),
        "moments/sum": found.n * found.mean,
        "moments/outer": found.n * found.second[upper[0], upper[1]],
    }


def moments(stats: State) -> tuple[Tensor, Tensor]:
    """Mean [d] and second moment [d, d] of the summed statistics."""
    n = stats["moments/n"].clamp(min=1.0)
    mean = stats["moments/sum"] / n
    at = torch.triu_indices(len(mean), len(mean))
    second = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    second[at[0], at[1]] = stats["moments/outer"] / n
    return mean, second + torch.triu(second, 1).T
