"""Balance: does the release show what was asked for, in every class, for every flag and number, down to rare combinations?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics import balls
from fpmg_plugins.metrics.balance import conditions
from fpmg_plugins.metrics.distances import placed
from fpmg_plugins.metrics.learners import probability
from fpmg_plugins.metrics.ranking import auroc
from fpmg_plugins.metrics.real_side import real_side, value_and_draws
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility_models import joint, real_model, rows_of, score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]
    Names = tuple[str, ...]

LEAST = 10  # held-out records of a class, and of the rest


class Balance:
    """Requested against produced conditions, read by classifiers that saw real training patients T only (no leaking modality).

    `balance` = mean over classes c of max(0, A(H) - A(S)), A: AUROC of the reader's P(c) for "c was asked for", among held-out
    patients H and in the release S; 0 at best, lower is better; a class alone under scope class:NAME. Floor: the two halves of H.
    `balance.mixture`: total variation distance of the mixture read in S to the one read in H; 0 at best.
    `balance.flags`, `balance.numbers`: AUROC, and rank correlation, of what a reader of T says with what was asked for, mean
    over further conditions (each under scope condition:NAME); higher is better; floor: the same on H.
    `balance.minority`: share of H's patients of the smallest class with a released record of that label within the distance to
    their 5th nearest fellow; 1 at best; floor: T in the place of S. `balance.minority.even` (even): the same of the sample that has
    every label equally often, so that the minority has more records than T has. `balance.rare`: share of the combinations of label and
    category that fewer than 5 % of H's patients have, and two at least, which occur in S; 1 at best; floor: T.
    Interval: bootstrap over patients. Needs two classes with 10 held-out records each; the minority 10 complete ones.
    Pitfalls: a reader sees no more than phi shows; a caricature of a class (a collapse to its mean) is read perfectly and costs
    nothing here, so read `dg` beside it; with few patients `balance.minority` is 1 for nearly everything.
    """

    family: ClassVar[str] = "balance"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "balance": Scale(0.0, False, low=0.0, high=1.0, unit="AUROC", source="EVALUATION.md: requested against produced label"),
        "balance.mixture": Scale(0.0, False, low=0.0, high=1.0, unit="share", source="total variation distance"),
        "balance.flags": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source="EVALUATION.md: conditions"),
        "balance.numbers": Scale(1.0, True, low=-1.0, high=1.0, unit="correlation", source="Spearman 1904"),
        "balance.minority": Scale(1.0, True, low=0.0, high=1.0, unit="share", source="Naeem et al. 2020 (coverage), in a class"),
        "balance.minority.even": Scale(
            1.0, True, low=0.0, high=1.0, unit="share", source="Naeem et al. 2020 (coverage), in a class"
        ),
        "balance.rare": Scale(1.0, True, low=0.0, high=1.0, unit="share", source="EVALUATION.md: rare combinations"),
    }

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200, k: Annotated[int, Ge(1)] = 5, even: bool = False) -> None:
        self.resamples = resamples
        self.k = k
        self.even = even

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """The label, then what else was asked for, then the minority and rare combinations."""
        seed = fresh_seed(rng)
        names = joint(evidence)
        scores = evidence.each_release(partial(self._labels, evidence, names, seed))
        real = real_side(self, evidence, lambda: self._labels(evidence, names, seed, evidence.r1, evidence.r2), names, seed)
        floor = {(s.key, s.scope): s.value for s in real}
        scores = [replace(s, floor=floor.get((s.key, s.scope if s.scope.startswith("class:") else "all"))) for s in scores]
        others = {
            "balance.flags": partial(conditions.scores, evidence, names),
            "balance.minority": partial(self._minority, evidence, "balance.minority"),
            "balance.rare": partial(_rare, evidence),
        }
        if self.even:
            others["balance.minority.even"] = partial(self._minority, evidence, "balance.minority.even")
        for key, statistic in others.items():
            try:
                scores += evidence.each_release(statistic, evidence.balanced if key.endswith(".even") else None, key)
            except NotApplicable as missing:
                evidence.not_applicable(key, missing.reason)
        return scores

    def _labels(self, evidence: Evidence, names: Names, seed: int, made: Cohort, real: Cohort | None = None) -> list[Score]:
        """Ranking by class and mixture of one cohort beside another (H), as deviations."""
        read, beside = self._read(evidence, names, made, seed), evidence.held_out if real is None else real
        label, held, mixture = real_side(
            self, evidence, lambda: self._beside(evidence, names, beside, seed + 1), names, seed, of=beside
        )
        shown = list(held)
        if len(shown) < 2:
            raise NotApplicable(f"fewer than two classes have {LEAST} held-out records")
        gaps = np.stack([held[c] - _area(*read, c) for c in shown])
        if not np.isfinite(gaps[:, 0]).all():
            raise NotApplicable("the release lacks a class that was asked for")
        gaps = np.maximum(gaps, 0.0)
        apart = np.abs(_mixture(*read) - mixture).sum(1) / 2
        n = len(label)
        each = [score("balance", gap, n, scope=f"class:{evidence.train.classes[c]}") for c, gap in zip(shown, gaps, strict=True)]
        return [score("balance", gaps.mean(0), n), score("balance.mixture", apart, n), *each]

    def _beside(
        self, evidence: Evidence, names: Names, real: Cohort, seed: int
    ) -> tuple[NDArray[np.int64], dict[int, Floats], Floats]:
        """Labels of real patients, the ranking [1 + draws] of each class that enough of them have, and the mixture read in them."""
        said, label, weights = self._read(evidence, names, real, seed)
        classes = [c for c in range(len(evidence.train.classes)) if _enough(label, c)]
        return label, {c: _area(said, label, weights, c) for c in classes}, _mixture(said, label, weights)

    def _read(self, evidence: Evidence, names: Names, cohort: Cohort, seed: int) -> tuple[Floats, NDArray[np.int64], Floats]:
        """What the reader of T says of each record, what was asked for, and bootstrap weights."""
        rows, x, label = rows_of(evidence, cohort, names)
        said = probability(real_model(evidence, names, "logistic"), x, len(evidence.train.classes))
        return said, label, value_and_draws(evidence, cohort.patient[rows], self.resamples, seed).astype(np.float64)

    def _minority(self, evidence: Evidence, key: str, release: Cohort) -> list[Score]:
        floor = real_side(self, evidence, lambda: self._reached(evidence, evidence.train), "reached")
        reached = self._reached(evidence, release)
        value = float(reached.mean())
        half = 1.96 * float(np.sqrt(value * (1 - value) / len(reached)))  # each patient of H is reached or not
        low, high = max(0.0, value - half), min(1.0, value + half)
        return [Score(key, value, low=low, high=high, n=len(reached), floor=float(floor.mean()))]

    def _reached(self, evidence: Evidence, release: Cohort) -> NDArray[np.bool_]:
        """Which held-out patients of the smallest class have a record of that label in their ball."""
        held, made = (placed(evidence, cohort) for cohort in (evidence.held_out, release))
        smallest = int(np.bincount(evidence.train.label, minlength=len(evidence.train.classes)).argmin())
        own = held.x[evidence.held_out.label[held.rows] == smallest].astype(np.float64)
        if len(own) < max(LEAST, self.k + 1):
            raise NotApplicable(
                f"{len(own)} complete held-out records of the smallest class; {max(LEAST, self.k + 1)} are needed"
            )
        radius = real_side(self, evidence, lambda: balls.radii(own, self.k), "radii")
        theirs = made.x[release.label[made.rows] == smallest].astype(np.float64)
        if not len(theirs):
            return np.zeros(len(own), bool)
        return np.asarray(balls.closest(own, theirs)[0] <= radius * (1 + 1e-9))


def _rare(evidence: Evidence, release: Cohort) -> list[Score]:
    rare, floor = evidence.once(("rare combinations",), lambda: _rare_and_kept(evidence))
    if not rare:
        raise NotApplicable("no combination of label and category is rare among the held-out patients")
    kept = _kept(rare, release)
    return [Score("balance.rare", kept, n=len(rare), floor=floor)]


def _rare_and_kept(evidence: Evidence) -> tuple[set[Any], float]:
    """Combinations that are rare among H, and the share of them that T has."""
    rare = conditions.rare(evidence.held_out)
    return rare, _kept(rare, evidence.train)


def _kept(rare: set[Any], cohort: Cohort) -> float:
    return len(rare & set(conditions.combinations(cohort))) / max(1, len(rare))


def _enough(label: NDArray[np.int64], c: int) -> bool:
    return bool(min((label == c).sum(), (label != c).sum()) >= LEAST)


def _area(said: Floats, label: NDArray[np.int64], weights: Floats, c: int) -> Floats:
    """AUROC [draws] of P(c) for the records of class c against the rest."""
    return auroc(said[:, c], label == c, weights)


def _mixture(said: Floats, label: NDArray[np.int64], weights: Floats) -> Floats:
    """Mean probability of each class [draws, classes]."""
    mean: Floats = weights @ said / weights.sum(1, keepdims=True)
    return mean
