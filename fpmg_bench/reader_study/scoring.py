"""What readers' answers say: can they tell a kind of cases from another, do they see the label, do they agree?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpmg_bench.errors import StoreError
from fpmg_bench.keys import seed_for
from fpmg_bench.reader_study.key import DECODED, KINDS, REAL, SYNTHETIC
from fpmg_bench.reader_study.sheet import VERDICTS
from fpmg_bench.stats import ALPHA, clopper_pearson, findable, fisher, kappa

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.reader_study.answers import Answer, Reader
    from fpmg_bench.reader_study.key import Key

    Floats = NDArray[np.float64]

PAIRS = ((SYNTHETIC, REAL), (SYNTHETIC, DECODED), (DECODED, REAL))  # (what is to be found, among what)
DRAWS = 2000
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % interval: of one reader exact (Clopper-Pearson). n: cases, 0 where there are none."""

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, right: int, n: int) -> Rate:
        return cls(right / n if n else math.nan, *clopper_pearson(right, n), n)


@dataclass(frozen=True, slots=True)
class Telling:
    """One reader, or all of them, telling `found` from `among`.

    sensitivity: of `found` called synthetic; specificity: of `among` called real; auroc: of verdict and confidence together,
    with a bootstrap interval over cases. p: of one reader Fisher's exact test, of several a permutation of the cases. findable: the share of right
    answers, in both kinds, that a reader with so many cases is found with by Fisher's test with power .8.
    Of several readers rates are means, with bootstrap intervals over cases: the readers are those they are.
    """

    reader: str
    found: str
    among: str
    sensitivity: Rate
    specificity: Rate
    auroc: Rate
    p: float
    findable: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The label that a reader saw was the one that the case has."""

    reader: str
    kind: str
    right: Rate


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of all readers on what they all answered. kappa: Cohen's of two, Fleiss' of more, with a bootstrap interval over cases."""

    about: str
    kind: str
    kappa: Rate


@dataclass(frozen=True, slots=True)
class Missing:
    """Cases that a reader left open."""

    reader: str
    verdict: int
    confidence: int
    label: int


@dataclass(frozen=True, slots=True)
class Scores:
    """All that the answers say. notes: what a reader of the numbers must know."""

    study: str
    trial: str
    cases: Mapping[str, int]
    telling: Sequence[Telling]
    labels: Sequence[Seen]
    agreement: Sequence[Agreement]
    missing: Sequence[Missing]
    notes: Sequence[str]


def score(key: Key, readers: Sequence[Reader]) -> Scores:
    """Hold the answers against the key. Raises StoreError where nobody gave a verdict."""
    if not any(answer.verdict for reader in readers for answer in reader.answers.values()):
        raise StoreError(f"study {key.study}: no case has a verdict", "give at least one file with answers")
    kinds = [kind for kind in KINDS if kind in key.kinds.values()]
    pairs = [pair for pair in PAIRS if set(pair) <= set(kinds)]
    telling = [_one(key, reader, *pair) for reader in readers for pair in pairs]
    if len(readers) > 1:
        telling += [_all(key, readers, *pair) for pair in pairs]
    return Scores(
        key.study, key.trial, {kind: sum(each == kind for each in key.kinds.values()) for kind in kinds}, telling,
        [_seen(key, reader, kind) for reader in readers for kind in kinds] if key.labels else [],
        _agreement(key, readers) if len(readers) > 1 else [],
        [_missing(key, reader) for reader in readers],
        list(_notes(key, kinds)),
    )  # fmt: skip


def _verdicts(key: Key, reader: Reader, kind: str) -> list[Answer]:
    """What the reader said of the cases of a kind, where there is a verdict."""
    answers = (reader.answers.get(case.case) for case in key.cases if case.kind == kind)
    return [answer for answer in answers if answer is not None and answer.verdict is not None]


def _called(answers: Sequence[Answer], verdict: str) -> int:
    return sum(answer.verdict == verdict for answer in answers)


def suspicion(answer: Answer) -> float | None:
    """-5 (real, certain) to 5 (synthetic, certain); None without a confidence."""
    if answer.confidence is None or answer.verdict is None:
        return None
    return float(answer.confidence if answer.verdict == SYNTHETIC else -answer.confidence)


