"""A value of a document, and where it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EXACT = 2**53  # whole numbers up to here are the same as int, float64 and JSON


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it starts (line and column from 1). keys: where each key of a mapping starts."""

    value: Any  # dict[str, Node] | list[Node] | str | int | float | bool | None
    line: int
    column: int
    keys: Mapping[str, Node] = field(default_factory=dict)

    @property
    def start(self) -> tuple[int, int]:
        """Line and column."""
        return self.line, self.column

    def plain(self) -> Any:
        """The value without positions."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def at(self, *path: str | int) -> Node:
        """The node at a path of keys and indices, or the last one that exists on the way to it."""
        node = self
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                node = node.value[str(step)]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
        return node

    def below(self, name: str) -> Node | None:
        """The value of a key, None where this is no mapping or lacks it."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def key(self, name: str) -> Node:
        """Where a key of this mapping starts."""
        return self.keys.get(name, self)


def node_of(value: Any, at: Node) -> Node:
    """A plain value as a node that stands where `at` stands."""
    if isinstance(value, Mapping):
        inner = {str(key): node_of(item, at) for key, item in value.items()}
        return Node(inner, at.line, at.column, dict.fromkeys(inner, at))
    if isinstance(value, (list, tuple)):
        return Node([node_of(item, at) for item in value], at.line, at.column)
    return Node(value, at.line, at.column)
