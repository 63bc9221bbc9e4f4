"""`Measured`: the Evidence of one trial. Spaces and neighbours are computed once and kept; distinct releases are scored once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation.handed import Handed, sealed
from fpmg_bench.evaluation.nearest import nearest
from fpmg_bench.types import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Objective
    from fpmg_bench.evaluation.space import EvaluationSpace
    from fpmg_bench.types import Cohort, State

    Encode = Callable[[int, Cohort], NDArray[np.float32]]
    Vectors = Callable[[int], NDArray[np.float32]]
    Made = Mapping[int, Cohort] | Callable[[], Mapping[int, Cohort]]  # silo -> cohort, now or when first asked for

T = TypeVar("T")
Key = tuple[str, Hashable, int]  # kind, what, id of the cohort
REAL = ("train", "r1", "r2", "held_out", "third")
RECORDS = ("schemas", "data", "present", "conditions", "condition", "patient")  # of a cohort, whatever silos they are in
APART = ("phi", "phi8", "nn")  # depend on the cohort or the points alone, besides on the space


class Learners(Protocol):
    """What was trained, for attacks: see `Evidence.objectives` and `Evidence.rows`."""

    def objectives(self, stage: str, state: State) -> Mapping[str, Objective]: ...
    def rows(self, stage: str, cohort: Cohort, silo: int) -> tuple[Any, NDArray[np.intp]]: ...
    def added(self, stage: str, cohort: Cohort, silo: int) -> tuple[Iterable[State], NDArray[np.intp]]: ...


@dataclass(frozen=True, slots=True)
class Gap:
    """A score that has no meaning here, and why; recorded like a score, as `not_applicable`. key "*": the whole metric."""

    key: str
    reason: str
    scope: str = "all"
    modality: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A value, the cohort it depends on (kept alive, so that its id stays its own), and what was not applicable on the way."""

    of: Cohort | None
    value: Any
    told: tuple[Gap, ...]


