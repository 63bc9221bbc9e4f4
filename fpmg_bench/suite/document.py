"""Strict YAML 1.2 with positions: no duplicate keys, tags, anchors, aliases or merge keys; one document.

ruamel reads the syntax; scalars are resolved here by the core schema of YAML 1.2.2, section 10.3.2 ("yes" is a string).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fpmg_bench.suite.problems import Problems

DEEPEST = 32
_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_PREFIXED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_UNBOUNDED = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


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


def read_document(text: str, problems: Problems) -> Node:
    """The file's one document. Whatever is wrong goes to `problems`; a syntax error ends the reading there."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    builder = _Builder(problems)
    try:
        for event in YAML(typ="rt", pure=True).parse(text):
            builder.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Node(None, mark.line + 1, mark.column + 1) if mark else Node(None, 1, 1)
        problems.add(at, "", " ".join(part for part in (error.context, error.problem) if part))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.add(Node(None, line, error.position - text.rfind("\n", 0, error.position)), "", str(error.reason))
    except YAMLError as error:
        problems.add(Node(None, 1, 1), "", " ".join(str(error).split()))
    return builder.root or Node(None, 1, 1)


@dataclass(slots=True)
class _Builder:
    """Parse events into nodes, with a stack instead of recursion."""

    problems: Problems
    root: Node | None = None
    stack: list[Node] = field(default_factory=list)
    pending: list[Node | None] = field(default_factory=list)  # the key that waits for its value, one a level
    skipped: int = 0

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._close()
        elif kind in ("MappingStartEvent", "SequenceStartEvent", "ScalarEvent", "AliasEvent"):
            self._value(event, kind)
        elif kind == "DocumentStartEvent":
            self._document(event)

    def _document(self, event: Any) -> None:
        if self.root is not None:
            self.problems.add(_position(event), "", "a second document; a suite is one")
        if event.version not in (None, (1, 2)):
            self.problems.add(_position(event), "", "suites are YAML 1.2; remove the %YAML directive")

    def _value(self, event: Any, kind: str) -> None:
        at = _position(event)
        self._refuse(event, kind, at)
        if kind in ("ScalarEvent", "AliasEvent"):
            if not self.skipped:
                self._place(self._scalar(event, at) if kind == "ScalarEvent" else at, event)
            return
        if self.skipped or len(self.stack) >= DEEPEST or self._expects_key():
            self._skip(at)
            return
        node = Node({} if kind == "MappingStartEvent" else [], at.line, at.column, {})
        self._place(node, event)
        self.stack.append(node)
        self.pending.append(None)

    def _skip(self, at: Node) -> None:
        """Reads over a collection that has no place in a suite."""
        if not self.skipped:
            deep = f"nested deeper than {DEEPEST} levels"
            self.problems.add(at, "", deep if len(self.stack) >= DEEPEST else "a key must be a word, not a collection")
            self._place(Node(None, at.line, at.column), None)
        self.skipped += 1

    def _close(self) -> None:
        if self.skipped:
            self.skipped -= 1
            return
        self.stack.pop()
        self.pending.pop()

    def _expects_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.pending[-1] is None

    def _place(self, node: Node, event: Any) -> None:
        """Put a finished scalar or a fresh collection where it belongs."""
        if not self.stack:
            self.root = self.root or node
            return
        parent = self.stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif self.pending[-1] is None:
            self.pending[-1] = Node(getattr(event, "value", "") or "", node.line, node.column)
        else:
            self._entry(parent, self.pending[-1], node)
            self.pending[-1] = None

    def _entry(self, parent: Node, key: Node, node: Node) -> None:
        name = key.value
        if name in parent.value:
            self.problems.add(key, "", f"duplicate key '{name}', first on line {parent.keys[name].line}")
            return
        if name == "<<":
            self.problems.add(key, "", "merge keys are not YAML 1.2; a method inherits with `extends: NAME`")
            return
        parent.value[name] = node
        parent.keys[name] = key  # type: ignore[index]

    def _refuse(self, event: Any, kind: str, at: Node) -> None:
        if kind == "AliasEvent":
            self.problems.add(at, "", f"aliases are not allowed (*{event.anchor}); write the value, or use `extends`")
            return
        if event.anchor:
            self.problems.add(at, "", f"anchors are not allowed (&{event.anchor}); write the value, or use `extends`")
        if event.tag is not None:
            self.problems.add(at, "", f"tags are not allowed ({event.tag}); write the plain value")

    def _scalar(self, event: Any, at: Node) -> Node:
        plain = event.implicit[0] and event.tag is None
        if not plain:
            return Node(event.value, at.line, at.column)
        value = resolve(event.value)
        if isinstance(value, float) and not math.isfinite(value) and not self._expects_key():
            self.problems.add(at, "", f"{event.value} is not a finite number")
        return Node(value, at.line, at.column)


def resolve(text: str) -> Any:
    """A plain scalar's value by the core schema of YAML 1.2."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text[0] in "tT"
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 100 else float("inf")
    if _PREFIXED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _UNBOUNDED.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _position(event: Any) -> Node:
    return Node(None, event.start_mark.line + 1, event.start_mark.column + 1)
