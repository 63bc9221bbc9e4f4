"""Names and parameters of every component in a suite, checked against the registry and reported where they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from fpmg_bench.document import Node, Problems, did_you_mean
from fpmg_bench.errors import PluginError
from fpmg_bench.registry import Problem
from fpmg_bench.registry.parameters import check as check_parameters
from fpmg_bench.spec import Choice
from fpmg_bench.suite.external import check_external
from fpmg_bench.suite.model import COMPONENTS, OPTIONAL, Method, Suite

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.registry.catalogue import SchemaOf

SILO_KEYS = ("local_steps", "sampling_rate", "epsilon", "encoder")


def check_components(suite: Suite, registry: Registry, problems: Problems) -> None:
    """Record every unknown component and every wrong parameter; where nothing is wrong, every component that cannot be imported.

    Imports take seconds and most of a gigabyte, so that they come last: a slip is answered at once.
    """
    schema = cache(registry.parameters)
    named = [each for each in _choices(suite) if each[1].name]
    for kind, choice, node, path in named:
        report(problems, registry.problems(kind, choice, schema), node, path)
    for method in suite.methods.values():
        _check_control(method, problems)
        check_external(method, str(suite.source.parent), problems)
        _check_silos(method, schema, problems)
    if problems:
        return
    broken = cache(partial(_broken, registry))
    for kind, choice, node, path in named:
        report(problems, broken(kind, choice.name), node, path)


def _broken(registry: Registry, kind: str, name: str) -> list[Problem]:
    try:
        registry.load(kind, name)
    except PluginError as error:
        return [Problem((), str(error), plugin=True)]
    return []


def report(problems: Problems, found: list[Problem], node: Node, path: str) -> None:
    """Place a component's problems at the parameter they are about, or at its name."""
    for problem in found:
        at = node.at(*problem.path) if problem.path else node.at("name")
        if problem.path and isinstance(node.value, dict) and problem.message.startswith("unknown parameter"):
            at = node.key(problem.path[0])
        problems.add(at, ".".join((path, *problem.path)), problem.message, plugin=problem.plugin)


def _choices(suite: Suite) -> Iterator[tuple[str, Choice, Node, str]]:
    """(kind, choice, node, path) of every component."""
    for index, entry in enumerate(suite.datasets):
        yield "dataset", entry.choice, entry.node, f"datasets.{index}"
    for index, metric in enumerate(suite.metrics):
        yield "metric", metric, suite.node.at("metrics", index), f"metrics.{index}"
    for method in suite.methods.values():
        for key, choice in method.encoders.items():
            yield "encoder", choice, method.node.at("encoders", key), f"{_path(method)}.encoders.{key}"
        for key in (*COMPONENTS, *OPTIONAL):
            chosen: Choice | None = getattr(method, key)
            if chosen is not None:
                yield key.removeprefix("encoder_"), chosen, method.node.at(key), f"{_path(method)}.{key}"


def _path(method: Method) -> str:
    """A swept method is written under its name before the bracket."""
    return f"methods.{method.name.partition('[')[0]}"


def _check_control(method: Method, problems: Problems) -> None:
    if method.control is None or not method.control.name:
        return
    from fpmg_bench.controls import CONTROLS

    name = method.control.name
    if name not in CONTROLS:
        text = f"unknown control '{name}'.{did_you_mean(name, CONTROLS)} Known: {', '.join(CONTROLS)}"
        problems.add(method.node.at("control"), f"{_path(method)}.control", text)


def _check_silos(method: Method, parameters: SchemaOf, problems: Problems) -> None:
    """A silo's overrides are local_steps, sampling_rate, `encoder` (both for stage 1 alone), epsilon, or parameters of the method's generator and encoders."""
    if not method.silos:
        return
    schema = _learners_parameters(method, parameters)
    for silo, overrides in method.silos.items():
        node = method.node.at("silos", silo)
        path = f"{_path(method)}.silos.{silo}"
        if "epsilon" in overrides and method.privacy is None:
            problems.add(
                node.key("epsilon"), f"{path}.epsilon", "a silo's budget needs `privacy: {epsilon, delta}` in the method"
            )
        own = {name: value for name, value in overrides.items() if name not in SILO_KEYS}
        known = [*SILO_KEYS, *schema]
        for name in [name for name in own if name not in schema]:
            text = f"unknown override '{name}'.{did_you_mean(name, known)} Known: {', '.join(known)}"
            problems.add(node.key(name), f"{path}.{name}", text)
            del own[name]
        given = {name: schema[name] for name in own}
        report(problems, check_parameters("the silo's learner", given, own)[1], node, path)


def _learners_parameters(method: Method, parameters: SchemaOf) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    learners = [("encoder", choice) for choice in method.encoders.values()]
    for kind, choice in [*learners, *([("generator", method.generator)] if method.generator else [])]:
        try:
            found.update(parameters(kind, choice.name))
        except PluginError:
            continue  # reported where the component is named
    return found
