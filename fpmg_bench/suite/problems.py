"""All that is wrong with a suite, collected in one pass and raised once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fpmg_bench.errors import ExitCode, SuiteError

if TYPE_CHECKING:
    from fpmg_bench.suite.document import Node


@dataclass(slots=True)
class Problems:
    """What was found so far in the file `source`. A key that several methods inherit is reported once."""

    source: str
    _found: dict[tuple[int, int, str], str] = field(default_factory=dict)
    _suite_is_wrong: bool = False

    def add(self, node: Node, path: str, message: str, *, plugin: bool = False) -> None:
        """Record a problem at a node's line and column.

        path: "methods.fpmg.aggregator", or "" for the whole file; plugin: a plug-in is missing or broken.
        """
        self._suite_is_wrong |= not plugin
        self._found.setdefault((node.line, node.column, message), path)

    def __bool__(self) -> bool:
        return bool(self._found)

    def lines(self) -> list[str]:
        """`file:line:column: path: message`, in the order of the file."""
        return [
            f"{self.source}:{line}:{column}: {path + ': ' if path else ''}{message}"
            for (line, column, message), path in sorted(self._found.items())
        ]

    def raise_if_any(self) -> None:
        """Raises SuiteError with every line; its exit code is PLUGIN where nothing but plug-ins is missing or broken."""
        if self._found:
            error = SuiteError("\n".join(self.lines()))
            error.exit_code = ExitCode.USAGE if self._suite_is_wrong else ExitCode.PLUGIN
            raise error
