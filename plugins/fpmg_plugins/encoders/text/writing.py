"""Texts out of frequent phrases, drawn towards what a vector holds.

Each next word is drawn from what follows the last ones (`phrases`) times exp(lift), how much likelier than usual the vector holds the
word unsaid; while a finding is due, times the chance to reach it soon (Doob's h-transform of the chain: conditioning on being said), so
texts are what the phrases would say given that they say this. Of `TRIES` texts the one that the vector makes likeliest is kept. The draw
is seeded by the vector's own bits: the same vector always writes the same text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpmg_plugins.encoders.text import finding_planner, phrases
from fpmg_plugins.encoders.text.phrases import EDGE, END
from fpmg_plugins.encoders.text.words import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_plugins.encoders.text.phrases import Floats, Ints, Phrases

FLAT = 0.55  # of the log share of what follows: what is usual is said a little less often
TRIES = 6  # texts of a vector, of which one is kept
MOST = 3.0  # nats that a vector can lift a word by
AGAIN = -1.5  # nats on what was said once
BARRED = -12.0  # nats on a finding that the vector does not hold
FAR = 1e-9
EARLY, LATE = -4.0, 4.0  # nats on ending before or behind the size that a vector holds


@dataclass(frozen=True, eq=False)
class Pen:
    """Phrases, the column of [number, denied], and how near each finding is.

    Columns: findings affirmed, rare ones affirmed, both denied, words, and one of all that a vector says nothing of. place [columns]:
    where a column stands in near [2 states, c], -1 where no phrase says it. rare [k]: the findings that are rare.
    free [numbers]: what may be said again and again.
    """

    phrases: Phrases
    column: Ints
    place: Ints
    near: Floats
    rare: Ints
    free: NDArray[np.bool_]


@dataclass(frozen=True)
class Size:
    """logits [n, sizes] of how long each text is, and the words from which and before which a text is of a size."""

    logits: Floats
    low: Ints
    high: Ints

    def drawn(self, uniform: NDArray[np.float64]) -> tuple[Ints, Ints]:
        """Bounds [m] for each of m / n texts of a row."""
        size = _drawn(np.repeat(self.logits, len(uniform) // len(self.logits), axis=0), uniform)
        return self.low[size], self.high[size]


def pen(known: Phrases, words: int) -> Pen:
    """For vectors that hold the findings, affirmed then denied, and `words` words, the commonest that say none."""
    k = len(finding_planner.names()) + 1
    plain = np.flatnonzero(known.finding[1:] < 0)[:words] + 1
    column = np.full((len(known.finding), 2), 2 * k + words)
    column[plain] = (2 * k + np.arange(len(plain)))[:, None]
    finds = np.flatnonzero(known.finding >= 0)
    column[finds, 0], column[finds, 1] = known.finding[finds], known.finding[finds] + k
    spoken = np.unique(column[finds])
    near = phrases.reach(known, spoken)
    said = near.max(axis=0, initial=0.0) > 0
    place = np.full(2 * k + words + 1, -1)
    place[spoken[said]] = np.arange(said.sum())
    none = np.zeros((len(near), 1), dtype=np.float32)  # where place is -1
    rare = np.setdiff1d(np.arange(k - 1), known.finding)
    free = np.array([True, *(not word.strip()[-1:].isalpha() for word in known.words), False, False])
    return Pen(known, column, place, np.concatenate([near[:, said], none], axis=1), rare, free)


def written(pen: Pen, lift: Floats, expected: NDArray[np.bool_], size: Size, seeds: NDArray[np.uint64], length: int) -> list[str]:
    """A text of at most `length` words for each row. lift [n, findings + words], expected [n, findings], seeds [n]."""
    every = mixed(np.add.outer(seeds, np.arange(TRIES, dtype=np.uint64)).astype(np.uint64)).ravel()
    pages = _Pages(pen, np.repeat(lift, TRIES, axis=0), np.repeat(expected, TRIES, axis=0), size, every, length)
    for step in range(length):
        if not pages.go_on(step):
            break
    best = pages.worth().reshape(-1, TRIES).argmax(axis=1) + TRIES * np.arange(len(seeds))
    names = finding_planner.names()
    spelled = np.array(
        ["", *pen.phrases.words, *(f" {name}" for name in names), *(f" {name.capitalize()}" for name in names)], dtype=object
    )
    return ["".join(spelled[row]).strip() for row in pages.said[best]]


class _Pages:
    """Rows of words in the making."""

    def __init__(
        self, pen: Pen, lift: Floats, expected: NDArray[np.bool_], size: Size, seeds: NDArray[np.uint64], length: int
    ) -> None:
        n, self.k = len(seeds), len(finding_planner.names()) + 1
        self.pen, self.seeds = pen, seeds
        sides, wanted = lift[:, : 2 * (self.k - 1)].reshape(n, 2, -1), expected.reshape(n, 2, -1)
        rare = wanted[:, :, pen.rare]
        self.left = rare.sum(axis=2)
        # which rare finding is next [n, 2, rare]: those asked for first
        self.waiting = pen.rare[np.lexsort((-sides[:, :, pen.rare], ~rare), axis=2)]
        asked = np.concatenate([wanted, self.left[:, :, None] > 0], axis=2).reshape(n, -1)
        found = np.pad(sides, ((0, 0), (0, 0), (0, 1))).reshape(n, -1)
        self.lift = np.concatenate([found, lift[:, 2 * (self.k - 1) :], np.zeros_like(lift[:, :1])], axis=1).clip(-MOST, MOST)
        self.lift[:, : 2 * self.k][~asked] = BARRED
        self.due = np.pad(asked, ((0, 0), (0, self.lift.shape[1] - asked.shape[1]))) & (pen.place >= 0)
        self.said = np.full((n, length), EDGE)
        self.gain, self.heard = np.zeros(n), np.zeros(self.lift.shape, dtype=bool)
        self.state, self.denied = np.full(n, pen.phrases.start), np.zeros(n, dtype=np.int64)
        self.target = np.full(n, -1)
        self.low, self.high = size.drawn(self._uniform(np.arange(n), -1))

    def worth(self) -> NDArray[np.float64]:
        """What the vector thinks of each text, in nats."""
        chance = -np.log(-np.log(self._uniform(np.arange(len(self.gain)), -2) + 1e-12))
        worth: NDArray[np.float64] = self.gain - MOST * self.due.sum(axis=1) + chance
        return worth

    def go_on(self, step: int) -> bool:
        """One more word for all rows that have not ended; False where none is left."""
        rows = np.flatnonzero(self.state != END)
        if not len(rows):
            return False
        self._aim(rows)
        self._step_back(rows, step)
        pen, known, state, denied = self.pen, self.pen.phrases, self.state[rows], self.denied[rows, None]
        options, leads = known.follow[state], known.leads[state]
        column = pen.column[options, denied]
        after = known.denied_after(options, denied)
        score = FLAT * known.share[state] + np.take_along_axis(self.lift[rows], column, axis=1)
        score += self._nearer(rows, column, leads, after)
        ends = (leads == END) & (options >= 0)
        score += ends * np.where(step < self.low[rows], EARLY, np.where(step >= self.high[rows] - 1, LATE, 0.0))[:, None]
        chosen = _drawn(score, self._uniform(rows, 3 * step))
        one = np.arange(len(rows)), chosen
        self._hear(rows, options[one], column[one])
        self.said[rows, step] = self._named(rows, options[one])
        self.state[rows], self.denied[rows] = leads[one], after[one]
        return True

    def _aim(self, rows: Ints) -> None:
        """Every row without an aim takes the finding due that is nearest."""
        idle = rows[self.target[rows] < 0]
        idle = idle[self.due[idle].any(axis=1)]
        if not len(idle):
            return
        columns = np.flatnonzero(self.pen.place >= 0)
        near = (
            self.pen.near[2 * self.state[idle] + self.denied[idle]][:, self.pen.place[columns]] * self.due[np.ix_(idle, columns)]
        )
        best = near.argmax(axis=1)
        found = near[np.arange(len(idle)), best] > FAR
        self.target[idle[found]] = columns[best[found]]

    def _step_back(self, rows: Ints, step: int) -> None:
        """To a context of one word less, as often as what was not seen calls for."""
        known, near = self.pen.phrases, self.pen.near
        for turn in (1, 2):
            state, denied, aim = self.state[rows], self.denied[rows], self.pen.place[self.target[rows]]
            here, there = near[2 * state + denied, aim], near[2 * known.shorter[state] + denied, aim]
            odds = np.where(self.target[rows] >= 0, there / np.maximum(here, FAR), 1.0)
            back = (self._uniform(rows, 3 * step + turn) < known.leaves[state] * odds) | (known.leaves[state] == 1.0)
            self.state[rows[back]] = known.shorter[state[back]]

    def _nearer(self, rows: Ints, column: Ints, leads: Ints, after: Ints) -> Floats:
        """log chance to say what is aimed at, [rows, options]."""
        aim = self.target[rows]
        near = self.pen.near[2 * np.maximum(leads, 0) + after, self.pen.place[aim][:, None]]
        near = np.where(column == aim[:, None], 1.0, np.where(leads == END, 0.0, near))
        return np.where((aim >= 0)[:, None], np.log(near + FAR), 0.0)

    def _hear(self, rows: Ints, number: Ints, column: Ints) -> None:
        """What was said is no longer due, and neither it nor its contrary is likely to be said again."""
        self.gain[rows] += np.where(self.heard[rows, column], 0.0, self.lift[rows, column])
        self.heard[rows, column] = True
        finds = column < 2 * self.k
        rare = finds & (column % self.k == self.k - 1)
        self.due[rows, column] = rare & (self.left[rows, column * rare // self.k] > 1)
        again = np.where(self.pen.free[number], 0.0, AGAIN)
        once = (column < self.lift.shape[1] - 1) & ~rare
        self.lift[rows[once], column[once]] = np.minimum(self.lift[rows[once], column[once]], again[once])
        contrary = rows[finds & ~rare], (column[finds & ~rare] + self.k) % (2 * self.k)
        self.lift[contrary] = np.minimum(self.lift[contrary], AGAIN)
        self.lift[rows[rare], column[rare]] = np.where(
            self.due[rows[rare], column[rare]], self.lift[rows[rare], column[rare]], BARRED
        )
        self.target[rows[self.target[rows] == column]] = -1

    def _named(self, rows: Ints, number: Ints) -> Ints:
        """The numbers, and for a rare finding, behind them, which one it is: those due first, then what the vector makes likeliest."""
        rare = np.flatnonzero(number > len(self.pen.phrases.words))
        if not len(rare):
            return number
        first = len(self.pen.phrases.words) + 1
        found, side = number.copy(), self.denied[rows[rare]]
        which = self.waiting[rows[rare], side, 0]
        self.waiting[rows[rare], side] = np.roll(self.waiting[rows[rare], side], -1, axis=1)
        self.left[rows[rare], side] -= 1
        found[rare] = which + first + (self.k - 1) * (number[rare] - first)
        return found

    def _uniform(self, rows: Ints, turn: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (
            np.asarray(mixed(self.seeds[rows] + np.uint64(turn + 3)) >> np.uint64(11), dtype=np.float64) * 2.0**-53
        )
        return found


def _drawn(score: Floats, uniform: NDArray[np.float64]) -> Ints:
    """A column of each row, with chance proportional to exp(score)."""
    chance = np.exp(score - score.max(axis=1, keepdims=True)).cumsum(axis=1)
    found: Ints = (chance <= (uniform * chance[:, -1])[:, None]).sum(axis=1)
    return found