class Measured:
    """All a metric may look at; see `contracts.Evidence`.

    `train.silo` is the realised partition: silo k's own training patients have silo == k. `encode(silo, cohort)`: vectors
    [n, d] of a silo's released encoders, where there are any; `drawn(silo)`: those its generator drew; `more(silo, size, state)`:
    others, with these tensors of the generator; `even(size)`: silo -> so many records, uniformly labelled. `gaps` collects what was not applicable, in order. Nothing of it can
    be changed by who looks at it: arrays and records are read-only, models are copies, and `put_back` undoes what was written into tables.
    """

    def __init__(
        self,
        *,
        train: Cohort,
        r1: Cohort,
        r2: Cohort,
        held_out: Cohort,
        third: Cohort | None,
        space: EvaluationSpace,
        silo_names: Sequence[str],
        released: Made,
        balanced: Made | None = None,
        rounds: Sequence[Mapping[str, Any]] = (),
        ledgers: Mapping[int, Mapping[str, Any]] | None = None,
        models: Mapping[int, Mapping[str, State]] | None = None,
        frames: Mapping[int, Sequence[Mapping[str, Any]]] | None = None,
        publishable: bool = False,
        bytes: Mapping[str, Any] | None = None,
        plumbing: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        encode: Encode | None = None,
        drawn: Vectors | None = None,
        more: Callable[[int, int, State], NDArray[np.float32]] | None = None,
        even: Callable[[int], Mapping[int, Cohort]] | None = None,
        asked: Callable[[NDArray[np.float64]], Mapping[int, Cohort]] | None = None,
        again: Callable[[Sequence[Cohort], int], Measured] | None = None,
        round_trip: Callable[[], Mapping[int, Cohort]] | None = None,
        member_trip: Callable[[], Mapping[int, Cohort]] | None = None,
        widths: Mapping[str, int] | None = None,
        learners: Learners | None = None,
    ) -> None:
        self.train, self.r1, self.r2, self.held_out, self.third = train, r1, r2, held_out, third
        self.space, self.silo_names, self.seed, self.encode = space, tuple(silo_names), seed, encode
        self.rounds, self.plumbing, self.bytes = sealed(tuple(rounds)), sealed(tuple(plumbing)), sealed(bytes or {})
        self.publishable, self.widths = publishable, dict(widths or {})
        self.round_trip, self.member_trip = round_trip, member_trip
        self._ledgers: Mapping[int, Mapping[str, Any]] = sealed(ledgers or {})
        self._models, self._frames = dict(models or {}), dict(frames or {})
        self._learners, self._drawn, self._more, self._again = learners, drawn, more, again
        self._even, self._asked = even, asked
        self.gaps: list[Gap] = []
        self._kept: dict[Key, Kept] = {}
        self._handed: dict[int, Handed] = {}
        for name in REAL:
            if getattr(self, name) is not None:
                self._hand(name, getattr(self, name))
        self._released, self._balanced = self._given("released", released), self._given("balanced", balanced or {})

    def next_release(self, released: Made, train: Cohort | None = None, **of: Any) -> Measured:
        """Another release of the same split and space, with all that was computed on real patients; `of`: as in the constructor.

        Nothing of the earlier release is carried over: neither its conditions, rounds, ledgers and bytes, nor what its models
        made of real patients. train: the training patients in other silos; where these are not the same records (a modality
        skew), what depends on them is computed anew.
        """
        train, names = (self.train, self.silo_names) if train is None else (train, train.silo_names)
        fixed = {name: getattr(self, name) for name in (*REAL[1:], "space", "publishable", "seed")}
        again = Measured(train=train, released=released, **{"silo_names": names, **fixed, **of})
        again._kept = dict(self._real_side(train))
        return again

    def _real_side(self, train: Cohort) -> Iterator[tuple[Key, Kept]]:
        """What was computed on real patients alone, as it is kept for these training patients."""
        same = all(getattr(train, name) is getattr(self.train, name) for name in RECORDS)
        others = {id(getattr(self, name)) for name in REAL[1:]}
        for (kind, what, at), kept in self._kept.items():
            if kept.of is self.train and same and kind in (*APART, "once"):
                yield (kind, what, id(train)), replace(kept, of=train)
            elif (kind in APART or (kind == "once" and same)) and (kept.of is None or at in others):
                yield (kind, what, at), kept

    def once(self, key: Hashable, make: Callable[[], T], of: Cohort | None = None) -> T:
        """What `make` gives, computed at the first call with this key and kept, as long as `of` is the cohort it depends on.

        What it found not applicable is recorded whenever it is asked for.
        """
        return self._keep("once", key, of, make)

    def complete(self, cohort: Cohort, modality: str | None = None) -> NDArray[np.bool_]:
        """Records [n] that have this modality, or every modality of the space: only these have a place in it."""
        return self.space.complete(cohort, modality)

    def phi(self, cohort: Cohort, modality: str | None = None) -> NDArray[np.float32]:
        """The frozen evaluation space [n, d]; a block is 0 where its modality is absent (see `complete`)."""
        return self._keep("phi", modality, cohort, lambda: self.space.phi(cohort, modality))

    def phi8(self, cohort: Cohort) -> NDArray[np.float32]:
        """The first 8 principal components of phi [n, <= 8]."""
        return self._keep("phi8", None, cohort, lambda: self.space.project(self.phi(cohort)))

    def nn(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance [len(a)] of each row of a to its nearest row of b. Cached by content."""
        return self._keep("nn", (_content(a), _content(b)), None, lambda: nearest(a, b)[0])

    def latent(self, cohort: Cohort, silo: int) -> NDArray[np.float32]:
        """A silo's own vectors of the records [n, d]. Raises NotApplicable where the method has no encoders."""
        if self.encode is None:
            raise NotApplicable("this release has no encoders")
        encode = self.encode
        return self._keep("latent", silo, cohort, lambda: encode(silo, cohort))

    def drawn(self, silo: int, size: int | None = None, state: State | None = None) -> NDArray[np.float32]:
        """The vectors [n, d] that a silo's released records were decoded from, or `size` others of its model.

        state: with these tensors in the place of the model's own, not kept. Raises NotApplicable where no generator drew the release,
        or none is there to draw more, or it cannot draw with these.
        """
        if size is not None:
            if self._more is None:
                raise NotApplicable("no generator was released that could draw more")
            more = self._more
            return (
                self._keep("drawn", (silo, size), None, lambda: more(silo, size, {}))
                if state is None
                else more(silo, size, state)
            )
        if self._drawn is None:
            raise NotApplicable("this release was drawn by no generator")
        draw = self._drawn
        return self._keep("drawn", silo, None, lambda: draw(silo))

    def asked(self, conditions: NDArray[np.float64]) -> Mapping[int, Cohort]:
        """silo -> records under these conditions [n, c]. Raises NotApplicable where no generator was released that could be asked."""
        if self._asked is None:
            raise NotApplicable("no generator was released that could be asked for it")
        ask = self._asked
        return self._keep(
            "asked", _content(conditions), None, lambda: self._hand_all("asked for, of", ask(np.array(conditions, np.float64)))
        )

    @property
    def released(self) -> Mapping[int, Cohort]:
        """silo -> its release, as many records as `train`."""
        return self._made("released", self._released)

    @property
    def balanced(self) -> Mapping[int, Cohort]:
        """silo -> its uniformly labelled sample, drawn when a metric first asks for it."""
        return self._made("balanced", self._balanced)

    def even(self, size: int) -> Mapping[int, Cohort]:
        """silo -> `size` records with every label equally often, drawn when first asked for. NotApplicable where no generator draws."""
        if self._even is None:
            raise NotApplicable("no generator was released that could draw more")
        draw = self._even
        return self._keep("even", size, None, lambda: self._hand_all(f"{size} even records", draw(size)))

    def _made(self, name: str, given: Made) -> Mapping[int, Cohort]:
        return given if isinstance(given, Mapping) else self._keep(name, None, None, given)

    def put_back(self, since: Collection[Hashable]) -> list[str]:
        """Names of the cohorts that were written into: they are what they were again, and what was computed since is forgotten.

        since: `computed` before whoever may have written.
        """
        written = [handed.name for handed in self._handed.values() if handed.put_back()]
        if written:
            self._kept = {key: kept for key, kept in self._kept.items() if key in since}
        return written

    @property
    def computed(self) -> frozenset[Hashable]:
        """What is kept so far, by its key."""
        return frozenset(self._kept)

    def _given(self, name: str, made: Made) -> Made:
        return self._hand_all(name, made) if isinstance(made, Mapping) else lambda: self._hand_all(name, made())

    def _hand(self, name: str, cohort: Cohort) -> None:
        self._handed.setdefault(id(cohort), Handed.of(name, cohort))

    def _hand_all(self, name: str, made: Mapping[int, Cohort]) -> Mapping[int, Cohort]:
        for silo, cohort in made.items():
            self._hand(f"{name} of {self._scope(silo)}", cohort)
        return MappingProxyType(dict(made))

    def round_trips(self, members: bool = False) -> Mapping[int, Cohort]:
        """silo -> held-out patients (members: training patients) after its encoders and decoders. NotApplicable where there are none."""
        make, of = (self.member_trip, self.train) if members else (self.round_trip, self.held_out)
        if make is None:
            raise NotApplicable("this release has no encoders")
        return self._keep("round trips", members, of, lambda: self._hand_all("round trips", make()))

    def model(self, silo: int) -> Mapping[str, State]:
        """The released states of a silo, a copy; empty for controls."""
        return {
            part: {key: tensor.clone() for key, tensor in state.items()} for part, state in self._models.get(silo, {}).items()
        }

    def ledger(self, silo: int) -> Mapping[str, Any]:
        """The silo's ledger; without one nothing was accounted, so epsilon is infinite."""
        return self._ledgers.get(silo, {"epsilon": float("inf"), "delta": 0.0, "entries": []})

    def frames(self, silo: int) -> Sequence[Mapping[str, Any]]:
        """What the transport delivered to that silo (-1: the server); empty unless asked for."""
        return self._frames.get(silo, ())

    def objectives(self, stage: str, state: State) -> Mapping[str, Objective]:
        """module -> what its steps on real rows minimise, at these weights; {} for controls and learners that do not say."""
        return self._learners.objectives(stage, state) if self._learners else {}

    def rows(self, stage: str, cohort: Cohort, silo: int) -> tuple[Any, NDArray[np.intp]]:
        """What a stage's learner sees of the records, and which they are. Raises NotApplicable where nothing was trained."""
        if self._learners is None:
            raise NotApplicable("nothing was trained")
        seen = self._learners
        return self._keep("rows", (stage, silo), cohort, lambda: seen.rows(stage, cohort, silo))

    def added(self, stage: str, cohort: Cohort, silo: int) -> tuple[Iterable[State], NDArray[np.intp]]:
        """What each record alone adds to a stage's exchanged sums, and which records. NotApplicable where nothing was trained."""
        if self._learners is None:
            raise NotApplicable("nothing was trained")
        return self._learners.added(stage, cohort, silo)

    def again(self, cohorts: Sequence[Cohort], seed: int) -> Measured:
        """The same method, trained on these patients together. Raises NotApplicable where nothing was trained, or may not be again."""
        if self._again is None:
            raise NotApplicable("nothing was trained that could be trained again")
        return self._again(cohorts, seed)

    def not_applicable(self, key: str, reason: str, scope: str = "all", modality: str | None = None) -> None:
        """Record that one score of a metric has no meaning here; the metric's other scores go on."""
        self._tell([Gap(key, reason, scope, modality)])

    def each_release(
        self,
        score: Callable[[Cohort], Mapping[str, float] | Iterable[Score]],
        releases: Mapping[int, Cohort] | None = None,
        key: str = "*",
        **same: Any,
    ) -> list[Score]:
        """Score every distinct release once: the equal-weight mean over silos (scope "all") and each silo.

        score: key -> value, or Scores with their own interval, floor and n. releases: silo -> cohort, what the silos
        released if None. key: see the contract. same: fields set on every Score (floor, n, modality, ...).
        A mean's interval is the mean of the intervals' ends: all silos face the same real patients, so
        their errors are taken as fully dependent. Scores of another scope (class:NAME) give only the mean. A silo whose
        release raises NotApplicable is recorded in `gaps` and left out; if every silo does, NotApplicable is raised.
        """
        done: dict[int, tuple[Score, ...] | NotApplicable] = {}
        by_silo: dict[int, tuple[Score, ...]] = {}
        for silo, cohort in (self.released if releases is None else releases).items():
            if id(cohort) not in done:
                done[id(cohort)] = _scored(score, cohort, same)
            result = done[id(cohort)]
            if isinstance(result, NotApplicable):
                self.not_applicable(key, result.reason, self._scope(silo), same.get("modality"))
            else:
                by_silo[silo] = result
        if not by_silo:
            raise next((r for r in done.values() if isinstance(r, NotApplicable)), NotApplicable("nothing was released"))
        each = [replace(s, scope=self._scope(i)) for i, scores in by_silo.items() for s in scores if s.scope == "all"]
        return _means([s for scores in by_silo.values() for s in scores]) + each

    def _scope(self, silo: int) -> str:
        return f"silo:{self.silo_names[silo] if silo < len(self.silo_names) else silo}"

    def _keep(self, kind: str, what: Hashable, of: Cohort | None, make: Callable[[], T]) -> T:
        key = (kind, what, id(of))
        if key not in self._kept:
            made, told = self._overheard(make)
            self._kept[key] = Kept(of, sealed(made) if isinstance(made, np.ndarray) else made, told)
        else:
            self._tell(self._kept[key].told)
        value: T = self._kept[key].value
        return value

    def _overheard(self, make: Callable[[], T]) -> tuple[T, tuple[Gap, ...]]:
        """What it gives, and all that it found not applicable, also what was known before."""
        before, self.gaps[:] = list(self.gaps), []
        try:
            made = make()
            return made, tuple(self.gaps)
        finally:
            told, self.gaps[:] = list(self.gaps), before
            self._tell(told)

    def _tell(self, gaps: Iterable[Gap]) -> None:
        self.gaps += [gap for gap in dict.fromkeys(gaps) if gap not in self.gaps]


def _scored(
    score: Callable[[Cohort], Mapping[str, float] | Iterable[Score]], cohort: Cohort, same: Mapping[str, Any]
) -> tuple[Score, ...] | NotApplicable:
    try:
        result = score(cohort)
        if isinstance(result, Mapping):
            return tuple(Score(key, float(value), **same) for key, value in result.items())
        return tuple(replace(s, **same) for s in result)
    except NotApplicable as error:
        return error


def _means(scores: Sequence[Score]) -> list[Score]:
    """Mean over silos of equal key, modality, round and scope; an end of the interval only where every silo has one."""
    groups: dict[tuple[Any, ...], list[Score]] = {}
    for s in scores:
        groups.setdefault((s.key, s.scope, s.modality, s.round), []).append(s)
    return [
        replace(
            group[0],
            value=float(np.mean([s.value for s in group])),
            low=_mean([s.low for s in group]),
            high=_mean([s.high for s in group]),
            floor=_mean([s.floor for s in group]),
        )
        for group in groups.values()
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _content(x: NDArray[Any]) -> tuple[tuple[int, ...], str]:
    return x.shape, hashlib.blake2b(np.ascontiguousarray(x).tobytes(), digest_size=16).hexdigest()
