"""Is this a text? What a reference model of real texts, their alphabet and plain counting say of released ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.distances import LEAST, some
from fpmg_plugins.metrics.real_side import drawn, real_side
from fpmg_plugins.metrics.resampling import fresh_seed, interval
from fpmg_plugins.metrics.sight import ngrams, over_modalities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]

WITTEN = "Witten and Bell 1991, characters"
WELLECK = "Welleck et al. 2020, arXiv:1908.04319 (seq-rep-n)"
REPEATED = 12  # characters
BESIDE_T = (
    "legibility",
    "legibility.distinct",
)  # R2 is the ratio's denominator, and has all records of fewer patients, who share texts


class Legibility:
    """Texts of any script, case folded and white space joined, under a model of R1's texts: `order` characters, Witten-Bell smoothing.

    `legibility` (by modality, and their mean) = perplexity of S / perplexity of R2, per character; 1 at best; above: no language of this cohort; below: the
    commonest phrases again and again. Interval: bootstrap over patients. `legibility.distinct`: share of different texts among as many as
    R2 has (expected over draws); its ideal is its floor. Floor of both: T in the place of S.
    All others with R2 in the place of S as floor, which is their ideal too: `legibility.perplexity`: of S itself.
    `legibility.characters`: total variation distance between the frequencies of characters in S and in R1 (question marks in their
    place show here even where the cohort asks questions). `legibility.alphabet`: share of characters that R1 never uses.
    `legibility.repeats`: share of a text's runs of 12 characters that it has said before, mean over texts.
    Needs 10 texts each in S, R1, R2; at most `texts` of each, drawn. Pitfalls: fluent nonsense is legible, and findings at random in good
    grammar cost little: read `association` and `reconstruction.finding_f1` too; few real texts make a weak model: read
    the floor.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "legibility": Scale(1.0, None, low=0.0, unit="ratio", source=WITTEN),
        "legibility.perplexity": Scale(1.0, None, low=1.0, unit="perplexity", source=WITTEN),
        "legibility.distinct": Scale(1.0, None, low=0.0, high=1.0, unit="share", source="counted"),
        "legibility.characters": Scale(0.0, False, low=0.0, high=1.0, unit="share", source="total variation distance"),
        "legibility.alphabet": Scale(0.0, False, low=0.0, high=1.0, unit="share", source="counted"),
        "legibility.repeats": Scale(0.0, None, low=0.0, high=1.0, unit="share", source=WELLECK),
    }

    def __init__(
        self,
        order: Annotated[int, Ge(2)] = 6,
        texts: Annotated[int, Ge(50)] = 1000,
        resamples: Annotated[int, Ge(20)] = 200,
    ) -> None:
        self.order = order
        self.texts = texts
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Every text modality."""
        seed = fresh_seed(rng)
        few = f"fewer than {LEAST} released or held-out records of every text modality"
        scores = over_modalities.every(
            evidence, ("text",), "legibility", lambda name: self._modality(evidence, name, seed), "the cohort has no texts", few
        )
        return scores + over_modalities.means(scores, "legibility")

    def _modality(self, evidence: Evidence, name: str, seed: int) -> list[Score]:
        floor = {
            score.key: score.value
            for cohort, what in ((evidence.r2, "floor"), (evidence.train, "floor beside T"))
            for score in real_side(self, evidence, partial(self._scores, evidence, name, seed, cohort), what, name, seed)
            if (score.key in BESIDE_T) == (cohort is evidence.train)
        }
        found = evidence.each_release(partial(self._scores, evidence, name, seed), modality=name)
        return [replace(score, floor=floor[score.key]) for score in found]

    def _scores(self, evidence: Evidence, name: str, seed: int, cohort: Cohort) -> list[Score]:
        made, people = self._drawn(cohort, name, seed)
        if cohort is not evidence.train and cohort is not evidence.r2:
            people = np.arange(len(people))
        model = real_side(self, evidence, lambda: self._model(evidence, name, seed), "model", name, seed)
        beside, whose = self._drawn(evidence.r2, name, seed)
        real = real_side(self, evidence, lambda: model.surprise(beside), "surprise", name, seed)
        told = model.surprise(made)
        n = len(made)
        draws = _ratio(told, real, drawn(evidence, (people, whose), self.resamples, seed))
        low, high = interval(draws)
        once = [np.ones((1, len(part))) for part in (people, whose)]
        values = {
            "perplexity": float(np.exp(told[0].sum() / told[1].sum())),
            "distinct": distinct(made, min(n, len(beside))),
            "characters": self._characters(evidence, name, seed, made),
            "alphabet": _outside(model.alphabet, made),
            "repeats": float(np.mean([repeats(text) for text in made])),
        }
        first = Score("legibility", float(_ratio(told, real, once)[0]), low=low, high=high, n=n)
        return [first, *(Score(f"legibility.{key}", value, n=n) for key, value in values.items())]

    def _model(self, evidence: Evidence, name: str, seed: int) -> ngrams.Reference:
        texts = self._drawn(evidence.r1, name, seed)[0]
        if not any(texts):
            raise NotApplicable(f"all held-out texts of {name!r} are empty")
        return ngrams.fit(texts, self.order)

    def _characters(self, evidence: Evidence, name: str, seed: int, made: Sequence[str]) -> float:
        """Total variation distance of the frequencies of characters to those of R1; without a character: 1."""
        real = real_side(self, evidence, lambda: _counts(self._drawn(evidence.r1, name, seed)[0]), "counts", name, seed)
        own = _counts(made)
        if not own:
            return 1.0
        every, here, there = {*real, *own}, sum(own.values()), sum(real.values())
        return min(1.0, sum(abs(own[point] / here - real[point] / there) for point in sorted(every)) / 2)

    def _drawn(self, cohort: Cohort, name: str, seed: int) -> tuple[list[str], NDArray[np.int64]]:
        """At most `texts` texts, normalised, and whose they are. Raises NotApplicable below 10."""
        have = np.flatnonzero(cohort.present[name])
        if len(have) < LEAST:
            raise NotApplicable(f"{len(have)} records have the text {name!r}; {LEAST} are needed")
        have = have[some(len(have), self.texts, np.random.default_rng(seed))]
        strings = cohort.data[name].take(have).strings
        return [" ".join(text.casefold().split()) for text in strings], cohort.patient[have]


def _ratio(told: tuple[Floats, Floats], real: tuple[Floats, Floats], weights: Sequence[Floats]) -> Floats:
    """Perplexity over perplexity [draws]; (nats [n], symbols [n]) of each and weights [draws, n] of each."""
    rates = [(w @ nats) / np.maximum(w @ symbols, 1) for (nats, symbols), w in zip((told, real), weights, strict=True)]
    ratio: Floats = np.exp(np.minimum(rates[0] - rates[1], 700.0))
    return ratio


def distinct(texts: Sequence[str], size: int) -> float:
    """Expected share of different texts among `size` drawn without replacement (in closed form: nothing is drawn)."""
    from scipy.special import gammaln

    times = np.array(list(Counter(texts).values()), np.float64)
    n = len(texts)
    left = np.maximum(n - times, size)  # where fewer than `size` others are left the text is always drawn
    never = np.exp(gammaln(left + 1) - gammaln(left - size + 1) - gammaln(n + 1) + gammaln(n - size + 1))
    return float(np.where(n - times < size, 1.0, 1 - never).sum() / size)


def repeats(text: str, length: int = REPEATED) -> float:
    """Share of a text's runs of `length` characters that occurred in it before; 0 of a shorter text."""
    runs = [text[at : at + length] for at in range(len(text) - length + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _outside(alphabet: NDArray[np.uint32], texts: Sequence[str]) -> float:
    found = ngrams.points(texts)
    return float(1 - np.isin(found, alphabet).mean()) if len(found) else 0.0


def _counts(texts: Sequence[str]) -> Counter[int]:
    values, times = np.unique(ngrams.points(texts), return_counts=True)
    return Counter(dict(zip(values.tolist(), times.tolist(), strict=True)))
