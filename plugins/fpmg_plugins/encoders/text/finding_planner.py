"""What a writer has still to say: findings expected from the vector, crossed off as they are said, each affirmed or denied.

The scope of a denial follows the pieces as NegEx does (Chapman et al., 2001): from "no", "without" to the end of the clause.
Reading back a real text and writing a new one go through the same steps, one piece at a time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpmg_plugins import findings
from fpmg_plugins.encoders.text import vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

SURE = 4.0  # logits count up to here
EXPECTED = -0.3  # logit from which a finding is said: p = .43, half of the F1 that is reached (Lipton et al., 2014)
DONE = -4.0  # what was said once need not be said again
KEEP, DENY, BREAK = 0, 1, 2


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """The k findings, sorted. Columns of a bag: the k affirmed, then the k denied."""
    return tuple(sorted(set(findings.words().values())))


@lru_cache(maxsize=1)
def _places() -> dict[str, int]:
    return {name: at for at, name in enumerate(names())}


def bags(strings: Sequence[str]) -> NDArray[np.uint8]:
    """[n, 2 k]: 1 where the text says the finding so."""
    found = np.zeros((len(strings), 2 * len(names())), dtype=np.uint8)
    for row, string in enumerate(strings):
        for name, negated in findings.findings(string):
            found[row, _places()[name] + negated * len(names())] = 1
    return found


def complete(text: str, expected: NDArray[np.bool_], characters: int) -> str:
    """The text, and what it leaves unsaid of `expected` [2 k] as a list at its end, all within so many characters."""
    body = _trimmed(text)
    for _ in range(3):  # a shorter body leaves more unsaid
        coda = _list(expected, body)
        room = characters - len(coda) - 2
        if not coda or len(body) <= room:
            break
        body = _trimmed(body[: max(room, 0)].rpartition(" ")[0])
    if not coda:
        return body if len(body) <= characters else _trimmed(body[:characters].rpartition(" ")[0])
    separator = "" if not body else " " if body[-1] in ".;:?!" else ". "
    return f"{body}{separator}{coda}"[:characters].rstrip()


def _trimmed(body: str) -> str:
    """Without words and marks that promise more at the end."""
    said = body.split(" ")
    while said and (said[-1] in findings.DANGLING or said[-1].strip(findings.OPEN) == ""):
        said.pop()
    return " ".join(said).rstrip(findings.OPEN)


def _list(expected: NDArray[np.bool_], body: str) -> str:
    k = len(names())
    said = findings.findings(body)
    left = [(names()[at % k], bool(at >= k)) for at in np.flatnonzero(expected)]
    parts = [
        ", ".join(name for name, negated in left if negated == denied and (name, negated) not in said) for denied in (False, True)
    ]
    return " ".join(f"{lead}{part}." for lead, part in zip(("", "no "), parts, strict=True) if part)


@lru_cache(maxsize=1)
def _finding_of() -> Tensor:
    """Piece -> its finding, k where it says none."""
    said = [vocabulary.said(piece) for piece in vocabulary.pieces()]
    return torch.tensor([len(names()) if name is None else _places()[name] for name in said])


@lru_cache(maxsize=1)
def _scope_of() -> Tensor:
    """Piece -> KEEP, DENY or BREAK."""
    deny = {*vocabulary.DENIALS, *vocabulary.PHRASES}
    ends = {*vocabulary.BREAKS, ".", ";", ":", "?", "!", ""}
    return torch.tensor([DENY if piece in deny else BREAK if piece in ends else KEEP for piece in vocabulary.pieces()])


@lru_cache(maxsize=1)
def first() -> int:
    """The first piece that says a finding: these are the last of the vocabulary."""
    return int((_finding_of() < len(names())).nonzero()[0])


@lru_cache(maxsize=1)
def spelling() -> Tensor:
    """bool [first + 1]: pieces that spell a word, and the bare space before one. A writer that spelled would invent words."""
    return torch.tensor([*(piece == " " or piece[:1].isalpha() for piece in vocabulary.pieces()[: first()]), False])


@lru_cache(maxsize=1)
def words() -> Tensor:
    """bool [vocabulary]: pieces that begin a word."""
    return torch.tensor([piece.startswith(" ") for piece in vocabulary.pieces()])


@lru_cache(maxsize=1)
def columns() -> Tensor:
    """The finding of each piece from `first` on."""
    return _finding_of()[first() :].clone()


class FindingPlan:
    """expected: logits [n, 2 k] of what a text says. After each `hear` the view is that of the next piece."""

    def __init__(self, expected: Tensor) -> None:
        n, double = expected.shape
        self.k = double // 2
        self.due = torch.nn.functional.pad(expected.detach().clamp(-SURE, SURE).reshape(n, 2, self.k), (0, 1), value=DONE)
        self.may = self.due > EXPECTED
        self.mass = _weight(self.due).sum(2)  # findings due, [n, 2]
        self.denied = torch.zeros(n, dtype=torch.long, device=expected.device)
        self.rows = torch.arange(n, device=expected.device)

    def wanted(self) -> Tensor:
        """Logits [n, k + 1] of the findings still to be said as things stand, affirmed or denied."""
        return self.due[self.rows, self.denied]

    def allowed(self) -> Tensor:
        """[n, k + 1]: may the finding be said as things stand, for the first time or again?"""
        return self.may[self.rows, self.denied]

    def state(self) -> Tensor:
        """[n, 3]: findings due affirmed and denied (log scale), and whether a denial is under way."""
        return torch.cat([self.mass.clamp(min=0.0).log1p(), self.denied[:, None].to(self.mass.dtype)], dim=1)

    def hear(self, pieces: Tensor) -> None:
        """The next piece [n] of each text is said."""
        finding, scope = (known().to(pieces.device)[pieces] for known in (_finding_of, _scope_of))
        at = (self.rows, self.denied, finding)
        self.mass[self.rows, self.denied] -= _weight(self.due[at])
        self.due[at] = DONE
        self.denied = torch.where(scope == KEEP, self.denied, (scope == DENY).long())

    def keep(self, texts: Tensor) -> None:
        """Only these texts [n] go on."""
        self.due, self.may, self.mass, self.denied = (part[texts] for part in (self.due, self.may, self.mass, self.denied))
        self.rows = torch.arange(len(self.denied), device=texts.device)


class Followed:
    """A whole text [n, t] heard at once: what the plan of findings was before each of its pieces, as `FindingPlan` gives one by one."""

    def __init__(self, expected: Tensor, tokens: Tensor) -> None:
        self.start = FindingPlan(expected)
        self.finding = _finding_of().to(tokens.device)[tokens]
        self.denied = _denied(_scope_of().to(tokens.device)[tokens])

    def state(self) -> Tensor:
        """[n, t, 3], as `FindingPlan.state`."""
        wide = self.start.due.shape[2]
        key = self.denied * wide + self.finding
        again = ((key[:, :, None] == key[:, None, :]).tril(-1)).any(dim=2)
        weight = _weight(self.start.due.flatten(1).gather(1, key)).masked_fill(again, 0.0)
        spent = torch.stack([weight * (self.denied == side) for side in (0, 1)], dim=2)
        mass = self.start.mass[:, None] - (spent.cumsum(dim=1) - spent)
        return torch.cat([mass.clamp(min=0.0).log1p(), self.denied[:, :, None].to(mass.dtype)], dim=2)

    def wanted(self, at: Tensor) -> Tensor:
        """[m, k + 1], as `FindingPlan.wanted`, before the m pieces where at [n, t] is true."""
        row, step = at.nonzero(as_tuple=True)
        denied = self.denied[row, step]
        due = self.start.due[row, denied]
        heard = (torch.arange(at.shape[1], device=at.device) < step[:, None]) & (self.denied[row] == denied[:, None])
        which, earlier = heard.nonzero(as_tuple=True)
        due[which, self.finding[row[which], earlier]] = DONE
        return due


def _denied(scope: Tensor) -> Tensor:
    """int64 [n, t]: is a denial under way before each piece? It is if the last piece that turned anything began one."""
    turned = torch.where(scope == KEEP, -1, torch.arange(scope.shape[1], device=scope.device)).cummax(dim=1).values
    before = torch.nn.functional.pad(turned, (1, 0), value=-1)[:, :-1]
    return ((before >= 0) & (scope.gather(1, before.clamp(min=0)) == DENY)).long()


def _weight(due: Tensor) -> Tensor:
    """How much of a finding is due; nothing where it is done."""
    return torch.where(due > DONE, due.sigmoid(), 0.0)
