"""A topology's plans of one stage: the same however often a round is asked for, and over which rounds all silos meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fpmg_bench.errors import PlumbingError
from fpmg_bench.federation.edges import edges_of, reached
from fpmg_bench.federation.masks.way import way
from fpmg_bench.keys import rng_for

if TYPE_CHECKING:
    from fpmg_bench.contracts import Topology
    from fpmg_bench.federation.edges import Edge
    from fpmg_bench.types import Step

AHEAD = 8  # rounds a silo: one random pair a round leaves silos of n <= 100 apart after 8 n rounds with probability < 1e-4


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a topology plans for the rounds of a stage. The dry run and the real rounds ask the same schedule."""

    topology: Topology
    stage: str
    seed: int
    planned: dict[tuple[tuple[int, ...], int], int] = field(default_factory=dict)  # silos, round -> hash of the first answer
    met: dict[tuple[int, ...], int] = field(default_factory=dict)  # silos -> rounds until they have met
    latest: dict[tuple[tuple[int, ...], int], tuple[Step, ...]] = field(default_factory=dict)  # what was asked for last, checked

    @property
    def hides_sums(self) -> bool:
        """Whether statistics are added up under masks: unless the topology has a parameter `sums` that says plain."""
        return getattr(self.topology, "sums", "masked") != "plain"

    def steps(self, silos: Sequence[int], round: int) -> tuple[Step, ...]:
        """The plan of a round among these silos. PlumbingError where the topology planned another one before."""
        key = tuple(silos), round
        if key in self.latest:
            return self.latest[key]
        if key not in self.planned:
            self.planned[key] = hash(self._plan(*key))
        steps = self._plan(*key)
        if hash(steps) != self.planned[key]:
            raise PlumbingError(
                f"{self.stage}, round {round}: topology {type(self.topology).__name__} plans other transfers than it did before",
                "plan() may depend on nothing but its silos, its round and the rng that it is handed",
            )
        self.latest.clear()
        self.latest[key] = steps
        return steps

    def _plan(self, silos: tuple[int, ...], round: int) -> tuple[Step, ...]:
        return tuple(self.topology.plan(list(silos), round, rng_for(self.seed, self.stage, "topology", round)))

    def foretell(self, silos: Sequence[int], rounds: int) -> None:
        """Plan all rounds now; a real one that differs is an error."""
        for round in range(rounds):
            self.steps(silos, round)

    def meeting(self, silos: Sequence[int]) -> tuple[Step, ...]:
        """What goes around once before round 0 and after the last takes these steps: round 0's, or those of the first rounds together.

        As few rounds as let every silo be reached from every other; where that never happens, as few as reach all that are ever reached.
        """
        rounds = self.rounds_to_meet(silos)
        return self.steps(silos, 0) if rounds == 1 else _together([self.steps(silos, round) for round in range(rounds)])

    def rounds_to_meet(self, silos: Sequence[int]) -> int:
        """How many rounds `meeting` takes together."""
        key = tuple(silos)
        if key not in self.met:
            self.met[key] = self._rounds_to_meet(key)
        return self.met[key]

    def _rounds_to_meet(self, silos: tuple[int, ...]) -> int:
        edges: set[Edge] = set()
        known: dict[int, tuple[int, ...]] = {silo: (silo,) for silo in silos}
        best = 1
        for round in range(AHEAD * len(silos)):
            fresh = set(edges_of(self.steps(silos, round))) - edges
            if not fresh:
                continue
            edges |= fresh
            now = reached(sorted(edges), silos)
            if now != known:
                known, best = now, round + 1
            if all(set(silos) <= set(sources) for sources in known.values()):
                break
        return best

    def unreached(self, silos: Sequence[int], rounds: int) -> tuple[int, ...]:
        """Silos that no other silo's weights get to within so many rounds; none where nothing travels at all."""
        edges = sorted({edge for round in range(rounds) for edge in edges_of(self.steps(silos, round))})
        known = reached(edges, silos)
        return tuple(silo for silo in silos if edges and not set(silos) & set(known[silo]) - {silo})


def hidden(topology: Topology | None, stage: str, seed: int, silos: int) -> bool:
    """Whether statistics of so many silos are added up under masks over this topology."""
    if topology is None:
        return False
    schedule = Schedule(topology, stage, seed)
    return schedule.hides_sums and way(schedule.meeting(range(silos)), range(silos)) is not None


def _together(plans: Sequence[Sequence[Step]]) -> tuple[Step, ...]:
    """Several rounds as one: steps at the same place side by side, each way from one node to another once."""
    found: dict[tuple[int, str, bool], Step] = {}
    for place, step in ((place, step) for plan in plans for place, step in enumerate(plan)):
        known = found.get((place, step.on_arrival, step.masked), replace(step, transfers=(), train=()))
        ways = {(move.src, move.dst): move for move in (*step.transfers, *known.transfers)}
        found[place, step.on_arrival, step.masked] = replace(known, transfers=tuple(ways[way] for way in sorted(ways)))
    return tuple(found[key] for key in sorted(found))
