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
from fpmg_plugins.encoders.text.vocabulary import BREAKS, DENIALS, said
from fpmg_plugins.encoders.text.tallies import ORDERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_plugins.encoders.text.tallies import Agreed

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float32]

WIDE = 64  # words that may follow a state, at most
SHORTER = 0.5  # of the share for the unseen
NEAR = 0.8  # a finding one word further away counts so much less
AHEAD = 12  # words looked ahead
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
    contexts = {order: _contexts(found.sequences[order + 1]) for order in (1, 2, 3)}
    sizes = {order: len(first) for order, (_, first, _) in contexts.items()}
    starts = {1: 0, 2: sizes[1], 3: sizes[1] + sizes[2]}
    total = sum(sizes.values())
    follow, share = np.full((total, WIDE), -1), np.full((total, WIDE), -np.inf, dtype=np.float32)
    leads, shorter, leaves = np.full((total, WIDE), END), np.full(total, END), np.zeros(total, dtype=np.float32)
    for order, (rows, first, many) in contexts.items():
        counts = found.counts[order + 1]
        order_of = np.lexsort((-counts, *rows[:, :-1].T[::-1]))
        rows, counts = rows[order_of], counts[order_of]
        which = np.repeat(np.arange(len(first)), many)
        place = np.arange(len(rows)) - np.repeat(first, many)
        mass = np.bincount(which, counts, len(first))
        kept = place < WIDE
        state, place, rows, counts = which[kept] + starts[order], place[kept], rows[kept], counts[kept]
        follow[state, place] = rows[:, -1]
        share[state, place] = np.log(counts / mass[which[kept]])
        leads[state, place] = _looked_up(contexts, starts, rows[:, -3:] if order == 3 else rows)
        if order > 1:
            heads = found.sequences[order + 1][np.lexsort(found.sequences[order + 1][:, :-1].T[::-1])][first][:, 1:-1]
            shorter[starts[order] : starts[order] + len(first)] = _looked_up(contexts, starts, heads)
            kinds = many / (many + mass)
            leaves[starts[order] : starts[order] + len(first)] = SHORTER * kinds
    leaves[shorter == END] = 0.0
    if not total or _state(contexts, starts, np.array([[EDGE]]))[0] == END:
        return None
    finding, scope = _meanings(found.words)
    return Phrases(
        found.words, follow, share, leads, shorter, leaves, finding, scope, int(_state(contexts, starts, np.array([[EDGE]]))[0])
    )


def _contexts(sequences: NDArray[np.int32]) -> tuple[Ints, Ints, Ints]:
    """(sequences sorted by all words but the last, where each context begins, how many follow it)."""
    rows = sequences.astype(np.int64)
    rows = rows[np.lexsort(rows[:, :-1].T[::-1])]
    _, first, many = np.unique(_coded(rows[:, :-1]), return_index=True, return_counts=True)
    return rows, first, many


def _coded(rows: Ints) -> Ints:
    """One whole number a row, in the order of the rows."""
    found: Ints = rows @ (1 << (16 * np.arange(rows.shape[1])[::-1]).astype(np.int64))
    return found


def _state(contexts: dict[int, tuple[Ints, Ints, Ints]], starts: dict[int, int], rows: Ints) -> Ints:
    """The state of each context, END where nothing is known to follow it."""
    order = rows.shape[1]
    known = _coded(contexts[order][0][contexts[order][1]][:, :-1])
    if not len(known):
        return np.full(len(rows), END)
    at = np.searchsorted(known, _coded(rows)).clip(max=len(known) - 1)
    return np.where(known[at] == _coded(rows), at + starts[order], END)


def _looked_up(contexts: dict[int, tuple[Ints, Ints, Ints]], starts: dict[int, int], rows: Ints) -> Ints:
    """The state of the longest end of each row that is a context; END behind the edge of a text."""
    found = np.full(len(rows), END)
    for order in range(1, rows.shape[1] + 1):
        better = _state(contexts, starts, rows[:, -order:])
        found = np.where(better == END, found, better)
    return np.where(rows[:, -1] == EDGE, END, found)


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
    found = hit
    for _ in range(AHEAD):
        found = hit + move @ found
    return found


def _sparse(parts: list[tuple[Ints, Ints, Floats]], shape: tuple[int, int]) -> sparse.csr_matrix:
    row, column, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return sparse.csr_matrix((value.astype(np.float32), (row, column)), shape=shape)


assert ORDERS == (2, 3, 4)
