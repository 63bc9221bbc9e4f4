"""Asked against read: does a record show the number or flag that it was asked to have?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.balance.reader import (
    LEAST,
    PARTS,
    Asked,
    Reader,
    Reading,
    features,
    fitted,
    judged,
    known,
    penalty,
    readable,
)
from fpmg_plugins.metrics.frozen_features import Network
from fpmg_plugins.metrics.learners import usable
from fpmg_plugins.metrics.real_side import real_side, value_and_draws
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility_models import fair_modalities, score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]
    Names = tuple[str, ...]
    Able = tuple[Reader, Sequence[Score]]  # and what it says of held-out patients
    Statistic = Callable[[Evidence, Reader, Sequence[Score], int, str, Cohort], list[Score]]

KEYS = {"correlation": "", "slope": ".slope", "error": ".error", "calibration": ".calibration"}
OWN = {"asked-read": "asked-read.reader", "asked-read.error": "asked-read.reader.error"}
RIDGE = "ridge regression (Hoerl and Kennard 1970) on frozen features, trained on real patients"


class AskedRead:
    """Every condition that is a number, a flag or a label of two classes: what was asked for against what a reader sees in the record.

    The reader is a ridge regression trained on the real training patients T: images as a network of public photographs sees them at
    each size of `sides` (as phi has them where it is not installed, which is said), other modalities by their blocks of phi; no table
    that holds the condition itself, and all together only those that do not leak the label. H: held-out patients, S: release.
    `asked-read`: correlation of read with asked in S, mean over conditions, each alone under scope condition:NAME, each modality by
    itself too; 1 at best, 0 by chance; floor: the same in H, which is the reader's own. `asked-read.slope`: read on asked, least
    squares; a ridge shrinks, so compare it with its floor, not with 1. `asked-read.calibration`: mean over the sixths of the range (a flag's
    two values) of |read - asked|, `asked-read.sixth`: read - asked in one of them (scope group:NAME), `asked-read.error`: mean
    |read - asked|; all in shares of the range, floor: in H. `asked-read.reader`, `asked-read.reader.error`: the reader on H, with intervals.
    `asked-read.decoded`: its correlation on H once encoded and decoded: what encoders leave of the condition.
    `asked-read.agree`: correlation of what two modalities of a record are read as (modality a+b), asked or not; compare it with its floor.
    `asked-read.gain`: correlation on H of a reader of T and S together less that of T; `asked-read.gain.error`: what the error loses;
    floor: T added to itself (the penalty per record stays that of T, so 0). even: the same, as `asked-read.even` and its kin, of so many
    records with every label equally often.
    Interval: bootstrap over patients (of a release: records), readers as they are. Needs 20 training and 20 held-out records that know the
    condition; 5 of a sixth. Pitfalls: a reader sees no more than its features show; on a caricature it is better than on patients, so read
    `dg` beside it; correlation grows with the spread of what was asked for, so an even sample has more of it than H; a copy of T is
    what the reader has seen.
    """

    family: ClassVar[str] = "balance"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        **{
            f"asked-read{name}{key}": scale
            for name in ("", ".even")
            for key, scale in {
                "": Scale(1.0, True, low=-1.0, high=1.0, unit="correlation", source=RIDGE),
                ".slope": Scale(1.0, None, unit="slope", source="least squares, read on asked"),
                ".error": Scale(0.0, False, low=0.0, unit="share of range", source="mean absolute error"),
                ".calibration": Scale(0.0, False, low=0.0, unit="share of range", source="calibration by sixths of the range"),
                ".sixth": Scale(0.0, None, low=-1.0, high=1.0, unit="share of range", source="read minus asked"),
                ".gain": Scale(2.0, True, low=-2.0, high=2.0, unit="correlation", source="EVALUATION.md: augmentation"),
                ".gain.error": Scale(1.0, True, low=-1.0, high=1.0, unit="share of range", source="EVALUATION.md: augmentation"),
            }.items()
        },
        "asked-read.decoded": Scale(1.0, True, low=-1.0, high=1.0, unit="correlation", source=f"{RIDGE}, after a round trip"),
        "asked-read.agree": Scale(1.0, None, low=-1.0, high=1.0, unit="correlation", source=f"{RIDGE}, of two modalities"),
        "asked-read.reader": Scale(1.0, True, low=-1.0, high=1.0, unit="correlation", source=RIDGE),
        "asked-read.reader.error": Scale(0.0, False, low=0.0, unit="share of range", source="mean absolute error"),
    }

    def __init__(
        self,
        resamples: Annotated[int, Ge(20)] = 200,
        sides: tuple[Literal[32, 64, 128, 224], ...] = (32, 64),
        even: Annotated[int, Ge(0)] = 0,
    ) -> None:
        self.resamples = resamples
        self.sides = sides
        self.even = even

    def fingerprint(self) -> str:
        """The content of the network that reads images."""
        return Network().fingerprint if self.sides else ""

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """By all modalities together, then by each alone: the reader itself, the release, the even sample, what encoders leave, the gain."""
        asked, names, seed = readable(evidence.train), fair_modalities(evidence), fresh_seed(rng)
        if not asked:
            raise NotApplicable("no condition is a number, a flag or a label of two classes")
        scores: list[Score] = []
        reasons: list[str] = []
        alone = usable(evidence, tuple(evidence.train.schemas))
        by: dict[str, list[Reader]] = {}
        for modality in (None, *(alone if len(alone) > 1 else ())):
            readers = [Reader(what, _without(evidence, (modality,) if modality else names, what)) for what in asked]
            able = [(reader, of) for reader in readers if (of := self._own(evidence, reader, seed, modality, reasons))]
            if able:
                scores += self._scores(evidence, able, seed, modality)
            if modality:
                by[modality] = [reader for reader, _ in able]
        for one, two in combinations(by, 2):
            scores += self._agreement(evidence, [(a, b) for a in by[one] for b in by[two] if a.what == b.what], seed)
        if not scores:
            raise NotApplicable("; ".join(dict.fromkeys(reasons)))
        return scores

    def _own(self, evidence: Evidence, reader: Reader, seed: int, modality: str | None, reasons: list[str]) -> list[Score]:
        """What the reader says of held-out patients; nothing, and why, where there is none."""
        try:
            if not reader.names:
                raise NotApplicable("no modality may be read for it: they leak the label, or hold the condition itself")
            make = partial(self._judge, evidence, reader, [], seed, "asked-read", evidence.held_out)
            found: list[Score] = real_side(self, evidence, make, "asked-read of H", reader, seed)
        except NotApplicable as missing:
            evidence.not_applicable("asked-read", missing.reason, reader.scope, modality)
            reasons.append(missing.reason)
            return []
        return found

    def _scores(self, evidence: Evidence, able: Sequence[Able], seed: int, modality: str | None) -> list[Score]:
        own = [replace(s, key=OWN[s.key], modality=modality) for _, of in able for s in of if s.key in OWN]
        scores = _means(own) + own
        judge, gain = self._judge, self._gain
        parts: list[tuple[str, Statistic, Callable[[], Mapping[int, Cohort]]]] = [
            ("asked-read", judge, lambda: evidence.released),
            ("asked-read.decoded", self._left, evidence.round_trips),
            ("asked-read.gain", gain, lambda: evidence.released),
        ]
        if self.even:
            parts += [
                (f"asked-read.even{key}", s, partial(evidence.even, self.even)) for key, s in (("", judge), (".gain", gain))
            ]
        for key, statistic, releases in parts:
            if modality and statistic == gain:
                continue
            each = partial(_over_conditions, evidence, able, statistic, seed, key, modality)
            try:
                scores += evidence.each_release(each, releases(), key, modality=modality)
            except NotApplicable as missing:
                evidence.not_applicable(key, missing.reason, modality=modality)
        return scores

    def _agreement(self, evidence: Evidence, pairs: Sequence[tuple[Reader, Reader]], seed: int) -> list[Score]:
        """Whether two modalities of a record show the same, condition by condition."""
        if not pairs:
            return []
        key, modality = "asked-read.agree", "+".join(name for reader in pairs[0] for name in reader.names)
        each = partial(self._agreed, evidence, pairs, seed)
        try:
            real: list[Score] = real_side(self, evidence, partial(each, evidence.held_out), "agreement of H", tuple(pairs), seed)
            found = evidence.each_release(each, key=key, modality=modality)
        except NotApplicable as missing:
            evidence.not_applicable(key, missing.reason, modality=modality)
            return []
        floor = {s.scope: s.value for s in real}
        return [replace(s, floor=floor.get("all" if s.scope.startswith("silo:") else s.scope)) for s in found]

    def _agreed(self, evidence: Evidence, pairs: Sequence[tuple[Reader, Reader]], seed: int, cohort: Cohort) -> list[Score]:
        found: list[Score] = []
        for one, two in pairs:
            (a, weights), (b, _) = (self._reading(evidence, reader, seed, cohort) for reader in (one, two))
            rows, i, j = np.intersect1d(a.rows, b.rows, assume_unique=True, return_indices=True)
            if len(rows) < LEAST:
                raise NotApplicable(f"{len(rows)} records have both and know '{one.what.name}'; {LEAST} are needed")
            draws = judged(one.what, Reading(rows, a.said[i], b.said[j]), weights[:, i])["correlation"]
            found.append(score("asked-read.agree", draws, len(rows), scope=one.scope))
        return _means(found) + found

    def _judge(
        self, evidence: Evidence, reader: Reader, own: Sequence[Score], seed: int, key: str, cohort: Cohort
    ) -> list[Score]:
        """One condition in one cohort. own: the same of held-out patients, the floor."""
        reading, weights = self._reading(evidence, reader, seed, cohort)
        found, what, n = judged(reader.what, reading, weights), reader.what, len(reading.rows)
        scores = [score(key + KEYS[k], found.pop(k), n, scope=reader.scope) for k in KEYS]
        sizes = np.bincount(what.part(reading.asked), minlength=PARTS)
        of = {what.named(part): int(sizes[part]) for part in range(PARTS)}
        scores += [score(f"{key}.sixth", off, of[name], scope=f"group:{name}") for name, off in found.items()]
        floor = {(s.key.removeprefix("asked-read"), s.scope): s.value for s in own}
        return [replace(s, floor=floor.get((s.key.removeprefix(key), s.scope))) for s in scores]

    def _left(self, evidence: Evidence, reader: Reader, own: Sequence[Score], seed: int, key: str, cohort: Cohort) -> list[Score]:
        """What a round trip of held-out patients leaves of the condition."""
        return [replace(s, key=key) for s in self._judge(evidence, reader, own, seed, "asked-read", cohort)[:1]]

    def _gain(
        self, evidence: Evidence, reader: Reader, own: Sequence[Score], seed: int, key: str, release: Cohort
    ) -> list[Score]:
        """The reader of T and a release beside that of T, on H; floor: T twice."""
        train, held = evidence.train, evidence.held_out

        def worth(*more: Cohort) -> dict[str, Floats]:
            parts = [self._examples(evidence, reader, cohort) for cohort in (train, *more)]
            alpha = penalty(self._model(evidence, reader), len(parts[0][1]))
            x, value = (np.concatenate(both) for both in zip(*parts, strict=True))
            model = fitted(x, value, alpha)
            found = judged(reader.what, *self._reading(evidence, reader, seed, held, model))
            return {"": found["correlation"], ".error": -found["error"]}

        alone, twice = (
            real_side(self, evidence, partial(worth, *more), "asked-read gain", len(more), reader, seed)
            for more in ((), (train,))
        )
        n = len(known(evidence, held, reader.names, reader.what)[0])
        return [
            score(key + k, both - alone[k], n, float(twice[k][0] - alone[k][0]), reader.scope)
            for k, both in worth(release).items()
        ]

    def _reading(
        self, evidence: Evidence, reader: Reader, seed: int, cohort: Cohort, model: Any = None
    ) -> tuple[Reading, Floats]:
        """What the reader of T, or another model, says of a cohort within the range, and bootstrap weights [1 + draws, n]."""
        model = self._model(evidence, reader) if model is None else model
        rows, value = known(evidence, cohort, reader.names, reader.what)
        x = features(evidence, cohort, reader.names, rows, self.sides)
        said = np.clip(model.predict(x), reader.what.low, reader.what.high)
        weights = value_and_draws(evidence, cohort.patient, self.resamples, seed).astype(np.float64)
        return Reading(rows, value, said), weights[:, rows]

    def _model(self, evidence: Evidence, reader: Reader) -> Any:
        """The reader of T."""
        make = partial(self._examples, evidence, reader, evidence.train)
        return real_side(self, evidence, lambda: fitted(*make()), "asked-read reader", reader)

    def _examples(self, evidence: Evidence, reader: Reader, cohort: Cohort) -> tuple[Floats, Floats]:
        rows, value = known(evidence, cohort, reader.names, reader.what)
        return features(evidence, cohort, reader.names, rows, self.sides), value


def _over_conditions(
    evidence: Evidence, able: Sequence[Able], statistic: Statistic, seed: int, key: str, modality: str | None, cohort: Cohort
) -> list[Score]:
    """Every condition that can be read in this cohort, and their means."""
    found: list[Score] = []
    reasons = []
    for reader, own in able:
        try:
            found += statistic(evidence, reader, own, seed, key, cohort)
        except NotApplicable as missing:
            evidence.not_applicable(key, missing.reason, reader.scope, modality)
            reasons.append(missing.reason)
    if not found:
        raise NotApplicable("; ".join(dict.fromkeys(reasons)))
    return _means(found) + found


def _without(evidence: Evidence, names: Names, what: Asked) -> Names:
    """Those modalities that do not hold the condition itself as a column."""
    schemas = evidence.train.schemas
    return tuple(name for name in names if all(column.name != what.name for column in schemas[name].columns))


def _means(scores: Sequence[Score]) -> list[Score]:
    """Over conditions, of every key that has a scope condition:NAME: the value, its floor and its interval's ends."""
    groups: dict[str, list[Score]] = {}
    for s in scores:
        if s.scope.startswith("condition:"):
            groups.setdefault(s.key, []).append(s)
    found = []
    for group in groups.values():
        value, low, high, floor = (_mean([getattr(s, field) for s in group]) for field in ("value", "low", "high", "floor"))
        assert value is not None
        found.append(replace(group[0], scope="all", value=value, low=low, high=high, floor=floor))
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