def auroc(found: Floats, among: Floats) -> float:
    """Probability that a case of `found` is suspected more than one of `among`, ties count half (Mann-Whitney). NaN: one side is empty."""
    if not len(found) or not len(among):
        return math.nan
    differences = found[:, None] - among[None, :]
    return float((differences > 0).mean() + 0.5 * (differences == 0).mean())


def _one(key: Key, reader: Reader, found: str, among: str) -> Telling:
    import numpy as np

    one, two = _verdicts(key, reader, found), _verdicts(key, reader, among)
    hits, alarms = _called(one, SYNTHETIC), _called(two, SYNTHETIC)
    p = fisher(hits, len(one), alarms, len(two)) if one and two else math.nan
    graded = [np.array([s for a in side if (s := suspicion(a)) is not None]) for side in (one, two)]
    area = _interval(lambda rows: auroc(graded[0][rows[0]], graded[1][rows[1]]), [len(side) for side in graded])
    least = findable(len(one), len(two), POWER, ALPHA) if one and two else None
    rates = Rate.of(hits, len(one)), Rate.of(len(two) - alarms, len(two))
    sentence = _sentence(found, among, p, rates[0].value + rates[1].value, least)
    return Telling(reader.name, found, among, *rates, area, p, least, sentence)


def _sentence(found: str, among: str, p: float, sum_: float, least: float | None) -> str:
    """In words, for who does not read tables."""
    what = f"{found} cases {'are' if p < ALPHA else 'cannot be'} told from {among} ones"
    if math.isnan(p):
        return f"{found} or {among} cases have no verdict: nothing can be said"
    if p < ALPHA:
        return (
            f"{what} (p = {p:.2g})"
            if sum_ > 1
            else f"{what}, but the wrong way round: {among} ones are called synthetic (p = {p:.2g})"
        )
    if least is None:
        return f"{what} at this n (p = {p:.2g}), which would not find even who is always right: more cases"
    return f"{what} at this n (p = {p:.2g}): would have found a reader who is right in {math.ceil(100 * least):d} % of both (power {POWER:g})"


def _interval(statistic: Callable[[Sequence[NDArray[np.intp]]], float], sizes: Sequence[int]) -> Rate:
    """A statistic of the rows of each kind, with a percentile interval over cases, kind by kind; draws where it is undefined are left out."""
    import numpy as np

    n = sum(sizes)
    if not n:
        return Rate(math.nan, math.nan, math.nan, 0)
    rng = np.random.default_rng(seed_for(0, "reader-study", "bootstrap", *sizes))
    value = statistic([np.arange(size) for size in sizes])
    drawn = np.array([statistic([rng.integers(0, max(size, 1), size) for size in sizes]) for _ in range(DRAWS)])
    drawn = drawn[np.isfinite(drawn)]
    if not math.isfinite(value) or not len(drawn):
        return Rate(value, math.nan, math.nan, n)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Rate(value, float(low), float(high), n)


def _all(key: Key, readers: Sequence[Reader], found: str, among: str) -> Telling:
    """Means over readers. An open answer takes no part."""
    import numpy as np

    said = {kind: np.array([_row(key, reader, kind) for reader in readers]) for kind in (found, among)}
    graded = {kind: np.array([_row(key, reader, kind, graded=True) for reader in readers]) for kind in (found, among)}
    sizes = [said[found].shape[1], said[among].shape[1]]
    sensitivity = _interval(lambda rows: _mean(said[found][:, rows[0]]), sizes[:1])
    specificity = _interval(lambda rows: 1 - _mean(said[among][:, rows[0]]), sizes[1:])
    area = _interval(lambda rows: _mean_area(graded[found][:, rows[0]], graded[among][:, rows[1]]), sizes)
    p = _permuted(np.concatenate([said[found], said[among]], axis=1), sizes[0])
    what = f"{found} cases {'are' if p < ALPHA else 'cannot be'} told from {among} ones by {len(readers)} readers together"
    wrong = p < ALPHA and sensitivity.value + specificity.value < 1
    sentence = (
        f"{what}{', but the wrong way round' if wrong else '' if p < ALPHA else ' at this n'} (p = {p:.2g}, cases permuted)"
    )
    if math.isnan(p):
        sentence = f"{found} or {among} cases have no verdict: nothing can be said"
    return Telling("all readers", found, among, sensitivity, specificity, area, p, None, sentence)


