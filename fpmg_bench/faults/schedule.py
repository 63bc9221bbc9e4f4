"""Who is struck by which fault in which round: a function of the specification, the seed, the stage and the round alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fpmg_bench.errors import SuiteError
from fpmg_bench.faults.kind import Crowd, Kind
from fpmg_bench.faults.kinds import KINDS
from fpmg_bench.keys import rng_for

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.spec import Fault
    from fpmg_bench.transport import Message
    from fpmg_bench.types import Rng

    Bundle = dict[str, Tensor]  # dtype name -> flat vector


@dataclass(frozen=True)
class ScheduledFault:
    """One fault with its silos. rounds since..until - 1 of the stages 1, 2 or both; links: the pairs that a cut link cuts."""

    kind: Kind
    name: str
    silos: tuple[int, ...]
    since: int = 0
    until: int | None = None
    stages: tuple[int, ...] = (2,)
    links: frozenset[frozenset[int]] = frozenset()

    def on(self, stage: str, round: int) -> bool:
        number = 2 if stage == "stage2" else 1
        return number in self.stages and self.since <= round and (self.until is None or round < self.until)


@dataclass(frozen=True)
class Faults:
    """All faults of a trial. Without any it is false, and every round is left as it is."""

    schedule: tuple[ScheduledFault, ...] = ()
    seed: int = 0

    def __bool__(self) -> bool:
        return bool(self.schedule)

    @property
    def liars(self) -> frozenset[int]:
        """Silos that lie in any round of the trial."""
        return frozenset(silo for each in self.schedule if each.kind.byzantine for silo in each.silos)

    def of(self, kind: type[Kind]) -> frozenset[int]:
        """Silos with a fault of this kind."""
        return frozenset(silo for each in self.schedule if isinstance(each.kind, kind) for silo in each.silos)

    def at(self, stage: str, round: int) -> Round:
        """What goes wrong in one round."""
        return Round(self.seed, stage, round, tuple((i, each) for i, each in enumerate(self.schedule) if each.on(stage, round)))


@dataclass(frozen=True)
class Round:
    """The faults of one round. on: (place in the suite's list, fault)."""

    seed: int = 0
    stage: str = ""
    round: int = 0
    on: tuple[tuple[int, ScheduledFault], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.on)

    @cached_property
    def absent(self) -> frozenset[int]:
        """Silos that neither train nor send."""
        return frozenset(silo for i, each, silo in self._struck() if each.kind.away(self._rng(i, silo)))

    @property
    def delay(self) -> dict[int, float]:
        """Silo -> seconds that it is late."""
        found = {silo: each.kind.delay(self._rng(i, silo)) for i, each, silo in self._struck()}
        return {silo: seconds for silo, seconds in sorted(found.items()) if seconds}

    @property
    def bends(self) -> bool:
        """Whether models or messages are changed or lost, so that the plan's mixing matrix does not tell what happens."""
        return any(each.kind.needs or type(each.kind).lie is not Kind.lie for _, each in self.on)

    def lie(self, models: Mapping[int, Bundle], references: Mapping[int, Bundle], honest: Sequence[int]) -> dict[int, Bundle]:
        """Liar -> what it has instead of its trained model. models, references: of all silos in this exchange."""
        changed: dict[int, Bundle] = {}
        for i, each, silo in self._struck():
            if (
                silo not in models
                or type(each.kind).lie is Kind.lie
                or (each.kind.omniscient and models.keys().isdisjoint(honest))
            ):
                continue
            f = len(models.keys() & set(each.silos))
            mine = changed.get(silo, models[silo])
            changed[silo] = {
                dtype: each.kind.lie(
                    vector,
                    references[silo][dtype],
                    _crowd(models, references, honest, dtype, f) if each.kind.omniscient else None,
                    self._rng(i, silo, dtype),
                )
                for dtype, vector in mine.items()
            }
        return changed

    def deliver(self, messages: Sequence[Message], references: Mapping[int, Bundle], step: int) -> list[Message]:
        """Of the messages of one step those that arrive, as they arrive. references: silo -> its model before training."""
        arriving = []
        places: dict[int, int] = {}
        for message in messages:
            place = places[message.src] = places.get(message.src, -1) + 1
            arrived = self._carried(message, place, references, step)
            arriving += [] if arrived is None else [arrived]
        return arriving

    def _carried(self, message: Message, place: int, references: Mapping[int, Bundle], step: int) -> Message | None:
        now: Message | None = message
        for i, each in self.on:
            if frozenset((message.src, message.dst)) in each.links:
                return None
            if now is not None and message.src in each.silos and type(each.kind).sends is not Kind.sends:
                rng = self._rng(i, message.src, "to", message.dst, "step", step)
                now = each.kind.sends(now, place, references[message.src], rng)
        return now

    def _struck(self) -> Iterator[tuple[int, ScheduledFault, int]]:
        for i, each in self.on:
            for silo in each.silos:
                yield i, each, silo

    def _rng(self, index: int, silo: int, *more: str | int) -> Rng:
        return rng_for(self.seed, self.stage, "fault", index, "silo", silo, "round", self.round, *more)


def _crowd(models: Mapping[int, Bundle], references: Mapping[int, Bundle], honest: Sequence[int], dtype: str, f: int) -> Crowd:
    import torch

    seen = [silo for silo in honest if silo in models]
    rows = [torch.stack([found[s][dtype] for s in seen]).double() for found in (models, references)]
    return Crowd(rows[0], rows[1], len(models), f)


def schedule(faults: Sequence[Fault], names: Sequence[str], seed: int) -> Faults:
    """The faults of a trial on its silos, which have these names. SuiteError where there are no such silos, or too few.

    A number of silos is drawn by the seed, among those that no other fault of the list has; the same for every method of a suite.
    """
    if not faults:
        return Faults()
    import torch

    named = {name for fault in faults if isinstance(fault.silos, tuple) for name in fault.silos}
    order = torch.randperm(len(names), generator=rng_for(seed, "faults", "silos")).tolist()
    free = [silo for silo in order if names[silo] not in named]
    found = []
    for fault in faults:
        silos = _silos(fault, names, free)
        links = _links(fault, silos, len(names)) if KINDS[fault.kind].needs == "links" else frozenset()
        stages = (1, 2) if fault.stage == "both" else (int(fault.stage),)
        kind = KINDS[fault.kind](**fault.params)
        found.append(ScheduledFault(kind, fault.kind, silos, fault.since, fault.until, stages, links))
    return Faults(tuple(found), seed)


def _silos(fault: Fault, names: Sequence[str], free: list[int]) -> tuple[int, ...]:
    """The silos of one fault; drawn ones are taken out of `free`."""
    if fault.silos == "all":
        return tuple(range(len(names)))
    if isinstance(fault.silos, int):
        if fault.silos > len(free):
            text = f"{fault.kind} wants {fault.silos} silos, {len(free)} of {len(names)} are left"
            raise SuiteError(text, "write fewer silos, or a partition with more")
        drawn = sorted(free[: fault.silos])
        del free[: fault.silos]
        return tuple(drawn)
    missing = [name for name in fault.silos if name not in names]
    if missing:
        raise SuiteError(f"{fault.kind} names silo '{missing[0]}', which is not there", f"one of {', '.join(names)}")
    return tuple(sorted(names.index(name) for name in fault.silos))


def _links(fault: Fault, silos: Sequence[int], n: int) -> frozenset[frozenset[int]]:
    """The pair of silos that is named, or each drawn silo and the next in the ring of all."""
    if isinstance(fault.silos, tuple):
        return frozenset({frozenset(silos)})
    return frozenset(frozenset((silo, (silo + 1) % n)) for silo in silos)
