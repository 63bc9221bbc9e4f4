"""Variants of a method: one value at a dotted path replaced, and the Cartesian product of a sweep."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from fpmg_bench.document import DEEPEST, Node, did_you_mean, plural
from fpmg_bench.suite.model import METHOD_KEYS, MOST_TRIALS
from fpmg_bench.suite.place import Place


class PathError(Exception):
    """A dotted path that leads nowhere in a method."""


def override(method: Node, path: str, value: Node) -> Node:
    """The method with the value at a dotted path ("generator.lr", "privacy.epsilon") replaced. Raises PathError."""
    first, *rest = path.split(".", DEEPEST)
    if first not in METHOD_KEYS or first == "extends":
        raise PathError(f"a method has no '{first}'.{did_you_mean(first, METHOD_KEYS[1:])}")
    return _replace(method, [first, *rest], value, path)


def _replace(node: Node, steps: list[str], value: Node, path: str) -> Node:
    if not steps:
        return value
    word = node.value
    if isinstance(word, str):  # `ring` is short for `{name: ring}`, and `natural` for `{kind: natural}`
        key = "kind" if path.startswith("partition") else "name"
        node = Node({key: node}, *node.start, {key: node})
    if not isinstance(node.value, dict):
        raise PathError(f"'{path}' leads nowhere: there is nothing to set '{steps[0]}' in")
    child = node.value.get(steps[0])
    if child is None and len(steps) > 1:
        raise PathError(f"'{path}' leads nowhere: the method has no '{steps[0]}'")
    inner = _replace(child, steps[1:], value, path) if child is not None else value
    return Node({**node.value, steps[0]: inner}, *node.start, {**node.keys, steps[0]: value})


def read_sweep(place: Place, resolved: Mapping[str, Node]) -> dict[str, list[tuple[str, Node]]]:
    """method -> its variants: (label, node), the Cartesian product of the swept values."""
    variants: dict[str, list[tuple[str, Node]]] = {}
    made = 0
    for name, entry in place.entries().items():
        if name not in resolved:
            place.problems.add(place.node.key(name), entry.path, f"unknown method '{name}'.{did_you_mean(name, resolved)}")
        else:
            axes = {path: axis for path, axis in entry.entries().items() if _axis(axis)}
            made += math.prod(len(axis.items()) for axis in axes.values())
            if made > MOST_TRIALS:
                place.wrong(f"{plural(made, 'combination')} up to '{name}'; a plan has at most {MOST_TRIALS:,} trials")
                break
            if axes:
                variants[name] = list(_variants(name, resolved[name], axes, entry))
    return variants


def _axis(place: Place) -> bool:
    """Whether this is a list of distinct words, numbers or flags."""
    values = place.items()
    if place.value == []:
        place.wrong("expected at least one value")
    for item in values:
        if isinstance(item.value, (dict, list)):
            item.expected("a word, a number or a flag")
            return False
    seen: set[str] = set()
    for item in values:
        if _shown(item.value) in seen:
            item.wrong(f"{_shown(item.value)} appears twice")
            return False
        seen.add(_shown(item.value))
    return bool(values)


def _variants(name: str, node: Node, axes: Mapping[str, Place], place: Place) -> Iterator[tuple[str, Node]]:
    short = [path.rpartition(".")[2] for path in axes]
    labels = short if len(set(short)) == len(short) else list(axes)
    for values in product(*(axis.items() for axis in axes.values())):
        variant = node
        for path, value in zip(axes, values, strict=True):
            try:
                variant = override(variant, path, value.node)
            except PathError as error:
                place.problems.add(place.node.key(path), f"{place.path}.{path}", str(error))
        settings = ",".join(f"{label}={_shown(value.value)}" for label, value in zip(labels, values, strict=True))
        yield f"{name}[{settings}]", variant


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
