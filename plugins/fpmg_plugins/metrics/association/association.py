"""Association: do the modalities of one released record belong together as those of one real patient do?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.association.blocks import Canonical, Pair, centred, correlations, pair
from fpmg_plugins.metrics.distances import some
from fpmg_plugins.metrics.learners import design, probability, usable
from fpmg_plugins.metrics.real_side import real_side, value_and_draws
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility_models import real_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]
    Names = tuple[str, str]

ROWS = 1_000  # held-out records among which a partner is looked for


@dataclass(frozen=True, slots=True)
class Compared:
    """One pair of modalities in the release and among the held-out patients, with bootstrap weights [1 + draws, n] of each."""

    names: Names
    made: Pair
    real: Pair
    made_weights: Floats
    real_weights: Floats


class Association:
    """Association across modalities: the release S against the held-out patients H, every pair of modalities (a, b).

    Each modality: the 6 leading principal components of its block of phi (axes, scale and centre of T).
    `association` = |C(S) - C(H)| / |C(H)|, C: the cross-block correlations of all pairs, Frobenius norm; 0 at best, 1 where
    nothing is associated. `association.within_label`: after subtracting each label's mean: what the label does not explain.
    `association.cca`: ridge CCA learnt on S; correlation on H of its first variates, mean over pairs; [-1, 1], higher is better.
    `association.retrieval`: by that CCA (Gaussian likelihood ratio of a pair), share of the other held-out patients that fit a
    record's first modality less well than its own partner; [0, 1], .5 is chance. `association.coherence` = r(S) - r(H), r:
    correlation, within each label, between what modality-wise readers (logistic, trained on T) make of the label; 0 at best,
    below 0: modalities of one record contradict each other, above: they agree too much.
    Pairs are also scored alone (modality a+b). Floor: T in the place of S. Interval: bootstrap over patients, value +- 1.96
    standard deviations (norms of resampled matrices lie above the value). Needs two modalities and 50 records that have both.
    Pitfalls: a floor of the error near 1 means that H is too small or its modalities too little associated to tell. Measured with
    split 0 (seen: the intervals of shuffled and of true pairs are disjoint): iu-cxr and eicu-demo see shuffled pairs by every key,
    nih-boxes by all but the coherence, whose intervals touch. covid-cxr (182 held-out records, floor of the error 1.02) sees them
    by no key: there none may be read. The phantom sees them by all but `association.within_label`, for which 450 held-out records
    are too few (floor 1.05, shuffled 1.09) and 2,100 just enough. Shuffled within their label: the same on the real cohorts; on
    the phantom (2,100) only the coherence and, just, `association.within_label` see it, since most of its association runs
    through the label. A collapse to the class means keeps part of what does.
    """

    family: ClassVar[str] = "association"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "association": Scale(0.0, False, low=0.0, unit="ratio", source="relative Frobenius error of cross-block correlations"),
        "association.within_label": Scale(0.0, False, low=0.0, unit="ratio", source="the same within labels"),
        "association.cca": Scale(1.0, True, low=-1.0, high=1.0, unit="correlation", source="Hotelling 1936; Vinod 1976 (ridge)"),
        "association.retrieval": Scale(1.0, True, low=0.0, high=1.0, unit="share", source="cross-modal retrieval, mean rank"),
        "association.coherence": Scale(
            0.0, None, low=-2.0, high=2.0, unit="correlation", source="EVALUATION.md: label coherence"
        ),
    }

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """All keys over all pairs of modalities, and for each pair."""
        names = usable(evidence, tuple(evidence.train.schemas))
        if len(names) < 2:
            raise NotApplicable("the training patients have one modality; association needs two")
        seed = fresh_seed(rng)
        real = real_side(self, evidence, lambda: self._scores(evidence, names, seed, evidence.train), "floor", seed)
        floor = {(s.key, s.modality): s.value for s in real}
        found = evidence.each_release(partial(self._scores, evidence, names, seed))
        return [replace(s, floor=floor.get((s.key, s.modality))) for s in found]

    def _scores(self, evidence: Evidence, names: Sequence[str], seed: int, release: Cohort) -> list[Score]:
        compared = self._pairs(evidence, names, seed, release)
        statistics: Mapping[str, Callable[[Evidence, Cohort, Sequence[Compared]], Floats]] = {
            "association": partial(_error, False),
            "association.within_label": partial(_error, True),
            "association.cca": _transfer,
            "association.retrieval": partial(_retrieval, seed),
            "association.coherence": _coherence,
        }
        scores = []
        for key, statistic in statistics.items():
            for chosen in (compared, *([c] for c in compared if len(compared) > 1)):
                modality = None if chosen is compared else "+".join(chosen[0].names)
                try:
                    draws = statistic(evidence, release, chosen)
                except NotApplicable as error:
                    evidence.not_applicable(key, error.reason, modality=modality)
                    continue
                scores.append(_score(self.scales[key], key, draws, modality, sum(len(c.real.rows) for c in chosen)))
        return scores

    def _pairs(self, evidence: Evidence, names: Sequence[str], seed: int, release: Cohort) -> list[Compared]:
        compared, reasons = [], []
        for one, two in combinations(names, 2):
            try:
                made, real = (pair(evidence, cohort, one, two) for cohort in (release, evidence.held_out))
            except NotApplicable as error:
                reasons.append(error.reason)
                evidence.not_applicable("association", error.reason, modality=f"{one}+{two}")
                continue
            weights = [
                value_and_draws(evidence, people, self.resamples, seed + i).astype(np.float64)
                for i, people in enumerate((_people(evidence, release)[made.rows], real.patient))
            ]
            compared.append(Compared((one, two), made, real, weights[0], weights[1]))
        if not compared:
            raise NotApplicable("; ".join(reasons[:2]))
        return compared


def _people(evidence: Evidence, release: Cohort) -> NDArray[np.int64]:
    """Whose the records are; released ones are nobody's."""
    return release.patient if release is evidence.train else np.arange(len(release), dtype=np.int64)


