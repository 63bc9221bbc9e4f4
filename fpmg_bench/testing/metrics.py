"""Laws of metrics, on a made-up trial: real patients, and releases that are as good as real, or worthless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fpmg_bench.errors import NotApplicable, PluginError
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import fakes
from fpmg_bench.testing.bits import bits
from fpmg_bench.testing.common import Check, Use, checks
from fpmg_bench.types import Cohort, Kind, Score

Alter = Callable[[Cohort], Cohort]
MODALITIES: tuple[Kind, ...] = ("table", "text")
SIZE = 90
STREAMS = 4
SIGMAS = 6.0  # standard errors of a difference of means over streams; wide, since so few streams estimate it
ROW_ORDER = 1e-6  # relative, of rounding


def evidence(released: Cohort, seed: int = 0, alter: Alter | None = None) -> Any:
    """What a metric sees of a finished trial of three silos that all release `released`; alter: changes every cohort, row by row.

    The vectors of its encoders are the evaluation space itself, block by block, and its generator drew those of the release.
    """
    from fpmg_bench.evaluation import EvaluationSpace, Measured

    train, r1, r2, third = (fakes.cohort(SIZE, seed + i, MODALITIES, offset=1000 * i) for i in range(4))
    changed = [alter(part) if alter else part for part in (train, r1, r2, _joined(r1, r2), third, released)]
    train, r1, r2, held_out, third, released = changed
    space = EvaluationSpace.fit(train, seed)
    return Measured(
        **_vectors(space, released),
        train=train,
        r1=r1,
        r2=r2,
        held_out=held_out,
        third=third,
        space=space,
        silo_names=train.silo_names,
        released=dict.fromkeys(range(3), released),
        balanced=dict.fromkeys(range(3), released),
        rounds=_rounds(),
        bytes=_bytes(),
        publishable=True,
        seed=seed,
    )


def inputs(component: Any, seed: int) -> dict[str, Any]:
    """A release that is as good as real: other patients of the same distribution."""
    return {"released": good(seed)}


def exercise(component: Any, given: dict[str, Any], seed: int) -> list[Score] | str:
    """All scores, or why there are none."""
    try:
        return measure(component, given["released"], seed)
    except NotApplicable as reason:
        return reason.reason


def measure(component: Any, released: Cohort, seed: int = 0) -> list[Score]:
    """The metric's scores of a release."""
    return scored(component, evidence(released, seed), seed)


def scored(component: Any, seen: Any, seed: int = 0) -> list[Score]:
    """The metric's scores of this evidence, read as a trial reads them."""
    from fpmg_bench.evaluation.answers import read

    answer = component(seen, rng_for(seed, "metric"))
    try:
        return read(answer)
    except PluginError as error:
        raise AssertionError(str(error)) from error


def corrupted(share: float, seed: int = 0) -> Cohort:
    """Unseen patients, a share of whom is uniform noise over the declared ranges."""
    from fpmg_bench.controls import CONTROLS

    dataset: Any = None  # noise needs none
    return CONTROLS["uniform"](good(seed), dataset, share, rng_for(seed, "corrupted"))


def good(seed: int = 0) -> Cohort:
    """Unseen patients of the same distribution."""
    return fakes.cohort(SIZE, seed + 50, MODALITIES, offset=5000)


def copied(seed: int = 0) -> Cohort:
    """The training patients of `evidence` themselves."""
    return fakes.cohort(SIZE, seed, MODALITIES)


def worthless(seed: int = 0) -> Cohort:
    """The class means of nobody: one patient, repeated, under every label."""
    cohort = good(seed)
    same = cohort.take(np.zeros(len(cohort), dtype=np.intp))
    return replace(same, condition=cohort.condition, patient=cohort.patient, silo=cohort.silo)


def check_declares_its_scales(component: Any) -> None:
    """A family, and for every key the best value, direction, range and source."""
    from fpmg_bench.evaluation.answers import declared

    try:
        declared(component)
    except PluginError as error:
        raise AssertionError(str(error)) from error
    assert component.scales, "scales is empty"
    for key, scale in component.scales.items():
        assert scale.low <= scale.best <= scale.high, f"{key}: best {scale.best} is outside [{scale.low}, {scale.high}]"
        assert scale.source, f"{key}: no source; name the paper or standard the formula comes from"


