"""Every score that both sides measured, judged; and what one of them lost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fpmg_bench.comparison.sides import Cell, Key, Lost, Side, read
from fpmg_bench.errors import NotApplicable, StoreError
from fpmg_bench.types import OWN_SPACE

if TYPE_CHECKING:
    from fpmg_bench.stats import Pairs
    from fpmg_bench.stats.judging import Verdict

NONE = (math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Row:
    """One score of one dataset and method. difference: B - A, paired by seed, with the test's 95 % interval; verdict: what B is.

    test: corrected (seeds share patients), or plain where every seed has patients of its own on both sides.
    margin, detectable: in units of the loss, for ratios the logarithm; detectable: what this many seeds find with power .8.
    lost: seeds that A measured and B failed. Where B has none of A's seeds the verdict is "failed", or "not measured" where
    nothing failed: a score that is not applicable, or trials that have not run yet.
    holds: what is said beside an epsilon, of A and of B ("simulated"); both are "" for every other score.
    """

    dataset: str
    method: str
    metric: str
    a: tuple[float, float, float]
    b: tuple[float, float, float]
    difference: float
    low: float
    high: float
    seeds: int
    verdict: Verdict | Literal["failed", "not measured"]
    p: float
    margin: float | None
    detectable: float
    reason: str = ""
    lost: int = 0
    test: Literal["corrected", "plain"] = "corrected"
    holds: tuple[str, str] = ("", "")


def compare(a: Side, b: Side, metrics: Sequence[str] = (), margins: Mapping[str, float] | None = None) -> list[Row]:
    """Rows for every score (or those named) that both sides measured, or A measured and B lost: final values over all silos.

    Each is judged by `stats.judge`, over the datasets and methods of one score as a family; margins: instead of `stats.MARGINS`.
    Raises StoreError where the sides share nothing, or a named score is not among what they share.
    """
    (left, _), (right, lost) = read(a), read(b)
    if a.method is not None and b.method is not None:
        name = f"{a.method} -> {b.method}" if a.method != b.method else str(a.method)
        left, right = ({(d, name, m): cell for (d, _, m), cell in side.items()} for side in (left, right))
        lost = {(d, name, m): each for (d, _, m), each in lost.items()}
    gone = {key: found for key in left if (found := _gone(key, left[key], right.get(key), lost)).seeds}
    known = [key for key in left if key in right or key in gone]
    unknown = [name for name in metrics if name not in {key[2] for key in known}]
    if not known or unknown:
        what = f"no measured score '{unknown[0]}'" if unknown and known else "no measured dataset, method and metric"
        raise StoreError(f"{a.run} and {b.run} share {what}", _shared_words(known))
    families: dict[str, list[Key]] = {}
    for key in known:
        if not metrics or key[2] in metrics:
            families.setdefault(key[2], []).append(key)
    return [row for keys in families.values() for row in _family(keys, left, right, gone, margins)]


def _gone(key: Key, a: Cell, b: Cell | None, lost: Mapping[Key, Lost]) -> Lost:
    """What B lost of A's seeds: of the score itself, or with its whole metric (a failed trial says so once a metric)."""
    whole = lost.get((*key[:2], key[2].partition(".")[0]), Lost({}))
    both = Lost({**whole.seeds, **lost.get(key, Lost({})).seeds})
    return both.among({seed: value for seed, value in a.values.items() if b is None or seed not in b.values})


def _shared_words(shared: Sequence[Key]) -> str:
    names = ", ".join(dict.fromkeys(key[2] for key in shared))
    return f"they share {names}" if names else "name a method on each side: compare RUN:METHOD RUN:METHOD"


def _family(
    keys: Sequence[Key],
    left: Mapping[Key, Cell],
    right: Mapping[Key, Cell],
    gone: Mapping[Key, Lost],
    margins: Mapping[str, float] | None,
) -> Iterator[Row]:
    """The rows of one score, those that B lost as a whole last."""
    from fpmg_bench.stats import interval, judge, margin

    least = margin(keys[0][2], margins)
    both = [key for key in keys if key in right]
    judged = judge([_pairs(key, left[key], right[key], least) for key in both])
    for key, found in zip(both, judged, strict=True):
        a, b, missing = left[key], right[key], gone.get(key, Lost({}))
        means = interval(list(a.values.values())), interval(list(b.values.values()))
        reason = "; ".join(words for words in (found.reason, _said(key, missing), _apart(key, a, b)) if words)
        yield Row(
            *key, *means, *_plain(a, b), found.seeds, found.verdict, found.p, least, found.detectable, reason, len(missing.failed),
            "corrected" if _ratio(a, b) else "plain", (a.holds, b.holds),
        )  # fmt: skip
    for key in keys:
        if key not in right:
            failed = gone[key].failed
            verdict: Literal["failed", "not measured"] = "failed" if failed else "not measured"
            a_mean, reason = interval(list(left[key].values.values())), _said(key, gone[key])
            said = (left[key].holds, "")
            yield Row(*key, a_mean, NONE, *NONE, 0, verdict, math.nan, least, math.inf, reason, len(failed), holds=said)


def _said(key: Key, missing: Lost) -> str:
    seeds = ", ".join(map(str, sorted(missing.seeds)))
    return f"{'/'.join(key[:2])}: B has no value for seed {seeds}: {missing.text}" if missing.seeds else ""


def _apart(key: Key, a: Cell, b: Cell) -> str:
    """Where a score is taken in a method's own vectors, and these are not the same on both sides."""
    others = any(a.encoders[seed] != b.encoders[seed] for seed in a.encoders.keys() & b.encoders.keys())
    return f"{'/'.join(key)}: A and B have different encoders; it is {OWN_SPACE}" if others else ""


def _pairs(key: Key, a: Cell, b: Cell, least: float | None) -> Pairs:
    from fpmg_bench.stats import Pairs, loss

    losses = [
        [loss(cell.values[seed], cell.higher, cell.best, cell.unit) for seed in sorted(a.values.keys() & b.values.keys())]
        for cell in (a, b)
    ]
    if any(each is None for side in losses for each in side):
        return Pairs(_raw(a, b), _ratio(a, b), None, directed=False)
    return Pairs([(y or 0.0) - (x or 0.0) for x, y in zip(*losses, strict=True)], _ratio(a, b), least)


def _ratio(a: Cell, b: Cell) -> float:
    """Of the side that corrects more: a plain test needs fresh patients a seed on both."""
    return a.ratio if a.ratio and b.ratio else max(a.ratio, b.ratio)


def _raw(a: Cell, b: Cell) -> list[float]:
    return [b.values[seed] - a.values[seed] for seed in sorted(a.values.keys() & b.values.keys())]


def _plain(a: Cell, b: Cell) -> tuple[float, float, float]:
    """B - A in the score's own unit, with the test's interval where there are seeds enough."""
    from fpmg_bench.stats import corrected_t, interval

    try:
        test = corrected_t(_raw(a, b), _ratio(a, b))
    except NotApplicable:  # the verdict says why: fewer than five seeds
        return interval(_raw(a, b))
    return test.mean, test.low, test.high
