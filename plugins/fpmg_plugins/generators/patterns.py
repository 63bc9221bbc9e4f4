"""Which modalities a record has: counts of patterns by label, and records that have them as often and together as patients do.

A silo that lacks a modality altogether (its hospital has no such machine: public) says nothing about whose patient would have it,
so it is left out; where no silo has all, modalities are drawn one by one, each as often as among the silos that have it
(docs/decisions/083-missing-is-data.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpmg_plugins.generators import conditions

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from torch import Tensor

    from fpmg_bench.types import Representation, Rng, Space, State

MOST = 8  # modalities whose patterns are counted, 2^8 a class; of more each is drawn by itself
COUNTS, LACKING, VARIANCE = "patterns/counts", "patterns/lacking", "patterns/variance"
SURE = 2.0  # standard deviations of noise by which a modality must fall short of everybody to be one that patients lack
PATTERNS, HAD = "prior/patterns", "prior/had"


def bins(rows: Representation) -> Tensor:
    """[n, K 2^m]: one-hot of label and pattern, the first modality its highest bit; [n, 0] of more than MOST modalities."""
    m = rows.present.shape[1]
    if m > MOST:
        return torch.zeros(len(rows.z), 0)
    at = rows.condition[:, 0].long() * 2**m + (rows.present.long() * _bits(m)).sum(1)
    return torch.nn.functional.one_hot(at, conditions.classes(rows.space) * 2**m).float()


def told(space: Space, patients: float, lacks: AbstractSet[str], joined: Tensor | None) -> State:
    """What a silo tells. joined [K 2^m]: the sum of `bins` over its records; None where it does not travel (under privacy)."""
    counts = {} if joined is None else {COUNTS: torch.zeros_like(joined) if lacks else joined}
    return {LACKING: lacking(space, patients, lacks)} | counts


def lacking(space: Space, patients: float, lacks: AbstractSet[str]) -> Tensor:
    """[1 + m] of one silo: its patients if it lacks anything at all, and once more for each modality that it lacks."""
    without = torch.tensor([bool(lacks), *(name in lacks for name in space.blocks)])
    return without.double() * patients


def prior(space: Space, n: float, present: Tensor, stats: State) -> State:
    """What generators keep. n: patients of all silos; present [m]: records that have each modality, noised under privacy.

    stats, sums over silos: LACKING; COUNTS [K 2^m], of `bins`, over the silos that lack nothing, without privacy; VARIANCE [m], of the
    noise in `present`, with it. What noise explains is no gap: a modality that everybody may have, everybody has.
    """
    holders = (n - stats[LACKING][1:]).clamp(min=1.0)
    if VARIANCE in stats:
        present = torch.where(present + SURE * stats[VARIANCE].sqrt() >= holders, holders, present)
    had = (present / holders).clamp(0.0, 1.0).float()
    counted = stats.get(COUNTS)
    if counted is None or not float(counted.sum()):
        return {HAD: had}
    by_class = counted.clamp(min=0).reshape(conditions.classes(space), -1)
    by_class = torch.where(by_class.sum(1, keepdim=True) > 0, by_class, by_class.sum(0, keepdim=True))
    return {HAD: had, PATTERNS: (by_class / by_class.sum(1, keepdim=True)).float()}


def drawn(space: Space, state: State, condition: Tensor, rng: Rng) -> Tensor:
    """bool [n, m] under conditions [n, c], on the CPU. Drawn after the vectors, which stay what they are without."""
    n, m = len(condition), len(space.blocks)
    if PATTERNS not in state:
        return torch.rand(n, m, generator=rng) < state[HAD]
    shares = state[PATTERNS].nan_to_num(1.0)  # that a broken model is not finite is told of its vectors
    pattern = conditions.labels(shares[condition[:, 0].long()], rng) if n else torch.zeros(0, dtype=torch.long)
    return (pattern[:, None] & _bits(m)).bool()


def _bits(m: int) -> Tensor:
    return 2 ** torch.arange(m - 1, -1, -1)