def check_scores_are_declared_and_in_range(component: Any) -> None:
    """Every score has a declared key and a value within the declared range, for a good and a worthless release."""
    for released in (good(), worthless()):
        for score in measure(component, released):
            assert score.key in component.scales, f"score {score.key!r} is not in scales"
            scale = component.scales[score.key]
            assert not np.isnan(score.value), f"{score.key} is NaN; raise NotApplicable(reason) instead"
            assert scale.low <= score.value <= scale.high, f"{score.key} = {score.value} is outside [{scale.low}, {scale.high}]"


def check_leaves_what_it_was_given(component: Any) -> None:
    """Nothing is written into a cohort, other metrics are given the same one."""
    seen = evidence(good())
    before = seen.computed
    try:
        scored(component, seen)
    except ValueError as error:
        if "read-only" in str(error):
            raise AssertionError(f"it writes into an array that it was given: {error}") from error
        raise
    written = seen.put_back(before)
    assert not written, f"it wrote into {', '.join(written)}; copy before you change"


def check_real_patients_score_near_best(component: Any) -> None:
    """By the headline (the first key of `scales`), unseen real patients are at least as close to the best as one patient repeated.

    Of family PG: within the score's interval (see `_no_leak`); what such a metric must tell apart says `check_copies_are_caught`.
    """
    key = next(iter(component.scales))
    real, void = (_headline(measure(component, released)).get(key) for released in (good(), worthless()))
    if real is None or void is None:
        raise NotApplicable(f"{key} has no value on a table and a text of {SIZE} patients")
    best = component.scales[key].best
    assert _away(real, best) <= _away(void, best) + _no_leak(component, key) + 1e-9, (
        f"{key}: unseen real patients score {real:.4g}, one patient repeated {void:.4g}, best is {best}"
    )


def check_copies_are_caught(component: Any) -> None:
    """Of family PG: a release of the training patients themselves is farther from the best than unseen patients and their interval."""
    key = next(iter(component.scales))
    if component.family != "PG":
        raise NotApplicable("no privacy score: a copy of real patients may well look real")
    real, copy = (_headline(measure(component, released)).get(key) for released in (good(), copied()))
    if real is None or copy is None or not np.isfinite([real, copy]).all():
        raise NotApplicable(f"{key} has no finite value on a table and a text of {SIZE} patients")
    best = component.scales[key].best
    assert _away(copy, best) > _away(real, best) + _no_leak(component, key), (
        f"{key}: unseen real patients score {real:.4g}, the training patients themselves {copy:.4g}, best is {best}"
    )


def _no_leak(component: Any, key: str) -> float:
    """How far from the best a privacy score of unseen patients may be by chance: half its interval; 0 for other families."""
    # One patient, repeated, gives nobody else away: to a privacy score both releases are as good as the best, and which of two draws
    # around it lies nearer is a coin's toss (a fixed seed would only hide that). Half the interval is what the score itself declares as
    # chance. A score without an interval, such as a proxy, gets no slack and needs none: one patient repeated is far off there.
    found = _scored(component, good(), key) if component.family == "PG" else None
    return (found.high - found.low) / 2 if found and found.low is not None and found.high is not None else 0.0


def check_row_order_is_irrelevant(component: Any) -> None:
    """Permuting the released rows changes nothing but rounding; a metric that samples rows stays within its sampling error."""
    released = good()
    moved = released.take(np.random.Generator(np.random.PCG64(5)).permutation(len(released)))
    before, after = (_draws(component, cohort) for cohort in (released, moved))
    assert before.keys() == after.keys(), f"permuting rows changes which scores there are: {set(before) ^ set(after)}"
    for key in before:
        if not np.isfinite(before[key] + after[key]).all():
            assert before[key] == after[key], f"{key} depends on the order of rows: {before[key]} became {after[key]}"
            continue
        spread = max(float(np.std(draws[key], ddof=1)) for draws in (before, after)) * np.sqrt(2 / STREAMS)
        shift = abs(np.mean(after[key]) - np.mean(before[key]))
        allowed = SIGMAS * spread + ROW_ORDER * max(1.0, abs(float(np.mean(before[key]))))
        assert shift <= allowed, (
            f"{key} depends on the order of rows: {np.mean(before[key]):.6g} became {np.mean(after[key]):.6g}"
        )