def _error(within: bool, evidence: Evidence, release: Cohort, compared: Sequence[Compared]) -> Floats:
    """Relative error of the cross-block correlations over all these pairs [1 + draws]; H's own norm is not resampled."""
    gap, size = np.zeros(len(compared[0].made_weights)), 0.0
    for c in compared:
        matrices = [
            correlations(*((centred(x.a, x.label), centred(x.b, x.label)) if within else (x.a, x.b)), w)
            for x, w in ((c.made, c.made_weights), (c.real, c.real_weights))
        ]
        gap += ((matrices[0] - matrices[1]) ** 2).sum(1)
        size += float((matrices[1][0] ** 2).sum())
    if not size > 0:
        raise NotApplicable("the modalities of the held-out patients do not vary")
    error: Floats = np.sqrt(gap / size)
    return error


def _transfer(evidence: Evidence, release: Cohort, compared: Sequence[Compared]) -> Floats:
    """Correlation on H of the first canonical variates learnt on the release, mean over pairs [1 + draws]."""
    kept = []
    for c in compared:
        u, v = Canonical.fit(c.made).variates(c.real)
        kept.append(correlations(u[:, :1], v[:, :1], c.real_weights)[:, 0])
    mean: Floats = np.clip(np.mean(kept, 0), -1, 1)
    return mean


def _retrieval(seed: int, evidence: Evidence, release: Cohort, compared: Sequence[Compared]) -> Floats:
    """Mean over pairs and records of the share of other patients that fit less well than the true partner [1 + draws]."""
    kept = []
    for c in compared:
        rows = some(len(c.real.rows), ROWS, np.random.default_rng(seed))
        share = fitting(Canonical.fit(c.made), c.real.take(rows))
        w = c.real_weights[:, rows]
        kept.append(w @ share / np.maximum(w.sum(1), 1))
    mean: Floats = np.mean(kept, 0)
    return mean


def fitting(learnt: Canonical, x: Pair) -> Floats:
    """For each record, the share [n] of other patients' second modalities less likely to go with its first than its own; ties half."""
    u, v = learnt.variates(x)
    p = learnt.correlation
    scale = p / (1 - p**2)
    score = (u * scale) @ v.T - (v**2 @ (p * scale) / 2)[None, :]  # what depends on v of log N(u, v) / N(u) N(v)
    own = np.diag(score)[:, None]
    other = x.patient[:, None] != x.patient[None, :]
    worse = (score < own - 1e-12) + 0.5 * (np.abs(score - own) <= 1e-12)
    share: Floats = (worse * other).sum(1) / np.maximum(other.sum(1), 1)
    return share


def _coherence(evidence: Evidence, release: Cohort, compared: Sequence[Compared]) -> Floats:
    """Within-label correlation of what two readers say, in the release minus among the held-out, mean over pairs [1 + draws]."""
    gaps = []
    for c in compared:
        parts = []
        for cohort, x, w in ((release, c.made, c.made_weights), (evidence.held_out, c.real, c.real_weights)):
            a, b = (centred(_read(evidence, cohort, name)[x.rows], x.label) for name in c.names)
            parts.append(_agreement(a, b, w))
        gaps.append(parts[0] - parts[1])
    mean: Floats = np.mean(gaps, 0)
    return mean


def _read(evidence: Evidence, cohort: Cohort, modality: str) -> Floats:
    """Log-odds [n, classes] that a reader of real patients gives each class by one modality."""
    model = real_model(evidence, (modality,), "logistic")
    p = np.clip(probability(model, design(evidence, cohort, (modality,)), len(evidence.train.classes)), 1e-3, 1 - 1e-3)
    odds: Floats = np.log(p / (1 - p))
    return odds


def _agreement(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Correlation over all classes together of readings centred within labels [draws]; 0 where a reader says the same of all."""
    cross, aa, bb = (weights @ (x * y).sum(1) for x, y in ((a, b), (a, a), (b, b)))
    scale = np.sqrt(aa * bb)
    found: Floats = np.divide(cross, scale, out=np.zeros_like(cross), where=scale > 1e-9)
    return found


def _score(scale: Scale, key: str, draws: Floats, modality: str | None, n: int) -> Score:
    half = 1.96 * float(draws[1:].std())
    value = float(draws[0])
    return Score(key, value, modality=modality, low=max(scale.low, value - half), high=min(scale.high, value + half), n=n)
