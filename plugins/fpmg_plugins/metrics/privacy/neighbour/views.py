"""Who sees whose weights: what each passive adversary of a federation can read from exactly the frames it received."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import SERVER

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import State

    Frame = Mapping[str, Any]

PAIR, CLIENT, AT_SERVER, FARTHEST = "pair", "client", "server", "farthest"
HOPS = 3  # told one by one; beyond, only the farthest silo


@dataclass(frozen=True, slots=True)
class Sight:
    """One model that an adversary saw. state: the weights; start: the model it takes local training to have begun from.

    key: equal for sights of the very same tensors.
    """

    round: int
    modules: tuple[str, ...]
    state: State
    start: State
    key: tuple[int, ...]


Sights = tuple[Sight, ...]
Views = dict[tuple[str, int], dict[str, Sights]]  # (adversary, victim) -> stage -> sights


def views(evidence: Evidence, rounds: int) -> Views:
    """What every adversary saw of every silo; at most `rounds` rounds of a stage, spread evenly, the first and last among them.

    `hop_K` (K up to HOPS, then `farthest`): the silo K hops behind the victim, along the edges that messages really took. It sees
    the victim's own weights where they reached it, else whatever did. `pair`: the two silos beside the victim, who also know all that it received when
    all of it came from them. `server`; `client`: a silo that receives merged models only.
    """
    victims = sorted(evidence.released)
    silos = sorted({*victims, *range(len(evidence.silo_names))})  # who releases nothing (a liar, a dead silo) has seen things too
    seen = {at: [f for f in evidence.frames(at) if "state" in f] for at in [SERVER, *silos]}
    found: dict[tuple[str, int], dict[str, list[Sight]]] = {}
    # modules of different holders travel on rings of their own
    for stage, modules in dict.fromkeys((f["stage"], f["modules"]) for frames in seen.values() for f in frames):
        frames = {
            at: _thinned([f for f in of if (f["stage"], f["modules"]) == (stage, modules)], rounds) for at, of in seen.items()
        }
        for victim in victims:
            for name, sights in _of(victim, frames):
                found.setdefault((name, victim), {}).setdefault(stage, []).extend(sights)
    return {who: {stage: tuple(sights) for stage, sights in stages.items()} for who, stages in found.items()}


def _of(victim: int, frames: Mapping[int, Sequence[Frame]]) -> Iterator[tuple[str, list[Sight]]]:
    """(adversary, what it saw of the victim) in one stage."""
    if direct := _from(victim, frames[SERVER]):
        yield AT_SERVER, [_sight(f) for f in direct]
    behind = _behind(victim, frames)
    for hop, observer in behind.items():
        if hop <= HOPS or hop == max(behind):
            name = f"hop_{hop}" if hop <= HOPS else FARTHEST
            yield name, [_sight(f) for f in _from(victim, frames[observer]) or frames[observer]]
    if paired := _pair(victim, frames):
        yield PAIR, paired
    client = next((at for at in frames if at not in (SERVER, victim) and any(f["src"] < 0 for f in frames[at])), None)
    if client is not None:
        yield CLIENT, [_sight(f) for f in frames[client] if f["src"] < 0]


def _from(victim: int, frames: Sequence[Frame]) -> list[Frame]:
    return [f for f in frames if f["origin"] == victim]


def _behind(victim: int, frames: Mapping[int, Sequence[Frame]]) -> dict[int, int]:
    """hop -> the first silo at that distance from the victim, along edges between silos."""
    edges = _edges(frames)
    reached, front, first = {victim}, [victim], dict[int, int]()
    while front := sorted({dst for src in front for dst in edges.get(src, ())} - reached):
        first[len(first) + 1] = front[0]
        reached |= set(front)
    return first


def _edges(frames: Mapping[int, Sequence[Frame]]) -> dict[int, set[int]]:
    """src -> dst of all messages between silos."""
    edges: dict[int, set[int]] = {}
    for dst, received in frames.items():
        for frame in received:
            if dst >= 0 and frame["src"] >= 0:
                edges.setdefault(frame["src"], set()).add(dst)
    return edges


def _pair(victim: int, frames: Mapping[int, Sequence[Frame]]) -> list[Sight]:
    """The victim's weights as its two neighbours have them. They know its merge where they sent all of its other inputs."""
    before = {f["src"] for f in frames[victim] if f["src"] >= 0}
    around = before | _edges(frames).get(victim, set())
    if len(around) != 2:
        return []
    seen = {f["round"]: f for at in sorted(around) for f in _from(victim, frames[at])}
    known = before <= around and not any(f["relayed"] for f in frames[victim])
    starts = {f["round"]: f["start"] for f in frames[victim]} if known else {}
    return [_sight(f, starts.get(round)) for round, f in sorted(seen.items())]


def _sight(frame: Frame, start: State | None = None) -> Sight:
    begun = frame["start"] if start is None else start
    modules = tuple(frame["modules"])
    tensors = [t for state in (frame["state"], begun) for k, t in state.items() if k.rpartition("/")[0] in modules]
    return Sight(frame["round"], modules, frame["state"], begun, (frame["round"], *(t.data_ptr() for t in tensors)))


def _thinned(frames: Sequence[Frame], rounds: int) -> list[Frame]:
    there = sorted({f["round"] for f in frames})
    kept = {there[int(i)] for i in np.linspace(0, len(there) - 1, min(rounds, len(there)))} if there else set()
    return [f for f in frames if f["round"] in kept]