def check_half_noise_is_between(component: Any) -> None:
    """Monotone: the headline of a release that is half noise lies between those of none and of all noise.

    Within a fifth of the whole way and the score's own interval, since these cohorts are small. In either direction: noise is diverse, and no copy of anybody.
    """
    key = next(iter(component.scales))
    best = component.scales[key].best
    found = [_scored(component, corrupted(share), key) for share in (0.0, 0.5, 1.0)]
    if any(score is None or not np.isfinite(score.value) for score in found):
        raise NotApplicable(f"{key} has no value on a table and a text of {SIZE} patients")
    none, half, whole = (_away(score.value, best) for score in found if score)
    slack = abs(whole - none) / 5 + 0.05 * max(1.0, abs(best) if np.isfinite(best) else 1.0)
    margins = [(s.high - s.low) / 2 for s in found if s and s.low is not None and s.high is not None]
    slack += max(margins) if len(margins) == len(found) else 0.0
    assert min(none, whole) - slack <= half <= max(none, whole) + slack, (
        f"{key}: {none:.4g}, {half:.4g}, {whole:.4g} from best at no, half and all noise"
    )


def check_a_warm_real_side_changes_nothing(component: Any) -> None:
    """Scores, and what is not applicable, are the same bits whether or not the real patients were measured before.

    Before: with another release, other silos and another random stream. So what `Evidence.once` keeps depends on real patients
    alone, and draws nothing from the metric's stream that later numbers follow.
    """
    cold = _told(component, evidence(good()))
    for before in (worthless(), None):
        seen = evidence(good())
        elsewhere = replace(seen.train, silo=np.roll(seen.train.silo, 1), silo_names=seen.train.silo_names[::-1])
        other = before or elsewhere
        warm = seen.next_release(dict.fromkeys(range(3), other), elsewhere, **_vectors(seen.space, other))
        _told(component, warm, stream=1)
        given = {name: getattr(seen, name) for name in ("balanced", "rounds", "bytes")} | _vectors(seen.space, seen.released[0])
        now = _told(component, warm.next_release(seen.released, seen.train, **given))
        assert bits(now) == bits(cold), f"after another release it says something else: {_differs(now, cold)}"


def _vectors(space: Any, released: Cohort) -> dict[str, Any]:
    """What `Measured` is told of encoders and generator."""
    return {
        "encode": lambda silo, cohort: space.phi(cohort),
        "drawn": lambda silo: space.phi(released),
        "widths": {name: block.width for name, block in space.blocks.items()},
    }


def _told(component: Any, seen: Any, stream: int = 0) -> list[Any]:
    """The metric's scores and gaps, or why there are none."""
    seen.gaps.clear()
    try:
        return [*scored(component, seen, stream), *seen.gaps]
    except NotApplicable as missing:
        return [missing.reason]


def _differs(now: list[Any], cold: list[Any]) -> str:
    """The first difference, for a message."""
    if len(now) != len(cold):
        return f"{len(now)} scores and gaps, not {len(cold)}"
    return next(f"{one}, not {other}" for one, other in zip(now, cold, strict=True) if bits(one) != bits(other))


def _scored(component: Any, released: Cohort, key: str) -> Score | None:
    """The headline's score over all silos."""
    where = (s for s in measure(component, released) if (s.key, s.scope, s.modality, s.round) == (key, "all", None, None))
    return next(where, None)


def check_odd_cohorts_score_or_say_why(component: Any) -> None:
    """Constant and empty columns, one modality, absent records, a handful of patients, a label that is a number, the time to an event,

    or absent: a value in range or NotApplicable.
    """
    for name, alter in ODD.items():
        try:
            scores = scored(component, evidence(good(), alter=alter))
        except NotApplicable as missing:
            if not missing.reason:
                raise AssertionError(f"{name}: not applicable without a reason") from missing
            continue
        for score in scores:
            scale = component.scales[score.key]
            assert scale.low <= score.value <= scale.high, (
                f"{name}: {score.key} = {score.value}, outside [{scale.low}, {scale.high}]"
            )


