"""A small network that writes pieces of the public vocabulary: says what a vector holds and keeps a plan of the findings still to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.autoencoding import Dropout
from fpmg_plugins.encoders.bert import Positions
from fpmg_plugins.encoders.text import finding_planner, vocabulary
from fpmg_plugins.encoders.text.vocabulary import END

if TYPE_CHECKING:
    from torch import Tensor

BEHIND = 3  # tokens that the writer looks back on (Bengio et al., 2003): it needs no attention, and writes fast
NARROW = 32  # width before the vocabulary: logits cost most of a step
FORGET = 0.1  # of what was said, while training: the vector must be used (word dropout; Bowman et al., 2016)


class Writer(nn.Module):
    """Says pieces one by one, each given the vector, the last BEHIND pieces, the place and the plan of findings.

    Each is a plain piece or "a finding"; which finding is a second choice, made only where one is said.
    """

    def __init__(self, length: int, pieces: int, dim: int, width: int) -> None:
        super().__init__()
        self.length = length
        self.said = nn.Embedding(pieces, NARROW)
        self.forget = Dropout(FORGET)
        self.there = Positions(length, width)
        self.topic = nn.Linear(dim, width)
        self.past = nn.Linear(BEHIND * NARROW + 3, width)
        self.mix = nn.Linear(width, width)
        self.narrow = nn.Linear(2 * width, NARROW)
        self.plain = nn.Linear(NARROW, finding_planner.first() + 1)
        self.press = nn.Linear(NARROW, 1)
        self.which = nn.Linear(NARROW, pieces - finding_planner.first())
        nn.init.ones_(self.press.bias)

    def forward(self, z: Tensor, expected: Tensor, tokens: Tensor, ragged: bool) -> Tensor:
        """Mean cross-entropy [n] of the texts; ragged: without computing what padding would say."""
        n, t = tokens.shape
        said = self.said(F.pad(tokens, (BEHIND, 0), value=END)[:, :-1].contiguous())
        said = said * self.forget(said.new_ones(n, t + BEHIND - 1, 1))
        heard = finding_planner.Followed(expected, tokens)
        window = torch.cat([*(said[:, at : at + t] for at in range(BEHIND)), heard.state()], dim=2)
        place = self.topic(z)[:, None, :] + self.there(n)
        real = _real(tokens)
        finds = tokens >= finding_planner.first()
        if ragged:
            kept = real.bool()
            hidden = self._hidden(window[kept], place[kept])
            nats = torch.zeros_like(real).masked_scatter(
                kept, self._nats(self._plain(hidden), tokens[kept].clamp(max=finding_planner.first()))
            )
            chosen = finds[kept]
            more = self._nats(self._which(hidden[chosen], heard.wanted(finds)), tokens[finds] - finding_planner.first())
            losses = nats + torch.zeros_like(real).masked_scatter(finds, more)
        else:
            hidden = self._hidden(window, place)
            losses = real * self._nats(self._plain(hidden), tokens.clamp(max=finding_planner.first()))
            which = (tokens - finding_planner.first()).clamp(min=0)
            losses = losses + finds * self._nats(self._which(hidden, heard.wanted(real >= 0).reshape(n, t, -1)), which)
        return losses.sum(1) / real.sum(1)

    def write(self, z: Tensor, expected: Tensor) -> Tensor:
        """The likeliest token at each step, given those before it; END for ever after the first END. [n, length]"""
        whole = torch.full((len(z), BEHIND + self.length), END, device=z.device)
        rows, tokens, topic, there = torch.arange(len(z), device=z.device), whole, self.topic(z), self.there(1)
        due = finding_planner.FindingPlan(expected)
        for step in range(BEHIND, BEHIND + self.length):
            window = torch.cat([self.said(tokens[:, step - BEHIND : step]).flatten(1), due.state()], dim=1)
            hidden = self._hidden(window, topic + there[:, step - BEHIND])
            best = self._choice(hidden, due, _repeating(tokens[:, :step]))
            tokens[:, step] = whole[rows, step] = best
            due.hear(best)
            more = best != END
            if not bool(more.all()):  # what has ended costs nothing more
                rows, tokens, topic = rows[more], tokens[more], topic[more]
                due.keep(more)
            if not len(rows):
                break
        return whole[:, BEHIND:]

    def _choice(self, hidden: Tensor, due: finding_planner.FindingPlan, repeating: Tensor) -> Tensor:
        """The likeliest piece [n] that does not spell, repeat three pieces, or say a finding that the vector does not hold."""
        first, allowed = finding_planner.first(), due.allowed()
        plain = self._plain(hidden).masked_fill(finding_planner.spelling().to(hidden.device) | repeating[:, : first + 1], -1e4)
        plain[:, first] = torch.where(allowed.any(dim=1), plain[:, first], -1e4)
        barred = ~allowed.index_select(1, finding_planner.columns().to(hidden.device)) | repeating[:, first:]
        which = self._which(hidden, due.wanted()).masked_fill(barred, -1e4).argmax(dim=1)
        best = plain.argmax(dim=1)
        return torch.where(best == first, first + which, best)

    def _hidden(self, window: Tensor, place: Tensor) -> Tensor:
        """[..., NARROW]: all that a choice is made from."""
        hidden = F.gelu(self.past(window) + place)
        narrow: Tensor = self.narrow(torch.cat([hidden, F.gelu(self.mix(hidden))], dim=-1))
        return narrow

    def _plain(self, hidden: Tensor) -> Tensor:
        """Logits [..., first + 1] of plain pieces and, last, of saying a finding."""
        scores: Tensor = self.plain(hidden)
        return scores

    def _which(self, hidden: Tensor, wanted: Tensor) -> Tensor:
        """Logits of the pieces that say a finding: what usually comes here, and how much each is wanted."""
        scores: Tensor = self.which(hidden) + self.press(hidden) * wanted.index_select(
            -1, finding_planner.columns().to(hidden.device)
        )
        return scores

    def _nats(self, scores: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(scores.flatten(0, -2), target.flatten(), reduction="none").reshape(target.shape)


def _repeating(tokens: Tensor) -> Tensor:
    """bool [n, vocabulary]: pieces that would say three pieces in a row once more (Paulus et al., 2018), or a word at once again."""
    n, t = tokens.shape
    barred = torch.zeros(n, len(vocabulary.pieces()), dtype=torch.bool, device=tokens.device)
    again = (tokens[:, : t - 2] == tokens[:, t - 2, None]) & (tokens[:, 1 : t - 1] == tokens[:, t - 1, None])
    row, at = again.nonzero(as_tuple=True)
    barred[row, tokens[row, at + 2]] = True
    barred[torch.arange(n, device=tokens.device), tokens[:, -1]] |= finding_planner.words().to(tokens.device)[tokens[:, -1]]
    barred[:, END] = False
    return barred


def _real(tokens: Tensor) -> Tensor:
    """float [n, t]: 1 up to and with the first END."""
    return ((tokens == END).long().cumsum(dim=1) <= 1).float()
