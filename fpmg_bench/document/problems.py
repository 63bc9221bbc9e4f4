"""All that is wrong with a document, collected in one pass and raised once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from fpmg_bench.document.node import Node
from fpmg_bench.document.words import brief
from fpmg_bench.errors import ExitCode, FpmgError, SuiteError

MOST = 100  # problems: after so many nobody reads on


@dataclass(slots=True)
class Problems:
    """What was found so far in the file `source`. A key that several methods inherit is reported once.

    error, hint: what is raised.
    """

    source: str
    error: type[FpmgError] = SuiteError
    hint: str = ""
    _found: dict[tuple[int, int, str], str] = field(default_factory=dict)
    _file_is_wrong: bool = False

    def add(self, node: Node, path: str, message: str, *, plugin: bool = False) -> None:
        """Record a problem at a node's line and column; the hundredth is raised with all before it.

        path: "methods.fpmg.aggregator", or "" for the whole file; plugin: a plug-in is missing or broken.
        """
        self._file_is_wrong |= not plugin
        self._found.setdefault((node.line, node.column, message), path)
        if len(self._found) >= MOST:
            self.raise_if_any()

    def __bool__(self) -> bool:
        return bool(self._found)

    def lines(self) -> list[str]:
        """`file:line:column: path: message`, in the order of the file; long names are cut."""
        return [
            f"{self.source}:{line}:{column}: {brief(f'{path}: {message}' if path else message)}"
            for (line, column, message), path in sorted(self._found.items())
        ]

    def raise_if_any(self) -> None:
        """Raises `error` with every line; its exit code is PLUGIN where nothing but plug-ins is missing or broken."""
        if self._found:
            raise self._raised()

    def stop(self, node: Node, message: str) -> NoReturn:
        """Record what ends the reading, and raise it with all before it."""
        self.add(node, "", message)
        raise self._raised()

    def _raised(self) -> FpmgError:
        error = self.error("\n".join(self.lines()), self.hint)
        if not self._file_is_wrong:
            error.exit_code = ExitCode.PLUGIN
        return error
