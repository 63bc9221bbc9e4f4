"""Rounds to heal: how long a fault that ended is still to be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpmg_bench.faults.schedule import ScheduledFault

TOLERANCE = 0.1


def healing(rounds: Sequence[Mapping[str, Any]], fault: ScheduledFault) -> dict[str, Any]:
    """{rounds, reason}: rounds without the fault until the consensus distance is back, at most 10 % above its level before.

    The level before is the distance `after` the merges of the last round before the fault, the first round without it counts as 1.
    rounds is None, with a reason, where the fault did not end or there was no round before it, and where it never healed.
    rounds: the records of a trial; a fault of several stages is judged in the last of them.
    """
    stage = next((str(r["stage"]) for r in reversed(rounds) if fault.on(str(r["stage"]), fault.since)), "")
    distance = {int(r["round"]): float(r["after"]) for r in rounds if r["stage"] == stage}
    if fault.until is None or fault.until not in distance:
        return {"rounds": None, "reason": "it lasts to the end"}
    if fault.since - 1 not in distance:
        return {"rounds": None, "reason": "no round before it"}
    level = (1 + TOLERANCE) * distance[fault.since - 1]
    healed = next((at for at in sorted(distance) if at >= fault.until and distance[at] <= level), None)
    if healed is None:
        return {"rounds": None, "reason": f"not within {max(distance) - fault.until + 1} rounds"}
    return {"rounds": healed - fault.until + 1, "reason": ""}
