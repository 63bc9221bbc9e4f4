"""Who lives, and who is to blame: signs of life in the store, and whom every rank says that it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

SILENT = 10.0  # seconds without a sign of life after which a rank counts as dead; a closed socket tells at once
QUIET = 2.0  # seconds without one after which a rank, of several that could be late, is the one to blame


class Beats:
    """For how long every node has given no sign of life, by this process's clock. A node that never gave one is still loading."""

    def __init__(self) -> None:
        self._heard: dict[int, tuple[int, float]] = {}

    def listen(self, store: Any, nodes: Iterable[int]) -> None:
        """Read the nodes' counts of signs of life."""
        now = time.monotonic()
        for node in nodes:
            count = store.add(f"beat/{node}", 0)
            if count and self._heard.get(node, (0, now))[0] != count:
                self._heard[node] = (count, now)

    def unheard(self) -> dict[int, float]:
        """node -> seconds since its last sign of life."""
        now = time.monotonic()
        return {node: now - heard for node, (_, heard) in list(self._heard.items())}

    def silent(self, nodes: Iterable[int]) -> int | None:
        """The node that has been silent the longest, and for so long that it counts as dead."""
        unheard = self.unheard()
        dead = [node for node in nodes if unheard.get(node, 0.0) > SILENT]
        return max(dead, key=unheard.__getitem__, default=None)


def blamed(late: Sequence[int], waits: Callable[[int], Sequence[int]], unheard: Mapping[int, float], me: int) -> int:
    """Who keeps `me` waiting for the `late`: of them, and of all whom they wait for in turn, the one that nothing explains.

    That is a silent one (what it said that it waits for is old), or else one that waits for nobody. unheard: node -> seconds.
    """
    said: dict[int, Sequence[int]] = {}
    ahead = list(late)
    while ahead:
        node = ahead.pop(0)
        if node != me and node not in said:
            said[node] = waits(node)
            ahead += said[node]
    quiet = [node for node in said if unheard.get(node, 0.0) > QUIET]
    if quiet:
        return max(quiet, key=unheard.__getitem__)
    return next((node for node, others in said.items() if not others), late[0])
