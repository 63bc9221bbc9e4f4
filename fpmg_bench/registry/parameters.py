"""A component's parameter schema is its constructor's signature; values from a suite are checked against it with pydantic."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import PluginError


@dataclass(frozen=True, slots=True)
class Parameter:
    """One constructor parameter. default: None where `required`."""

    name: str
    annotation: Any
    default: Any
    required: bool

    @property
    def type_name(self) -> str:
        """The annotation as one would write it."""
        if isinstance(self.annotation, type) and not typing.get_args(self.annotation):
            return self.annotation.__name__
        return str(self.annotation).replace("typing.", "").replace("collections.abc.", "")


@dataclass(frozen=True, slots=True)
class Problem:
    """A wrong parameter: its path below the component (() for the component itself) and what is wrong.

    plugin: the plug-in is missing or broken, whatever the suite says.
    """

    path: tuple[str, ...]
    message: str
    plugin: bool = False


def signature_of(cls: type) -> dict[str, Parameter]:
    """The constructor's parameters by name.

    Raises PluginError where the signature is no schema: `*args`, `**kwargs`, a missing or unresolvable annotation.
    """
    found: dict[str, Parameter] = {}
    hints = _hints(cls)
    for name, given in inspect.signature(cls).parameters.items():
        if given.kind not in (given.POSITIONAL_OR_KEYWORD, given.KEYWORD_ONLY):
            raise PluginError(f"{_place(cls)}: '{given}' is no schema", "name every parameter of the constructor")
        if name not in hints:
            raise PluginError(f"{_place(cls)}: parameter '{name}' has no type annotation")
        required = given.default is given.empty
        found[name] = Parameter(name, hints[name], None if required else given.default, required)
    return found


def check(label: str, schema: Mapping[str, Parameter], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """(values as the constructor wants them, problems). label: "generator 'parallel-cgan'", for messages."""
    problems = [
        Problem((name,), f"unknown parameter '{name}' of {label}.{did_you_mean(name, schema)}{_offered(schema)}")
        for name in given
        if name not in schema
    ]
    missing = [name for name, parameter in schema.items() if parameter.required and name not in given]
    problems += [Problem((), f"{label} needs the parameter '{name}' ({schema[name].type_name})") for name in missing]
    values: dict[str, Any] = {}
    for name in given:
        if name in schema:
            values[name], wrong = _validate(schema[name], given[name], label)
            problems += wrong
    return values, problems


def _offered(schema: Mapping[str, Parameter]) -> str:
    return f" It has {', '.join(schema)}" if schema else " It has no parameters"


def _validate(parameter: Parameter, value: Any, label: str) -> tuple[Any, list[Problem]]:
    """Strict JSON mode: "3" is no number, true is no integer, 3 is a float, a list is a tuple."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(parameter.annotation).validate_json(json.dumps(value), strict=True), []
    except ValidationError as error:
        expected = f"{label} wants {parameter.type_name} for '{parameter.name}', got {value!r}"
        problems = []
        for each in error.errors(include_url=False, include_input=False):
            path = (parameter.name, *(str(part) for part in each["loc"] if _is_key(part, value)))
            problems.append(Problem(path, f"{expected}: {each['msg']}"))
        return None, problems[:1]


def _is_key(part: str | int, value: Any) -> bool:
    """pydantic's locations also name union members, which are not in the suite."""
    return part in value if isinstance(value, Mapping) else isinstance(value, list) and isinstance(part, int)


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls.__init__, include_extras=True)  # type: ignore[misc]
    except NameError as error:
        raise PluginError(
            f"{_place(cls)}: {error}",
            "the constructor's annotations are read at run time; do not import them under TYPE_CHECKING",
        ) from error


def _place(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
