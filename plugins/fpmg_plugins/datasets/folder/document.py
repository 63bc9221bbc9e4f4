"""Reads a cohort.yaml strictly (YAML 1.2) and says at which line and column it is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from fpmg_bench.document import Node, Problems, did_you_mean, node_of, read_document, read_text
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder.spec import CohortSpec

HINT = "see docs/folder-cohorts.md"
ITEMS = "items are needed, each in a line that begins with '- ' (in a draft: take the # away from one of the lines below)"
KEYS = "keys are needed, as in {name: age, low: 0, high: 120}"
EXPECTED = {
    **dict.fromkeys(("tuple_type", "list_type"), ITEMS),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), KEYS),
    "string_type": "a text is needed: put numbers, true and false in quotes",
    "too_short": ITEMS,
}


class Document:
    """A valid cohort.yaml: its `spec`, and where each thing is written. shapes: replace those of images and clips; conditions:

    of those that it declares these alone, in its order (default: all).
    """

    def __init__(self, file: Path, shapes: Mapping[str, Sequence[int]] | None = None, conditions: Sequence[str] = ()) -> None:
        self.file = file
        problems = Problems(str(file), DatasetError, HINT)
        self._root = read_document(_text(file, problems), problems)
        if not isinstance(self._root.value, dict):
            problems.stop(self._root, "a mapping of keys was expected")
        problems.raise_if_any()
        for name, shape in (shapes or {}).items():
            modality = self._root.at("modalities", name)
            modality.value["shape"] = node_of(list(shape), modality)
        if conditions:
            declared = self._root.at("conditions").value
            declared[:] = [each for each in declared if each.at("name").value in conditions]
        self.spec = self._validate(problems)

    def place(self, *path: str | int) -> str:
        """`file:line:column: a.b.c` of a key or item; of the nearest thing above it that is written."""
        node = _written(self._root, path)[1]
        dotted = ".".join(str(part) for part in path)
        return f"{self.file}:{node.line}:{node.column}" + (f": {dotted}" if dotted else "")

    def _validate(self, problems: Problems) -> CohortSpec:
        try:
            return CohortSpec.model_validate_json(json.dumps(self._root.plain()), strict=True)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            for each in (each for each in found if not _follows(each, found)):
                path, node = _written(self._root, each["loc"])
                problems.add(node, ".".join(map(str, path)), _message(each))
            problems.raise_if_any()
            raise


def _follows(error: Any, others: Sequence[Any]) -> bool:
    """Too few items, since one of them is wrong: that one is told."""
    loc = error["loc"]
    return error["type"] == "too_short" and any(len(each["loc"]) > len(loc) and each["loc"][: len(loc)] == loc for each in others)


def _message(error: Any) -> str:
    key = str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        known = _known(error["loc"])
        return f"unknown key '{key}'.{did_you_mean(key, known)} Known: {', '.join(known)}"
    if error["type"] == "missing":
        return f"the key '{key}' is missing"
    return EXPECTED.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")


def _text(file: Path, problems: Problems) -> str:
    try:
        return read_text(file, problems)
    except FileNotFoundError:
        raise DatasetError(
            f"{file}: there is no such file", "write one as docs/folder-cohorts.md shows, or name another `root`"
        ) from None
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}", "name another `root`"
        ) from error


def _written(root: Node, location: Sequence[Any]) -> tuple[tuple[str | int, ...], Node]:
    """pydantic's location without what is not in the file (the tags of its unions), and where its last part stands."""
    path: list[str | int] = []
    node = at = root
    for part in location:
        if isinstance(node.value, dict) and part in node.value:
            at, node = node.key(part), node.value[part]
        elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            at = node = node.value[part]
        else:
            continue
        path.append(part)
    return tuple(path), at


def _known(location: Sequence[Any]) -> list[str]:
    """The keys that are allowed beside an unknown one: those of the model that the location leads to."""
    model: type[BaseModel] = CohortSpec
    choices: list[type[BaseModel]] = []
    inner = iter(location[:-1])
    for part in inner:
        if tagged := [choice for choice in choices if part in _tags(choice)]:
            (model,), choices = tagged, []
        else:
            annotation = model.model_fields[part].annotation
            choices = list(_models(annotation))
            model = choices[0]
            if get_origin(annotation) in (dict, tuple):
                next(inner, None)  # a name or a position
    return sorted(model.model_fields, key=lambda name: name not in model.__annotations__)  # its own first, then what it shares


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    """What `kind` may be in it."""
    return get_args(model.model_fields["kind"].annotation) if "kind" in model.model_fields else ()


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    """The models inside a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
