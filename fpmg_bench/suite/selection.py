"""pytest's -k expression over trial ids: words (substrings, without regard to case), and, or, not, parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fpmg_bench.document import DEEPEST, brief
from fpmg_bench.errors import SuiteError

Matches = Callable[[str], bool]
SHOWN = 200  # characters of an expression
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
    depth: int = 0

    def either(self) -> Matches:
        return self._joined("or", self.both, any)

    def both(self) -> Matches:
        return self._joined("and", self.unary, all)

    def unary(self) -> Matches:
        if self._accept("not"):
            inner = self._deeper(self.unary)
            return lambda id: not inner(id)
        if self._accept("("):
            inside = self._deeper(self.either)
            if not self._accept(")"):
                raise self.unexpected()
            return inside
        if self.at == len(self.tokens) or self.tokens[self.at][0] in ("and", "or", ")"):
            raise self.unexpected()
        self.at += 1
        return _word(self.tokens[self.at - 1][0])

    def unexpected(self) -> SuiteError:
        token, column = self.tokens[self.at] if self.at < len(self.tokens) else ("the end", len(self.expression) + 1)
        return self._wrong(column, f"unexpected {token}")

    def _joined(self, word: str, part: Callable[[], Matches], join: Callable[[Iterable[bool]], bool]) -> Matches:
        """Parts with a word between them."""
        parts = [part()]
        while self._accept(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else lambda id: join(matches(id) for matches in parts)

    def _deeper(self, inner: Callable[[], Matches]) -> Matches:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._wrong(self.tokens[self.at - 1][1], f"nested deeper than {DEEPEST} levels")
        found = inner()
        self.depth -= 1
        return found

    def _accept(self, token: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at][0] == token
        self.at += found
        return found

    def _wrong(self, column: int, what: str) -> SuiteError:
        text = brief(f"-k '{self.expression[:SHOWN]}{'...' if len(self.expression) > SHOWN else ''}': column {column}: {what}")
        return SuiteError(text, "words of dataset/method/seed with and, or, not and parentheses")


def _word(word: str) -> Matches:
    return lambda id: word.casefold() in id.casefold()
