"""pytest's -k expression over trial ids: words (substrings, without regard to case), and, or, not, parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from fpmg_bench.errors import SuiteError

Matches = Callable[[str], bool]
_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")


def compile_selection(expression: str) -> Matches:
    """A predicate over trial ids. An empty expression matches all. Raises SuiteError naming the column."""
    reader = _Reader(expression, [(match[1], match.start(1) + 1) for match in _TOKEN.finditer(expression)])
    if not reader.tokens:
        return lambda _: True
    matches = reader.either()
    if reader.at < len(reader.tokens):
        raise reader.unexpected()
    return matches


@dataclass
class _Reader:
    """Recursive descent: either = both (or both)*, both = unary (and unary)*, unary = not unary | (either) | word."""

    expression: str
    tokens: list[tuple[str, int]]
    at: int = 0

    def either(self) -> Matches:
        left = self.both()
        while self._accept("or"):
            left = _any(left, self.both())
        return left

    def both(self) -> Matches:
        left = self.unary()
        while self._accept("and"):
            left = _all(left, self.unary())
        return left

    def unary(self) -> Matches:
        if self._accept("not"):
            return _none(self.unary())
        if self._accept("("):
            inside = self.either()
            if not self._accept(")"):
                raise self.unexpected()
            return inside
        if self.at == len(self.tokens) or self.tokens[self.at][0] in ("and", "or", ")"):
            raise self.unexpected()
        self.at += 1
        return _word(self.tokens[self.at - 1][0])

    def unexpected(self) -> SuiteError:
        token, column = self.tokens[self.at] if self.at < len(self.tokens) else ("the end", len(self.expression) + 1)
        text = f"-k '{self.expression}': column {column}: unexpected {token}"
        return SuiteError(text, "words of dataset/method/seed with and, or, not and parentheses")

    def _accept(self, token: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at][0] == token
        self.at += found
        return found


def _word(word: str) -> Matches:
    return lambda id: word.casefold() in id.casefold()


def _any(left: Matches, right: Matches) -> Matches:
    return lambda id: left(id) or right(id)


def _all(left: Matches, right: Matches) -> Matches:
    return lambda id: left(id) and right(id)


def _none(inner: Matches) -> Matches:
    return lambda id: not inner(id)
