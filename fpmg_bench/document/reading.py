"""Strict YAML 1.2 with positions: no duplicate keys, tags, anchors, aliases or merge keys; one document of bounded size.

ruamel reads the syntax; scalars are resolved here by the core schema of YAML 1.2.2, section 10.3.2 ("yes" is a string).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fpmg_bench.document.node import EXACT, Node
from fpmg_bench.document.problems import Problems

# A second of reading or two at most: ruamel reads some 30,000 values in one, and as many characters of empty lines as these.
TOP = Node(None, 1, 1)
LARGEST = 2**18  # bytes of a file
DEEPEST = 32  # levels
MOST = 20_000  # keys and values
TOO_LARGE = f"larger than {LARGEST // 1024} KiB; what is known of patients belongs into tables"
LONGEST_KEY = 200  # characters
LONG = 100  # digits of no number that anybody needs
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_PREFIXED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_UNBOUNDED = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def read_text(file: Path, problems: Problems) -> str:
    """A file's text. Raises what `problems` raises where it is too large or not UTF-8, OSError where it cannot be read."""
    with file.open("rb") as stream:
        raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        problems.stop(TOP, TOO_LARGE)
    try:
        return raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        at = _at(raw.count(b"\n", 0, error.start), error.start - raw.rfind(b"\n", 0, error.start) - 1)
        problems.stop(at, f"not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8")


def read_document(text: str, problems: Problems) -> Node:
    """The text's one document. What is wrong goes to `problems`; they are raised where bad syntax, or too much, ends the reading."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    if len(text) > LARGEST:
        problems.stop(TOP, TOO_LARGE)
    builder = _Builder(problems)
    try:
        for event in YAML(typ="rt", pure=True).parse(text):
            builder.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.stop(_position(mark) if mark else TOP, " ".join(part for part in (error.context, error.problem) if part))
    except ReaderError as error:
        at = _at(text.count("\n", 0, error.position), error.position - text.rfind("\n", 0, error.position) - 1)
        problems.stop(at, str(error.reason))
    except YAMLError as error:
        problems.stop(TOP, " ".join(str(error).split()))
    return builder.root or TOP


@dataclass(slots=True)
class _Builder:
    """Parse events into nodes, with a stack instead of recursion."""

    problems: Problems
    root: Node | None = None
    stack: list[Node] = field(default_factory=list)
    pending: list[Node | None] = field(default_factory=list)  # the key that waits for its value, one a level
    values: int = 0

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            self.stack.pop()
            self.pending.pop()
        elif kind in ("MappingStartEvent", "SequenceStartEvent", "ScalarEvent", "AliasEvent"):
            self._value(event, kind)
        elif kind == "DocumentStartEvent":
            self._document(event)

    def _document(self, event: Any) -> None:
        if self.root is not None:
            self.problems.add(_position(event.start_mark), "", "a second document; a file is one")
        if event.version not in (None, (1, 2)):
            self.problems.add(_position(event.start_mark), "", "files are YAML 1.2; remove the %YAML directive")

    def _value(self, event: Any, kind: str) -> None:
        at = _position(event.start_mark)
        self._refuse(event, kind, at)
        if kind == "AliasEvent":
            self._place(at)
        elif kind == "ScalarEvent":
            self._scalar(event, at)
        else:
            if self._expects_key():
                self.problems.stop(at, "a key must be a word, not a collection")
            if len(self.stack) >= DEEPEST:
                self.problems.stop(at, f"nested deeper than {DEEPEST} levels")
            node = Node({} if kind == "MappingStartEvent" else [], at.line, at.column, {})
            self._place(node)
            self.stack.append(node)
            self.pending.append(None)

    def _expects_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.pending[-1] is None

    def _place(self, node: Node) -> None:
        """Put a finished scalar or a fresh collection where it belongs."""
        self.values += 1
        if self.values > MOST:
            self.problems.stop(node, f"more than {MOST:,} keys and values")
        if not self.stack:
            self.root = self.root or node
            return
        parent = self.stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif self.pending[-1] is None:
            self.pending[-1] = node
        else:
            self._entry(parent, self.pending[-1], node)
            self.pending[-1] = None

    def _entry(self, parent: Node, key: Node, node: Node) -> None:
        name = str(key.value)
        if name in parent.value:
            self.problems.add(key, "", f"duplicate key '{name}', first on line {parent.keys[name].line}")
            return
        if name == "<<":
            self.problems.add(key, "", "merge keys are not YAML 1.2; a suite's method inherits with `extends: NAME`")
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

    def _scalar(self, event: Any, at: Node) -> None:
        text, plain = event.value, event.implicit[0] and event.tag is None
        if _CONTROL.search(text):
            self.problems.add(at, "", "a control character or half a character (NUL, ESC, a lone surrogate); take it out")
        value = resolve(text) if plain else text
        if self._expects_key():
            self._check_key(text, value, at)
            value = text
        elif isinstance(value, (int, float)) and (wrong := _inexact(value)):
            self.problems.add(at, "", f"{text} {wrong}")
            value = text
        self._place(Node(value, at.line, at.column))

    def _check_key(self, text: str, value: Any, at: Node) -> None:
        if not isinstance(value, str):
            self.problems.add(at, "", f"key {text or 'without a word'} is no text; write it in quotes")
        elif len(text) > LONGEST_KEY:
            self.problems.add(at, "", f"key of {len(text):,} characters '{text[:20]}...'; at most {LONGEST_KEY}")


def _inexact(value: float) -> str:
    """What is wrong with a number, "" where nothing is."""
    if isinstance(value, int):
        beyond = "is beyond 2^53, where whole numbers are no longer exact; an id is written in quotes"
        return beyond if abs(value) > EXACT else ""
    return "" if math.isfinite(value) else "is not a finite number"


def resolve(text: str) -> Any:
    """A plain scalar's value by the core schema of YAML 1.2."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text[0] in "tT"
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < LONG else 2 * EXACT  # refused all the same; thousands of digits take long
    if _PREFIXED.fullmatch(text):
        return int(text, 0) if len(text) < LONG else 2 * EXACT
    if _FLOAT.fullmatch(text):
        return float(text)
    if _UNBOUNDED.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _position(mark: Any) -> Node:
    return _at(mark.line, mark.column)


def _at(line: int, column: int) -> Node:
    """A place, both counted from 0."""
    return Node(None, line + 1, column + 1)
