"""A value in the suite file together with its path: reads typed values and records what is wrong instead of raising."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from fpmg_bench.document import EXACT, Node, Problems, did_you_mean

DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(MiB|GiB)")
_BYTES = {"MiB": 2.0**20, "GiB": 2.0**30}
LONGEST_NAME = 100  # characters
LONGEST = 1e6  # of a duration, in its own unit
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, slots=True)
class Place:
    """Each reader returns a harmless value after recording a problem, so that one pass finds them all."""

    node: Node
    path: str
    problems: Problems

    @property
    def value(self) -> Any:
        """The node's value."""
        return self.node.value

    def wrong(self, message: str) -> None:
        """Record a problem here."""
        self.problems.add(self.node, self.path, message)

    def expected(self, what: str) -> None:
        """Record that something else was expected here."""
        self.wrong(f"expected {what}, got {_shown(self.node)}")

    def below(self, key: str | int, node: Node) -> Place:
        """The place of a value inside this one."""
        return Place(node, f"{self.path}.{key}" if self.path else str(key), self.problems)

    def entries(self) -> dict[str, Place]:
        """A mapping with free keys."""
        if not isinstance(self.value, dict):
            self.expected("a mapping")
            return {}
        return {key: self.below(key, node) for key, node in self.value.items()}

    def fields(self, known: Collection[str], required: Iterable[str] = ()) -> dict[str, Place]:
        """A mapping with known keys; unknown ones are recorded with the nearest word."""
        found = self.entries()
        if not isinstance(self.value, dict):
            return {}
        for key in [key for key in found if key not in known]:
            message = f"unknown key '{key}'.{did_you_mean(key, known)} Known: {', '.join(known)}"
            self.problems.add(self.node.key(key), found.pop(key).path, message)
        for key in required:
            if key not in found:
                self.wrong(f"'{key}' is missing")
        return found

    def items(self) -> list[Place]:
        """A list."""
        if not isinstance(self.value, list):
            self.expected("a list")
            return []
        return [self.below(index, node) for index, node in enumerate(self.value)]

    def whole(self, low: int, fallback: int, most: int = EXACT) -> int:
        """A whole number from `low` to `most`."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= most:
            self.expected(f"a whole number of at least {low}" + (f" and at most {most:,}" if most < EXACT else ""))
            return fallback
        return value

    def number(self, what: str, fallback: float, *, above: float, upto: float = float("inf")) -> float:
        """A number in (above, upto]. what: "a number above 0", for the message."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not above < value <= upto or value == float("inf"):
            self.expected(what)
            return fallback
        return float(value)

    def flag(self) -> bool:
        """true or false."""
        if not isinstance(self.value, bool):
            self.expected("true or false")
            return False
        return self.value

    def text(self) -> str:
        """A string that is not empty."""
        if not isinstance(self.value, str) or not self.value:
            self.expected("a word")
            return ""
        return self.value

    def name(self) -> str:
        """A name that can be part of a trial's id and of a path."""
        text = self.text()
        if text and (len(text) > LONGEST_NAME or not WORD.fullmatch(text) or text.casefold() in ("and", "or", "not")):
            self.wrong(
                f"'{text}' cannot be a name: up to {LONGEST_NAME} letters, digits, '.', '_', '+' and '-', and none of the words and, or, not"
            )
        return text

    def word(self, known: Collection[str], fallback: str) -> str:
        """One of some words."""
        text = self.text()
        if text and text not in known:
            self.wrong(f"unknown '{text}'.{did_you_mean(text, known)} Known: {', '.join(known)}")
        return text if text in known else fallback

    def size(self, fallback: float | None) -> float | None:
        """An amount of memory such as 512MiB or 4GiB, in bytes."""
        match = SIZE.fullmatch(self.value) if isinstance(self.value, str) else None
        if match is None or float(match[1]) <= 0:
            self.expected("an amount of memory such as 512MiB or 4GiB")
            return fallback
        return float(match[1]) * _BYTES[match[2]]

    def seconds(self, fallback: float) -> float:
        """A duration such as 90s, 10m or 1h, in seconds."""
        match = DURATION.fullmatch(self.value) if isinstance(self.value, str) else None
        if match is None or not 0 < float(match[1]) < LONGEST:
            self.expected("a duration such as 90s, 10m or 1h")
            return fallback
        return float(match[1]) * _SECONDS[match[2]]


def _shown(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    if node.value is None:
        return "nothing"
    return str(node.value).lower() if isinstance(node.value, bool) else repr(node.value)
