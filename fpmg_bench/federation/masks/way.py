"""The way of a sum under masks: up a tree to its root, each node adding what it has to what it gets, and the total down to all.

On N nodes that is 2(N - 1) messages on any graph whose every node reaches every other; on a ring a running sum is relayed. What
travels up is uniform to whoever gets it: it holds the mask of each of its silos with each silo that is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpmg_bench.federation.edges import Edge, edges_of
from fpmg_bench.types import Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Step

LEAST = 3  # silos without a server: of two each has the other's part, the total less its own


@dataclass(frozen=True, slots=True)
class Way:
    """up, down: transfers that happen at once, wave by wave. root: where the masks cancel."""

    root: int
    up: tuple[tuple[Transfer, ...], ...]
    down: tuple[tuple[Transfer, ...], ...]

    @property
    def messages(self) -> int:
        """In all: as many up as down."""
        return 2 * sum(map(len, self.up))


def way(steps: Iterable[Step], silos: Sequence[int]) -> Way | None:
    """The way among these silos over a plan's edges; None where masks would hide nothing, or where not all are reached from all.

    The root is the server (of several hubs the topmost), or else the last silo; ties go to the lowest node.
    """
    edges = edges_of(steps)
    nodes = {*silos, *(node for edge in edges for node in edge)}
    hubs = [node for node in nodes if node < 0]
    if len(silos) < (2 if hubs else LEAST):
        return None
    root = max(hubs) if hubs else max(silos)
    towards, away = _tree([(dst, src) for src, dst in edges], root), _tree(edges, root)
    if not nodes == {root, *towards} == {root, *away}:
        return None
    up = [tuple(Transfer(node, parent) for node, (parent, _) in level) for level in _levels(towards)]
    down = [tuple(Transfer(parent, node) for node, (parent, _) in level) for level in _levels(away)]
    return Way(root, tuple(reversed(up)), tuple(down))


Tree = dict[int, tuple[int, int]]  # node -> parent, depth


def _tree(edges: Sequence[Edge], root: int) -> Tree:
    """Shortest ways from the root along the edges."""
    found, level, depth = {root: (root, 0)}, [root], 0
    while level:
        depth += 1
        reached: Tree = {}
        for src, dst in sorted(edges):
            if src in level and dst not in found:
                reached.setdefault(dst, (src, depth))
        found |= reached
        level = list(reached)
    del found[root]
    return found


def _levels(tree: Tree) -> list[list[tuple[int, tuple[int, int]]]]:
    deepest = max((depth for _, depth in tree.values()), default=0)
    return [sorted((node, at) for node, at in tree.items() if at[1] == depth) for depth in range(1, deepest + 1)]
