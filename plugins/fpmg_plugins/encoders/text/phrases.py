"""What may follow what, from sequences that are frequent: an automaton whose states are the last one, two or three words.

From a state the next word is one that followed there, or, with the share that Witten & Bell (1991) give to what was not seen, one that
followed the shorter context. No word is ever put behind a word that it never followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from fpmg_plugins.encoders.text import finding_planner
from fpmg_plugins.encoders.text.tallies import ORDERS
from fpmg_plugins.encoders.text.vocabulary import BREAKS, DENIALS, said

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_plugins.encoders.text.tallies import Agreed

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float32]

WIDE = 64  # words that may follow a state, at most
SHORTER = 2.5  # of the share for the unseen: what is rare was dropped from the counts, and texts shall not all be the same
MOSTLY = 0.9
NEAR = 0.8  # a finding one word further away counts so much less
AHEAD = 12  # words looked ahead
MARKS = frozenset(".,;:!?。，、；：！？؟،।")  # what follows these is not tied to them, as it is to a hyphen or a digit
EDGE = 0  # the number of the edge of a text
END = -1  # the state behind a text


@dataclass(frozen=True)
class Phrases:
    """words: numbers 1 and up, 0 the edge. For state s: follow [s, WIDE] numbers (-1: none) with log shares [s, WIDE] and the states

    that these lead to; shorter [s]: the state of one word less, and how likely it is taken; finding, scope: of each number.
    """

    words: tuple[str, ...]
    follow: Ints
    share: Floats
    leads: Ints
    shorter: Ints
    leaves: Floats
    finding: Ints
    scope: Ints
    start: int

    def denied_after(self, number: Ints, denied: Ints) -> Ints:
        """Is a denial under way once this word was said?"""
        scope = self.scope[number]
        return np.where(scope == finding_planner.KEEP, denied, (scope == finding_planner.DENY).astype(np.int64))


def compiled(found: Agreed) -> Phrases | None:
    """The automaton of these sequences; None where no text can be begun and ended."""
    contexts = {order: _contexts(found.sequences[order + 1], found.counts[order + 1]) for order in (1, 2, 3)}
    table = _Table(sum(len(part.first) for part in contexts.values()))
    joining = [at for at, word in enumerate(found.words, 1) if not word[-1].isalpha() and word.strip() not in MARKS]
    for order, part in contexts.items():
        _fill(table, contexts, order, part, joining)
    start = int(_looked_up(contexts, np.array([[EDGE, EDGE]]), 1)[0]) if len(table.leaves) else END
    if start == END or not _pruned(table)[start]:
        return None
    finding, scope = _meanings(found.words)
    return Phrases(found.words, table.follow, table.share, table.leads, table.shorter, table.leaves, finding, scope, start)


@dataclass(frozen=True)
class _Contexts:
    """Sequences [m, words] and counts [m] by context and falling count; where each context begins, how many follow it, its state."""

    rows: Ints
    counts: Floats
    first: Ints
    many: Ints


class _Table:
    """The automaton in the making, for so many states."""

    def __init__(self, states: int) -> None:
        self.follow = np.full((states, WIDE), -1)
        self.share = np.full((states, WIDE), -np.inf, dtype=np.float32)
        self.leads = np.full((states, WIDE), END)
        self.shorter, self.leaves = np.full(states, END), np.zeros(states, dtype=np.float32)


def _fill(table: _Table, contexts: dict[int, _Contexts], order: int, part: _Contexts, joining: list[int]) -> None:
    if not len(part.rows):
        return
    state = np.arange(len(part.first)) + _start(contexts, order)
    which = np.repeat(np.arange(len(part.first)), part.many)
    place = np.arange(len(part.rows)) - part.first[which]
    mass = np.bincount(which, part.counts)
    kept = place < WIDE
    at = state[which[kept]], place[kept]
    table.follow[at] = part.rows[kept, -1]
    table.share[at] = np.log(part.counts[kept] / mass[which[kept]])
    table.leads[at] = _looked_up(contexts, part.rows[kept], min(order + 1, 3))
    if order > 1:
        table.shorter[state] = _looked_up(contexts, part.rows[part.first, :-1], order - 1)
        leaves = np.minimum(SHORTER * part.many / (part.many + mass), MOSTLY)
        tied = np.isin(part.rows[part.first, -2], joining) & (order == 2)
        table.leaves[state] = np.where(tied | (table.shorter[state] == END), 0.0, leaves)


def _pruned(table: _Table) -> NDArray[np.bool_]:
    """Words behind which no text could end are taken out; says from which states [s] one can."""
    while True:
        can: NDArray[np.bool_] = np.asarray((table.follow >= 0).any(axis=1))
        alone = ~can & (table.shorter != END)
        can[alone] = can[table.shorter[alone]]
        table.leaves[alone] = 1.0
        table.leaves[~can[table.shorter] & ~alone] = 0.0
        dead = (table.follow > EDGE) & ((table.leads == END) | ~can[table.leads])
        if not dead.any():
            break
        table.follow[dead], table.share[dead] = -1, -np.inf
    with np.errstate(divide="ignore"):
        mass = np.log(np.exp(table.share).sum(axis=1, keepdims=True))
    np.subtract(table.share, mass, out=table.share, where=np.isfinite(mass))
    return can


def _contexts(sequences: NDArray[np.int32], counts: Floats) -> _Contexts:
    rows = sequences.astype(np.int64)
    order = np.lexsort((-counts, *rows[:, :-1].T[::-1]))
    rows = rows[order]
    _, first, many = np.unique(_coded(rows[:, :-1]), return_index=True, return_counts=True)
    return _Contexts(rows, counts[order], first, many)


def _coded(rows: Ints) -> Ints:
    """One whole number a row, in the order of the rows."""
    found: Ints = rows @ (1 << (16 * np.arange(rows.shape[1])[::-1]).astype(np.int64))
    return found


def _start(contexts: dict[int, _Contexts], order: int) -> int:
    return sum(len(contexts[shorter].first) for shorter in range(1, order))


def _looked_up(contexts: dict[int, _Contexts], rows: Ints, longest: int) -> Ints:
    """The state of the longest end of each row, of so many words at most, that is a context; END behind the edge of a text."""
    found = np.full(len(rows), END)
    for order in range(1, longest + 1):
        part, ends = contexts[order], _coded(rows[:, -order:])
        known = _coded(part.rows[part.first, :-1])
        if len(known):
            at = np.searchsorted(known, ends).clip(max=len(known) - 1)
            found = np.where(known[at] == ends, at + _start(contexts, order), found)
    return np.where((rows[:, -1] == EDGE) & (rows[:, 0] != EDGE), END, found)


def _meanings(words: tuple[str, ...]) -> tuple[Ints, Ints]:
    """(finding of each number, -1 where it says none, one behind the last where any rare one; KEEP, DENY or BREAK)."""
    names = {name: at for at, name in enumerate(finding_planner.names())}
    spoken = [f" {word.lower().strip()}" for word in words]
    found = [-1, *(names.get(said(word) or "", -1) for word in spoken), len(names), len(names)]
    deny, ends = {*DENIALS, " deny", " denying"}, {*BREAKS, " .", " ;", " :", " ?", " !"}
    scope = [finding_planner.DENY if w in deny else finding_planner.BREAK if w in ends else finding_planner.KEEP for w in spoken]
    return np.array(found), np.array([finding_planner.BREAK, *scope, finding_planner.KEEP, finding_planner.KEEP])


def reach(phrases: Phrases, columns: Ints) -> Floats:
    """[2 states, c]: how near each (finding, denied) is, from a state without and with a denial under way, as discounted chance.

    columns: finding, or that plus the number of findings (any rare one is one more) where denied. Doob's transform steers by it.
    """
    k, n = len(finding_planner.names()) + 1, len(phrases.follow)
    state, place = (phrases.follow >= 0).nonzero()
    number, leads = phrases.follow[state, place], phrases.leads[state, place]
    chance = np.exp(phrases.share[state, place]) * (1 - phrases.leaves[state])
    steps, hits = [], []
    column_of = np.full(2 * k + 1, -1)
    column_of[columns] = np.arange(len(columns))
    for denied in (0, 1):
        after = phrases.denied_after(number, np.full(len(number), denied))
        on = leads != END
        steps.append((2 * state[on] + denied, 2 * leads[on] + after[on], NEAR * chance[on]))
        which = column_of[np.where(phrases.finding[number] >= 0, phrases.finding[number] + denied * k, 2 * k)]
        hits.append((2 * state[which >= 0] + denied, which[which >= 0], chance[which >= 0]))
        back = np.flatnonzero(phrases.shorter != END)
        steps.append((2 * back + denied, 2 * phrases.shorter[back] + denied, phrases.leaves[back]))
    move, hit = _sparse(steps, (2 * n, 2 * n)), _sparse(hits, (2 * n, len(columns))).toarray()
    found: Floats = hit
    for _ in range(AHEAD):
        found = hit + move @ found
    return found


def _sparse(parts: list[tuple[Ints, Ints, Floats]], shape: tuple[int, int]) -> sparse.csr_matrix:
    row, column, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return sparse.csr_matrix((value.astype(np.float32), (row, column)), shape=shape)


assert ORDERS == (2, 3, 4)
