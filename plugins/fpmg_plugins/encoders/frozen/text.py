"""Texts as sketches of the findings they say, without anything learnt: a public list of words, a random projection, a greedy way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from fpmg_bench.devices import drawn
from fpmg_bench.types import Text
from fpmg_plugins.encoders.text import finding_planner

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Rng, Schema, State

USUAL = 8  # findings of a text, about: sets the scale of the vector
MOVES = 64  # findings taken in or back, at most
MOST, BEAM, FEW = 20, 32, 8  # findings of a searched set; sets kept of each size; ways to go on from each
LEFT = 1e-3  # of the squared length: less is rounding
SAME = 1e-6
WORTH = 0.02  # squared length that a finding must explain
AT_ONCE = 64  # texts searched at once
NOTHING = "nothing to report."  # in the language of the lists of findings, where a cohort declares no words of its own


@dataclass(frozen=True)
class TextReader:
    """Which findings a text affirms and which it denies, projected on unit vectors: sketches add up as the findings do."""

    schema: Schema

    def rows(self, data: Any) -> Tensor:
        """float32 [n, 2 k]: 1 where the text says the finding so."""
        return torch.from_numpy(finding_planner.bags(data.strings)).float()

    def head(self, dim: int, rng: Rng) -> State:
        """A random unit vector for each finding, affirmed and denied."""
        directions = drawn((2 * len(finding_planner.names()), dim), rng, torch.zeros(()))
        return {
            "frozen/basis": directions / directions.norm(dim=1, keepdim=True),
            "frozen/size": torch.full((dim,), (USUAL / dim) ** 0.5),
            "frozen/centre": torch.zeros(2 * len(finding_planner.names())),
        }

    def back(self, head: State, z: Tensor) -> Text:
        """The findings of each vector as short sentences, as many as there is room for."""
        return Text(tuple(self._sentences(row) for row in bags(head, z)))

    def _sentences(self, bag: Tensor) -> str:
        k, text = len(finding_planner.names()), ""
        for at in bag.nonzero().flatten().tolist():
            name = finding_planner.names()[at % k]
            longer = f"{text} no {name}." if at >= k else f"{text} {name}."
            text = longer if len(longer) - 1 <= self.schema.shape[0] else text
        return text.strip() or (self.schema.nothing or NOTHING)[: self.schema.shape[0]]


def bags(head: State, z: Tensor) -> Tensor:
    """bool [n, 2 k]: the findings that vectors hold."""
    return recovered(head["frozen/basis"], z * head["frozen/size"])


def recovered(basis: Tensor, sketch: Tensor) -> Tensor:
    """bool [n, words]: a set of unit vectors basis [words, d] whose sum is near sketch [n, d].

    Matching pursuit over 0/1 (Mallat & Zhang, 1993); where that leaves a rest, a beam search over sets.
    """
    taken, rest = _pursued(basis, sketch)
    hard = (rest.square().sum(1) > LEFT).nonzero().flatten()
    for part in torch.split(hard, AT_ONCE):
        taken[part] = _searched(basis, sketch[part])
    return taken


def _pursued(basis: Tensor, sketch: Tensor) -> tuple[Tensor, Tensor]:
    """The set [n, words] and the rest [n, d]. At each move the word whose coming or going takes most off the rest."""
    taken = torch.zeros(len(sketch), len(basis), dtype=torch.bool)
    rest = sketch.clone()
    for _ in range(MOVES):
        turn = 1.0 - 2.0 * taken.float()
        gain, best = (2 * turn * (rest @ basis.T) - 1).max(dim=1)
        moving = (gain > 1e-4).nonzero().flatten()
        if not len(moving):
            break
        at = best[moving]
        rest[moving] -= turn[moving, at][:, None] * basis[at]
        taken[moving, at] ^= True
    return taken, rest


def _searched(basis: Tensor, sketch: Tensor) -> Tensor:
    """The best set [n, words] of a beam: the BEAM nearest sets of each size, each grown by its FEW most promising words."""
    best = torch.zeros(len(sketch), len(basis), dtype=torch.bool)
    at = torch.arange(len(sketch))  # the texts that a larger set might still serve better
    words = torch.zeros(len(sketch), 1, 0, dtype=torch.long)  # of each set that is kept
    rest = sketch[:, None]
    size = rest.square().sum(2)
    least = size[:, 0]
    for count in range(1, MOST + 1):
        near, word = (rest @ basis.T).scatter_(2, words, -torch.inf).topk(FEW, dim=2)
        parent, added = _kept((size[:, :, None] - (2 * near - 1)).flatten(1), word.flatten(1))
        words = torch.cat([words.gather(1, parent[:, :, None].expand(-1, -1, count - 1)), added[:, :, None]], dim=2)
        rest = rest[torch.arange(len(at))[:, None], parent] - basis[added]
        size = rest.square().sum(2)
        cost = size[:, 0] + count * WORTH
        better = cost < least
        best[at[better]] = torch.zeros(int(better.sum()), len(basis), dtype=torch.bool).scatter_(1, words[better, 0], value=True)
        least = torch.minimum(cost, least)
        open_ = least >= (count + 1) * WORTH
        if not bool(open_.all()):
            at, words, rest, size, least = (part[open_] for part in (at, words, rest, size, least))
        if not len(at):
            break
    return best


def _kept(left: Tensor, word: Tensor) -> tuple[Tensor, Tensor]:
    """Which set is grown by which word [n, BEAM] each, of all growths: left [n, sets * FEW], the squared length that each leaves."""
    order = left.argsort(dim=1)
    again = torch.nn.functional.pad(left.gather(1, order).diff(dim=1) < SAME, (1, 0))  # the same set in another order
    chosen = order.gather(1, (again.long() * left.shape[1] + torch.arange(left.shape[1])).argsort(dim=1)[:, :BEAM])
    return chosen // FEW, word.gather(1, chosen)
