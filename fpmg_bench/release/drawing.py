"""New patients from stored states. Nobody whom the model was trained on is in this process."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.controls.join import concatenate
from fpmg_bench.document.words import plural
from fpmg_bench.errors import TrialError
from fpmg_bench.keys import rng_for, seed_for
from fpmg_bench.release.wishes import Wishes
from fpmg_bench.trial.release import draw
from fpmg_bench.trial.vectors import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.trial.learning import Models
    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.trial.release import Recipe
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.float64]

AT_ONCE = 2_000  # records that are decoded together: what bounds the memory
LEAST, TRIED = 0.005, 20_000  # a wish that fewer than this share of so many drawn patients fulfil is given up


@dataclass(frozen=True, slots=True)
class Source:
    """Who draws. models: of all silos; silos: those whose patients are wanted; root: of the random streams."""

    models: Models
    parts: Parts
    recipe: Recipe
    silos: Sequence[int]
    root: int

    @classmethod
    def of(cls, models: Models, parts: Parts, recipe: Recipe, silos: Sequence[int], seed: int | None) -> Source:
        """seed: of a simulation, whose release can be drawn again; None: of the system's generator."""
        return cls(models, parts, recipe, silos, secrets.randbits(62) if seed is None else seed)

    @property
    def number(self) -> int:
        """As many as these silos trained on, or as their noisy counts say."""
        return max(1, sum(int(np.rint(self.recipe.labels[silo].sum())) for silo in self.silos))


def drawn(source: Source, n: int, wishes: Wishes) -> tuple[Cohort, int]:
    """(n new patients in the silos that released them, numbered from 0; how many were drawn for them).

    Raises TrialError where next to none is as wished: of `TRIED` and more fewer than `LEAST`, so at most n / LEAST and a batch are drawn.
    """
    rng = np.random.default_rng(seed_for(source.root, "release", "conditions"))
    stream = rng_for(source.root, "release")
    weights = _weights(source, wishes)
    left = _apportioned(np.asarray(weights.any(axis=0), dtype=np.float64), n) if wishes.balanced else None
    kept: list[Cohort] = []
    tried = found = 0
    while found < n:
        size = n - found if not tried else min(max(math.ceil(1.1 * (n - found) * (tried + 1) / (found + 1)), 64), 5 * AT_ONCE)
        requested, silo = _asked(source, size, weights if left is None else _still(weights, left), wishes, rng)
        made = _made(source, requested, silo, stream)
        good = np.flatnonzero(wishes.granted(made))
        good = good[: n - found] if left is None else _filling(good, made.label, left)
        tried, found = tried + size, found + len(good)
        kept.append(made.take(good))
        if tried >= TRIED and found < LEAST * tried:
            raise TrialError(
                f"{plural(found, 'patient')} of {tried} drawn ones are as wished", "wish for less: --where, --complete"
            )
    return replace(concatenate(kept), patient=np.arange(n)), tried


def _weights(source: Source, wishes: Wishes) -> Floats:
    """Records [silos, K] that the chosen silos trained on, of the classes that may be asked for."""
    weights = np.stack([source.recipe.labels[silo] for silo in source.silos])
    weights = (weights if weights.any() else np.ones_like(weights)) * wishes.labels(weights.shape[1])
    if not weights.any():
        raise TrialError("no training patient has such a label", "--where label=... names another, or choose other silos")
    return weights


def _still(weights: Floats, left: NDArray[np.int64]) -> Floats:
    """The same silos in every class, classes as they are still wanted [K]."""
    total = weights.sum(axis=0)
    wanted: Floats = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0) * left
    return wanted


def _filling(rows: NDArray[np.intp], label: NDArray[np.int64], left: NDArray[np.int64]) -> NDArray[np.intp]:
    """As many of the rows as each class still wants, which it then wants no longer."""
    parts = [rows[label[rows] == value][:wanted] for value, wanted in enumerate(left)]
    left -= [len(part) for part in parts]
    return np.sort(np.concatenate(parts))


def _asked(source: Source, n: int, weights: Floats, wishes: Wishes, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Conditions [n, c] as wished, silos and labels in these proportions before the wish, and the silo [n] of each; in random order."""
    law, silos = source.recipe.law, np.asarray(source.silos)
    rows: list[tuple[Floats, NDArray[np.int64]]] = []
    tried = found = 0
    while found < n:
        cell = np.repeat(np.arange(weights.size), _apportioned(weights.ravel(), n if not tried else max(n, AT_ONCE)))
        requested = law.draw(cell % weights.shape[1], rng)
        good = rng.permutation(np.flatnonzero(wishes.asked(requested)))[: n - found]
        rows.append((requested[good], silos[cell[good] // weights.shape[1]]))
        tried, found = tried + len(cell), found + len(good)
        if tried >= TRIED and found < LEAST * tried:
            raise TrialError(f"{plural(found, 'patient')} of {tried} have such conditions", "ask for more common ones: --where")
    return np.concatenate([r for r, _ in rows]), np.concatenate([s for _, s in rows])


def _apportioned(weights: Floats, n: int) -> NDArray[np.int64]:
    """n in whole parts in these proportions: the largest remainders get what is left (Hamilton)."""
    exact: Floats = n * weights / weights.sum()
    parts = np.floor(exact + 1e-9).astype(np.int64)
    order = np.argsort(-(exact - parts), kind="stable")
    parts[order[: n - parts.sum()]] += 1
    return parts


def _made(source: Source, requested: Floats, silo: NDArray[np.int64], rng: Rng) -> Cohort:
    """Records [n] by the models of their silos; silos with the same weights draw together."""
    identity = {index: fingerprint(source.models[index]) for index in source.silos}
    made: list[Cohort] = []
    order: list[NDArray[np.intp]] = []
    for one in dict.fromkeys(identity.values()):
        members = [index for index, known in identity.items() if known == one]
        rows = np.flatnonzero(np.isin(silo, members))
        for at in range(0, len(rows), AT_ONCE):
            some = rows[at : at + AT_ONCE]
            model = source.models[members[0]]
            made.append(draw(model, source.models, source.parts, source.recipe.form, requested[some], rng).records)
            order.append(some)
    joined = concatenate(made).take(np.argsort(np.concatenate(order)))
    names = tuple(source.recipe.silos.get(index, "") for index in range(1 + max(source.silos)))
    return replace(joined, silo=silo, silo_names=names, drafted=source.recipe.form.drafted)


def states(found: Mapping[Any, Any]) -> Models:
    """Models as `save_trained` keeps them."""
    return {int(silo): dict(parts) for silo, parts in found.items()}
