"""A linear code of irregular series: directions from moments of values and masks, read off whatever was seen.

Principal components of mean-imputed series spend themselves on what was not measured. Here each pair of cells has its covariance from
the records that saw both (shrunk towards one that depends on the lag alone), the directions are those of the seen values (Little &
Rubin: available cases; Tipping & Bishop, 1999), and a record's vector is their posterior mean given its own seen cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

SHRINK = (
    320.0  # patients that the covariance by lag counts for beside a pair's own: a ridge, by which fewer of them are recognised
)
LAGGED = 20.0  # patients that the public covariance counts for beside that of a lag
FADE = 3.0  # steps in which the public correlation of a channel with itself falls to 1/e of the way to LASTING
LASTING = 0.4
MASKS, TIMES = 0.6, 0.3  # scale of masks and times beside values of variance 1
NOISE = 0.005  # variance left to each cell
MOST, OFTEN = 3.0, 0.25  # times that steps are amplified; share of cells from which a channel's own steps are known
RARE = 0.02  # cells seen by fewer are weighted as if this share saw them


@dataclass(frozen=True, slots=True)
class Seen:
    """Second moments of standardised cells, in steps x channels: values m x [q], masks m - p [q], times [t], each per patient."""

    n: float
    steps: int
    channels: int
    share: Tensor  # [q] share that sees each cell
    second: Tensor  # [2 q + t, 2 q + t]
    both: Tensor  # [q, q] share that sees both cells


def directions(seen: Seen, dim: int) -> tuple[Tensor, Tensor]:
    """Loadings [dim, 2 q + t] of unit-variance codes on values, scaled masks and scaled times, and the masks' scales [q].

    A gap costs what the neighbouring value would be wrong by, so masks of channels that jump weigh more.
    """
    q, by_lag = len(seen.share), _by_lag(seen)
    jump = (2 - 2 * by_lag[min(1, seen.steps - 1)].diagonal() / by_lag[0].diagonal().clamp(min=1e-6)).clamp(0.5, 4.0).sqrt()
    masks = (MASKS * jump).repeat(seen.steps)
    scale = torch.cat([torch.ones(q).double(), masks, torch.full((len(seen.second) - 2 * q,), TIMES).double()])
    joint = seen.second.clone()
    joint[:q, :q] = _values(seen, by_lag)
    known = 1 / (seen.share + SHRINK / max(seen.n, 1.0))  # cross moments are sums over those who saw the cell
    joint[:q, q:] *= known[:, None]
    joint[q:, :q] *= known[None, :]
    return leading(joint * scale[:, None] * scale, seen.share, dim), masks


def liveliness(seen: Seen, basis: Tensor) -> Tensor:
    """By how much the steps of each channel [c] are larger among patients than after these loadings: 1 to MOST.

    Vectors are posterior means, which vary less than they might where little was seen: as G (G + 1)^-1, G the mean of what seen
    cells say. Amplified are deviations from the running mean, of which steps are mostly made.
    """
    q, steps, channels = len(seen.share), seen.steps, seen.channels
    own = basis[:, :q]
    told = (own * seen.share) @ own.T / NOISE
    vectors = told @ torch.linalg.inv(told + torch.eye(len(told), dtype=torch.float64))
    real, kept = (_steps(part, steps, channels) for part in (_values(seen, _by_lag(seen)), own.T @ vectors @ own))
    gain = (real.clamp(min=0.0) / kept.clamp(min=1e-9)).sqrt().clamp(1.0, MOST)
    return torch.where(seen.share.reshape(steps, channels).mean(0) < OFTEN, 1.0, gain)


def _steps(covariance: Tensor, steps: int, channels: int) -> Tensor:
    """Mean square [c] of a channel's changes from one step to the next."""
    shape = (steps, channels, steps, channels)
    at, of = torch.arange(steps - 1), torch.arange(channels)
    each = covariance.reshape(shape)[:, of, :, of]  # [c, t, t]
    return (
        (each[:, at, at] + each[:, at + 1, at + 1] - 2 * each[:, at, at + 1]).mean(1)
        if steps > 1
        else torch.zeros(channels).double()
    )