CHECKS: tuple[Check, ...] = (
    *checks(Use(inputs, exercise)),
    check_declares_its_scales,
    check_scores_are_declared_and_in_range,
    check_leaves_what_it_was_given,
    check_real_patients_score_near_best,
    check_copies_are_caught,
    check_row_order_is_irrelevant,
    check_half_noise_is_between,
    check_odd_cohorts_score_or_say_why,
    check_a_warm_real_side_changes_nothing,
)


def _constant(cohort: Cohort) -> Cohort:
    """Every column but the first says the same of everybody, and the last says nothing at all."""
    from fpmg_bench.types import Table, Text

    frame = cohort.data["table"].frame.copy()
    for column in cohort.schemas["table"].columns[1:]:
        first = {"category": column.categories[:1], "flag": (1.0,), "number": (column.low if column.low is not None else 0.0,)}
        frame[column.name] = first[column.type][0]
    last = cohort.schemas["table"].columns[-1]
    frame[last.name] = None if last.type == "category" else np.nan
    return replace(cohort, data={"table": Table(frame), "text": Text(("the same",) * len(cohort))})


def _absent(cohort: Cohort) -> Cohort:
    """Every second patient has no text."""
    return replace(cohort, present={**cohort.present, "text": cohort.patient % 2 == 0})


ODD: dict[str, Alter] = {
    "constant and empty columns": _constant,
    "one modality": lambda cohort: cohort.only(("table",)),
    "absent records": _absent,
    "six patients": lambda cohort: cohort.take(np.arange(6)),
    **dict(zip(fakes.LABELS, (fakes.by_number, fakes.by_event, fakes.unlabelled), strict=True)),
}


def _headline(scores: list[Score]) -> dict[str, float]:
    return {score.key: score.value for score in scores if score.scope == "all" and score.modality is None and score.round is None}


def _draws(component: Any, released: Cohort) -> dict[str, list[float]]:
    """Headline scores under several random streams of the metric; the made-up trial is always the same."""
    same = evidence(released)
    found: dict[str, list[float]] = {}
    for stream in range(STREAMS):
        for key, value in _headline(scored(component, same, stream)).items():
            found.setdefault(key, []).append(value)
    return found


def _away(value: float, best: float) -> float:
    return abs(value - best) if np.isfinite(best) else -value if best > 0 else value


def _joined(one: Cohort, two: Cohort) -> Cohort:
    """Both cohorts' records; in-memory table and text only."""
    import pandas as pd

    from fpmg_bench.types import Table, Text

    table = Table(pd.concat([one.data["table"].frame, two.data["table"].frame], ignore_index=True))
    text = Text(one.data["text"].strings + two.data["text"].strings)
    return replace(
        one,
        data={"table": table, "text": text},
        present={name: np.concatenate([one.present[name], two.present[name]]) for name in one.present},
        condition=np.concatenate([one.condition, two.condition]),
        patient=np.concatenate([one.patient, two.patient]),
        silo=np.concatenate([one.silo, two.silo]),
    )


def _rounds() -> list[dict[str, Any]]:
    """Two rounds of a generator as `rounds.jsonl` has them."""
    module = {"before": 0.5, "after": 0.1, "relative": 0.01, "variance_ratio": 0.96, "norm": 10.0}
    same = {"theory": 0.25, "losses": {"0": {"loss": 1.0}}, "bytes": 6000, "headers": 300, "messages": 6, "closed_form": 6000}
    apart = {"0": 0.01, "1": 0.01, "2": 0.01}
    last = {"sent": {"0": 2000, "1": 2000, "2": 2000}, "path": [1000, 1000], "seconds": 0.1, "merge_seconds": 0.01}
    return [
        {"stage": "stage2", "round": r, "modules": {"generator": module}, **module, "silos": apart, **same, **last}
        for r in (0, 1)
    ]


def _bytes() -> dict[str, Any]:
    per_silo = {"0": 4000, "1": 4000, "2": 4000}
    stage = {"rounds": [6000, 6000], "per_silo": per_silo, "messages": 12, "closed_form": 12000, "path": [8, 8]}
    return {"stage2": stage, "path": [], "total": 12000, "headers": 600, "raw_upload": 50000}
