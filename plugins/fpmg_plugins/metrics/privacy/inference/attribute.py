"""Attribute inference: a secret column of a patient guessed from all their other columns by the nearest record that one has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.privacy.densities import nth_nearest, which_nearest
from fpmg_plugins.metrics.privacy.inference.columns import blocks, joined, ranks
from fpmg_plugins.metrics.privacy.inference.guesses import residual
from fpmg_plugins.metrics.privacy.targets import LEAST
from fpmg_plugins.metrics.utility_models import score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Score
    from fpmg_plugins.metrics.privacy.inference.columns import Columns
    from fpmg_plugins.metrics.privacy.targets import Targets

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]

SECRETS = 16  # columns that are guessed at most, evenly spaced
AROUND, OUTLIERS = 5, 0.25  # whose how many-th nearest is farthest; the share of patients who count as outliers
CLOSE = 0.05  # difference in rank up to which a guessed number counts as right
CERTAIN = 0.95  # a secret that is guessed this often without a leak cannot show one


def scores(
    targets: Targets, parts: tuple[Columns, Columns, Columns, Columns], classes: Sequence[str], draws: int, seed: int
) -> Iterator[Score]:
    """parts: training patients, the non-members among the targets, the release, and patients whom nobody trained on."""
    train, others, made, unseen = parts
    if len(made) < LEAST or len(made.columns) < 2:
        raise NotApplicable(f"{len(made)} released records with {len(made.columns)} columns; {LEAST} and 2 are needed")
    targets, people = _with_table(targets, joined([train, others]))
    found = Guessed(targets, guesses(people, made, train), targets.weights(draws, seed))
    everybody = np.ones(len(targets), bool)
    values = {
        "": found.risk(),
        ".worst": found.worst(),
        ".rate": found.rate(True),
        ".naive": replace(found, right=usual(people, made, train)).rate(True),
        ".gain": found.gain(people, made, unseen, train, seed),
    }
    given = [(f"inference.attribute{key}", value, everybody, "all") for key, value in values.items()]
    for c, name in enumerate(classes):
        rows = targets.label == c
        if targets.a_side(rows) >= LEAST:
            given.append(("inference.attribute", found.risk(rows), rows, f"class:{name}"))
    far = outliers(people, train)
    if targets.a_side(far) >= LEAST:
        given.append(("inference.attribute.outliers", found.risk(far), far, "all"))
    for key, value, rows, scope in given:
        if value is not None and np.isfinite(value[0]):
            yield score(key, value, targets.a_side(rows), scope=scope)


def outliers(people: Columns, like: Columns) -> Mask:
    """The quarter [n] of these patients whose fifth nearest among them, in all columns, is farthest."""
    x = np.concatenate(blocks(people, like), 1)
    far = nth_nearest(x, x, AROUND + 1)  # the nearest is the patient
    rows: Mask = far > np.quantile(far, 1 - OUTLIERS)
    return rows


def _with_table(targets: Targets, pool: Columns) -> tuple[Targets, Columns]:
    """Targets that have a table, and the first record of each, in the same order."""
    people = pool.first()
    targets = targets.take(np.isin(targets.patient, people.patient))
    if (n := targets.a_side(np.ones(len(targets), bool))) < LEAST:
        raise NotApplicable(f"{n} training or held-out patients have a table; {LEAST} of each are needed")
    return targets, people.take(np.isin(people.patient, targets.patient))


def guesses(targets: Columns, donors: Columns, like: Columns) -> Floats:
    """Whether each secret's guess is right [n, secrets]: 1 or 0, NaN where the truth is unknown. like: tells the ranks of numbers."""
    known, held = blocks(targets, like), blocks(donors, like)
    found = []
    for j in secrets(targets):
        others = [i for i in range(len(known)) if i != j]
        nearest = which_nearest(*(np.concatenate([part[i] for i in others], 1) for part in (known, held)))
        found.append(_right(targets, donors.values[nearest, j], like, j))
    return np.stack(found, 1) if found else np.zeros((len(targets), 0))