def leading(joint: Tensor, share: Tensor, dim: int) -> Tensor:
    """Leading directions where each value counts as often as it is seen; the largest entry of each is positive."""
    weight = torch.ones(len(joint), dtype=torch.float64)
    weight[: len(share)] = share.clamp(min=RARE).sqrt()
    size, vectors = torch.linalg.eigh(joint * weight[:, None] * weight)
    size, vectors = size.flip(0)[:dim].clamp(min=1e-9), vectors.flip(1)[:, :dim]
    peak = vectors.abs().argmax(dim=0)
    vectors = vectors * torch.sign(vectors[peak, torch.arange(vectors.shape[1])])
    found = (vectors * size.sqrt() / weight[:, None]).T
    return torch.nn.functional.pad(found, (0, 0, 0, dim - len(found))).contiguous()


def public(steps: int, channels: int, dim: int) -> Tensor:
    """Loadings without any patient: channels and masks that change slowly, each by itself; nothing of times."""
    q = steps * channels
    lag = _lag(steps).double()
    slow = torch.kron(LASTING + (1 - LASTING) * torch.exp(-lag / FADE), torch.eye(channels, dtype=torch.float64))
    joint = torch.zeros(2 * q + steps, 2 * q + steps, dtype=torch.float64)
    joint[:q, :q] = slow
    joint[q : 2 * q, q : 2 * q] = MASKS**2 / 4 * slow
    return leading(joint, torch.full((q,), 0.5, dtype=torch.float64), dim)


def codes(basis: Tensor, values: Tensor, seen: Tensor, rest: Tensor) -> Tensor:
    """Posterior means [n, dim] given values [n, q] where seen [n, q], and rest [n, q + t]: scaled masks and times; float64."""
    q = values.shape[1]
    own, other = basis[:, :q], basis[:, q:]
    precision = torch.eye(len(basis), dtype=torch.float64) + other @ other.T / NOISE
    # sum over seen cells of the outer products of their loadings, a product of [n, q] and [q, dim^2]
    pairs = (own[:, None, :] * own[None, :, :]).flatten(0, 1)
    gram = (seen @ pairs.T).reshape(-1, len(basis), len(basis)) / NOISE
    right = ((values * seen) @ own.T + rest @ other.T) / NOISE
    found: Tensor = torch.linalg.solve(precision + gram, right)
    return found


def _by_lag(seen: Seen) -> Tensor:
    """Covariance [t, c, c] of channels so many steps apart."""
    shape = (seen.steps, seen.channels, seen.steps, seen.channels)
    q = len(seen.share)
    sums, pairs = (seen.n * seen.second[:q, :q]).reshape(shape), (seen.n * seen.both).reshape(shape)
    return torch.stack([_at_lag(sums, pairs, lag) for lag in range(seen.steps)])


def _values(seen: Seen, by_lag: Tensor) -> Tensor:
    """Covariance [q, q] of values from the patients that saw both cells, shrunk towards that of their lag."""
    q, pairs = len(seen.share), seen.n * seen.both
    sums = seen.n * seen.second[:q, :q]
    prior = by_lag[_lag(seen.steps)].transpose(1, 2).reshape(q, q)
    return (sums + SHRINK * prior) / (pairs + SHRINK)


def _at_lag(sums: Tensor, pairs: Tensor, lag: int) -> Tensor:
    """Covariance [c, c] of channels `lag` steps apart, whichever comes first, over all steps."""
    steps, channels = sums.shape[0], sums.shape[1]
    at = torch.arange(steps - lag)
    total, count = (part[at, :, at + lag].sum(0) + part[at + lag, :, at].sum(0) for part in (sums, pairs))
    total, count = total + total.T, count + count.T
    public = torch.eye(channels, dtype=torch.float64) * (LASTING + (1 - LASTING) * math.exp(-lag / FADE))
    patients = count / (4 * steps)
    return (total / count.clamp(min=1e-9) * patients + LAGGED * public) / (patients + LAGGED)


def _lag(steps: int) -> Tensor:
    at = torch.arange(steps)
    return (at[:, None] - at[None, :]).abs()
