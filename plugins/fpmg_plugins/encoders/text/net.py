"""The network of texts: what was found goes straight into the vector and back, BERT layers read the rest, a small network writes.

The straight path is linear each way, so it learns within few steps, as principal components of (finding, denied) would; the
writer says piece by piece what the vector holds and keeps a plan of the findings that it has still to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.autoencoding import BOUND, Coder, Dropout
from fpmg_plugins.encoders.bert import Blocks, Positions
from fpmg_plugins.encoders.text import finding_planner, vocabulary
from fpmg_plugins.encoders.text.vocabulary import END

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

BEHIND = 3  # tokens that the writer looks back on (Bengio et al., 2003): it needs no attention, and writes fast
NARROW = 32  # width before the vocabulary: logits cost most of a step
FORGET = 0.1  # of what was said, while training: the vector must be used (word dropout; Bowman et al., 2016)
USUAL = 8  # findings of a text, about: sets the scale of the straight path
RARE = -3.0  # logit of a finding before anything is learnt
WEIGHT = 0.2  # nats of a piece that a nat of a finding counts as


class TextCoder(Coder):
    """Texts of `length` tokens. batch: tokens int64 [n, length], END behind the text; bag [n, 2 k], what the text says was found;

    where a public model of width `hidden` has read the text in place of the layers, read [n, hidden].

    Three quarters of a vector hold findings, the last quarter what the layers read. The loss is the mean cross-entropy of a
    text's tokens, its END included, each given the vector and the tokens before it, and WEIGHT times the summed cross-entropy
    of its findings given the vector.
    """

    def __init__(self, length: int, pieces: int, dim: int, width: int, layers: int, heads: int, hidden: int = 0) -> None:
        super().__init__()
        self.straight = dim - dim // 4
        rest = dim - self.straight
        self.reader = None
        if rest:
            self.reader = Head(hidden, rest) if hidden else Reader(length, pieces, rest, width, layers, heads)
        pairs = 2 * len(finding_planner.names())
        self.found = nn.Linear(pairs, self.straight)
        self.say = nn.Linear(self.straight, pairs)
        _straight(self.found, self.say)
        self.writer = Writer(length, pieces, dim, width)

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        z: Tensor = self.found(batch["bag"].float())
        if self.reader is not None:
            z = torch.cat([z, self.reader(batch)], dim=1)
        # as Bottleneck does, without a norm before it: twice the findings are twice the way
        return z / torch.sqrt(1 + (z / BOUND).square())

    def expected(self, z: Tensor) -> Tensor:
        """Logits [n, 2 k] of the findings that a vector holds."""
        logits: Tensor = self.say(z[:, : self.straight].contiguous())
        return logits

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        z = self.encode(batch)
        expected = self.expected(z)
        missed = F.binary_cross_entropy_with_logits(expected, batch["bag"].float(), reduction="none").sum(1)
        written: Tensor = self.writer(z, expected, batch["tokens"], self.ragged)
        return written + WEIGHT * missed

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        expected = self.expected(z)
        return {"tokens": self.writer.write(z, expected), "expected": expected > finding_planner.EXPECTED}


def _straight(into: nn.Linear, back: nn.Linear) -> None:
    """Start as a random projection and its adjoint: present findings stand out before anything is learnt."""
    nn.init.normal_(into.weight, std=USUAL**-0.5)
    nn.init.zeros_(into.bias)
    with torch.no_grad():
        back.weight.copy_(into.weight.T * (USUAL / into.out_features))
        back.bias.fill_(RARE)


class Reader(nn.Module):
    """BERT layers over the pieces to [n, dim]."""

    def __init__(self, length: int, pieces: int, dim: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.words = nn.Embedding(pieces, width)
        self.where = Positions(length, width)
        self.read = Blocks(width, layers, heads)
        self.norm = nn.LayerNorm(2 * width)
        self.project = nn.Linear(2 * width, dim)
        nn.init.normal_(self.project.weight, std=(2 * width) ** -0.5)
        nn.init.zeros_(self.project.bias)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        tokens = batch["tokens"]
        real = _real(tokens)
        words = self.words(tokens)
        hidden = self.read(words + self.where(len(tokens)), real)
        share = (real / real.sum(dim=1, keepdim=True))[:, :, None]
        z: Tensor = self.project(self.norm(torch.cat([(hidden * share).sum(1), (words * share).sum(1) * 4.0], dim=1)))
        return z


class Head(nn.Module):
    """What a frozen model read to [n, dim]."""

    def __init__(self, hidden: int, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.project = nn.Linear(hidden, dim)
        nn.init.normal_(self.project.weight, std=hidden**-0.5)
        nn.init.zeros_(self.project.bias)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        z: Tensor = self.project(self.norm(batch["read"]))
        return z


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
