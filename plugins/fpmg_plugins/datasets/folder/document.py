"""Reads a cohort.yaml strictly (YAML 1.2) and says at which line and column it is wrong."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder.spec import (
    CohortSpec,
    ColumnSpec,
    ImageSpec,
    RowsSpec,
    SeriesSpec,
    SiloSpec,
    TableSpec,
    TextSpec,
    VideoSpec,
)

HINT = "see docs/folder-cohorts.md"
WORDS = sorted(
    {
        key
        for model in (CohortSpec, ColumnSpec, ImageSpec, RowsSpec, SeriesSpec, SiloSpec, TableSpec, TextSpec, VideoSpec)
        for key in model.model_fields
    }
)


class Document:
    """A valid cohort.yaml: its `spec`, and where each thing is written. shapes: replace those of images and clips."""

    def __init__(self, file: Path, shapes: Mapping[str, Sequence[int]] | None = None) -> None:
        self.file = file
        self._tree = _parse(file)
        for name, shape in (shapes or {}).items():
            self._tree["modalities"][name]["shape"] = list(shape)
        self.spec = self._validate()

    def place(self, *path: str | int) -> str:
        """`file:line:column: a.b.c` of a key or item; of the nearest thing above it that is written."""
        line, column = _position(self._tree, path)
        dotted = ".".join(str(part) for part in path)
        return f"{self.file}:{line}:{column}: {dotted}" if dotted else f"{self.file}:{line}:{column}"

    def _validate(self) -> CohortSpec:
        try:
            return CohortSpec.model_validate_json(json.dumps(self._tree, default=str), strict=True)
        except ValidationError as error:
            problems = [self._problem(each) for each in error.errors(include_url=False, include_input=False)]
            raise DatasetError("\n".join(problems), HINT) from None

    def _problem(self, error: Any) -> str:
        path = _written(self._tree, error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(path[-1]), WORDS, 1)
            message = f"unknown key '{path[-1]}'" + (f". Did you mean '{near[0]}'?" if near else "")
        elif error["type"] == "missing":
            message = f"the key '{error['loc'][-1]}' is missing"
        return f"{self.place(*path)}: {message}"


def _parse(file: Path) -> CommentedMap:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DatasetError(
            f"{file}: there is no such file", "write one as docs/folder-cohorts.md shows, or name another `root`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: cannot be read as UTF-8 text: {error}") from error
    try:
        tree = YAML().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise DatasetError(f"{file}{at}: {str(error.problem).strip()}", HINT) from None
    except YAMLError as error:
        raise DatasetError(f"{file}: {str(error).splitlines()[0]}", HINT) from None
    if not isinstance(tree, CommentedMap):
        raise DatasetError(f"{file}:1:1: a mapping of keys was expected", HINT)
    return tree


def _written(tree: Any, location: Sequence[Any]) -> tuple[str | int, ...]:
    """pydantic's location without what is not in the file (the tags of its unions)."""
    path: list[str | int] = []
    for part in location:
        if (isinstance(tree, dict) and part in tree) or (isinstance(tree, list) and isinstance(part, int) and part < len(tree)):
            path.append(part)
            tree = tree[part]
    return tuple(path)


def _position(tree: Any, path: Sequence[Any]) -> tuple[int, int]:
    line, column = 0, 0
    for part in path:
        if isinstance(tree, CommentedMap) and part in tree:
            line, column = tree.lc.key(part)
        elif isinstance(tree, CommentedSeq) and isinstance(part, int) and part < len(tree):
            line, column = tree.lc.item(part)
        else:
            break
        tree = tree[part]
    return line + 1, column + 1