def _row(key: Key, reader: Reader, kind: str, *, graded: bool = False) -> list[float]:
    """Of every case of the kind 1 where it was called synthetic (or its suspicion), NaN where it is open."""
    answers = [reader.answers.get(case.case) for case in key.cases if case.kind == kind]
    if graded:
        return [math.nan if a is None or (s := suspicion(a)) is None else s for a in answers]
    return [math.nan if a is None or a.verdict is None else float(a.verdict == SYNTHETIC) for a in answers]


def _mean(said: Floats) -> float:
    """Mean over readers of their means over cases; NaN where a reader answered none."""
    import numpy as np

    there = np.isfinite(said)
    counts = there.sum(axis=1)
    return float((np.where(there, said, 0.0).sum(axis=1) / counts).mean()) if counts.all() else math.nan


def _mean_area(found: Floats, among: Floats) -> float:
    import numpy as np

    return float(np.mean([auroc(a[np.isfinite(a)], b[np.isfinite(b)]) for a, b in zip(found, among, strict=True)]))


def _permuted(said: Floats, n: int) -> float:
    """Two-sided p of the first n cases being called synthetic as often as the others, over permutations of cases; readers stay together."""
    import numpy as np

    rng = np.random.default_rng(seed_for(0, "reader-study", "permutation"))
    observed = _mean(said[:, :n]) - _mean(said[:, n:])
    if math.isnan(observed):
        return math.nan
    as_far = 1
    for _ in range(DRAWS):
        order = rng.permutation(said.shape[1])
        as_far += not abs(_mean(said[:, order[:n]]) - _mean(said[:, order[n:]])) < abs(observed) - 1e-12
    return as_far / (DRAWS + 1)


def _seen(key: Key, reader: Reader, kind: str) -> Seen:
    pairs = [
        (case.label, reader.answers[case.case].label) for case in key.cases if case.kind == kind and case.case in reader.answers
    ]
    said = [(label, seen) for label, seen in pairs if seen is not None]
    return Seen(reader.name, kind, Rate.of(sum(label == seen for label, seen in said), len(said)))


def _agreement(key: Key, readers: Sequence[Reader]) -> list[Agreement]:
    """On the verdict, and on the label; over all cases that every reader answered."""
    import numpy as np

    name = "Cohen" if len(readers) == 2 else "Fleiss"
    found = []
    for about in ("verdict", *(["label"] if key.labels else [])):
        known = list(VERDICTS if about == "verdict" else key.labels)
        rows = [[getattr(reader.answers.get(case.case), about, None) for reader in readers] for case in key.cases]
        whole = [[known.index(str(value)) for value in row] for row in rows if None not in row]
        ratings = np.array(whole, dtype=np.int64).reshape(-1, len(readers)).T
        found.append(Agreement(about, name, _interval(lambda rows, r=ratings: kappa(r[:, rows[0]]), [ratings.shape[1]])))  # type: ignore[misc]
    return found


def _missing(key: Key, reader: Reader) -> Missing:
    answers = [reader.answers.get(case.case) for case in key.cases]
    counts = {name: sum(getattr(answer, name, None) is None for answer in answers) for name in ("verdict", "confidence", "label")}
    return Missing(reader.name, counts["verdict"], counts["confidence"], counts["label"] if key.labels else 0)


def _notes(key: Key, kinds: Sequence[str]) -> list[str]:
    """What the numbers do not say by themselves."""
    found = []
    if key.leaks and key.labels:
        found.append(f"{', '.join(key.leaks)}: contains the label by construction; its accuracy says little")
    if DECODED in kinds:
        found.append(
            "decoded: real patients after the encoders. What tells them from real ones is the encoders' doing, what tells synthetic from them the generator's"
        )
    return found