def usual(targets: Columns, donors: Columns, like: Columns) -> Floats:
    """The same for who guesses the most frequent value, or the median, of the donors."""
    found = []
    for j in secrets(targets):
        x = donors.values[~np.isnan(donors.values[:, j]), j]
        if not len(x):
            found.append(np.where(np.isnan(targets.values[:, j]), np.nan, 0.0))
            continue
        values, counts = np.unique(x, return_counts=True)
        guess = np.median(x) if targets.columns[j].type == "number" else values[counts.argmax()]
        found.append(_right(targets, np.full(len(targets), guess), like, j))
    return np.stack(found, 1) if found else np.zeros((len(targets), 0))


def secrets(of: Columns) -> list[int]:
    """Columns that are guessed in turn, where there is another one to guess from."""
    k = len(of.columns)
    return [] if k < 2 else [int(j) for j in np.unique(np.linspace(0, k - 1, min(k, SECRETS)).round())]


def _right(targets: Columns, guess: Floats, like: Columns, j: int) -> Floats:
    truth = targets.values[:, j]
    if targets.columns[j].type == "number":
        right = np.abs(ranks(guess, like.values[:, j]) - ranks(truth, like.values[:, j])) <= CLOSE
    else:
        right = guess == truth
    return np.where(np.isnan(truth), np.nan, right.astype(float))


@dataclass(frozen=True, slots=True)
class Guessed:
    """right [n, secrets] of the targets, and their bootstrap weights [1 + draws, n]."""

    targets: Targets
    right: Floats
    weights: Floats

    def rate(self, members: bool, rows: Mask | None = None, secret: int | None = None) -> Floats:
        """Share of right guesses and its draws [1 + draws] about members, or non-members; NaN where nothing is known."""
        side = (self.targets.member == members) & (True if rows is None else rows)
        right = self.right[side] if secret is None else self.right[side][:, [secret]]
        known = self.weights[:, side] @ (~np.isnan(right)).sum(1).astype(float)
        hits = self.weights[:, side] @ np.nansum(right, 1)
        rate: Floats = np.divide(hits, known, out=np.full(len(known), np.nan), where=known > 0)
        return rate

    def risk(self, rows: Mask | None = None, secret: int | None = None) -> Floats:
        """The residual and its draws [1 + draws]; NaN where non-members are always guessed right."""
        attack, control = (self.rate(side, rows, secret) for side in (True, False))
        sure = np.isclose(control, 1)
        return np.where(sure, np.nan, residual(attack, np.where(sure, 0, control)))

    def gain(self, people: Columns, made: Columns, unseen: Columns, like: Columns, seed: int) -> Floats:
        """Rate on members less that of an attacker who has unseen patients in the place of the release, as many of either."""
        size, rng = min(len(unseen), len(made)), np.random.default_rng(seed)
        member, rates = self.targets.member, []
        for donors in (made, unseen):
            right = np.full(self.right.shape, np.nan)
            right[member] = guesses(people.take(member), donors.take(rng.permutation(len(donors))[:size]), like)
            rates.append(replace(self, right=right).rate(True))
        return rates[0] - rates[1]

    def worst(self) -> Floats | None:
        """The risk of the secret whose risk is largest beyond noise on one half of the targets, on the other half; both ways."""
        found = []
        for half in (0, 1):
            chosen = self._largest(self.targets.half != half)
            if chosen is None:
                return None
            found.append(self.risk(self.targets.half == half, chosen))
        return np.asarray(np.mean(found, 0))

    def _largest(self, rows: Mask) -> int | None:
        risks = {}
        for secret in range(self.right.shape[1]):
            control, drawn = self.rate(False, rows, secret)[0], self.risk(rows, secret)
            if control < CERTAIN and np.isfinite(drawn).all():
                risks[secret] = drawn[0] - 2 * drawn[1:].std()  # not the noisiest one
        return max(risks, key=lambda secret: risks[secret]) if risks else None
