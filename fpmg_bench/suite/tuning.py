"""The section `tune`: which method a study varies, how, and what it optimises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fpmg_bench.document import did_you_mean, plural
from fpmg_bench.spec import Choice
from fpmg_bench.suite.model import Method, Tune
from fpmg_bench.suite.place import Place
from fpmg_bench.suite.variants import PathError, override

KEYS = ("method", "trials", "holdout", "objectives", "space", "seeds")
REQUIRED = ("method", "objectives", "space")
DIMENSIONS = ("float", "int", "choice")


def read_tune(place: Place, methods: Mapping[str, Any]) -> Tune | None:
    """The study's settings, or None where the section is empty. methods: what can be tuned."""
    if place.value is None:
        return None
    found = place.fields(KEYS, REQUIRED)
    if any(name not in found for name in REQUIRED):
        return None
    method = found["method"].text()
    if method and method not in methods:
        found["method"].wrong(f"unknown method '{method}'.{did_you_mean(method, methods)}")
    return Tune(
        method,
        found["trials"].whole(1, 1) if "trials" in found else 40,
        found["holdout"].number("a share between 0 and 0.9", 0.3, above=0, upto=0.9) if "holdout" in found else 0.3,
        tuple(item.text() for item in found["objectives"].items()),
        {path: _dimension(entry) for path, entry in found["space"].entries().items()},
        found["seeds"].whole(1, 1) if "seeds" in found else 1,
    )


def _dimension(place: Place) -> dict[str, Any]:
    """One searched parameter: {float: [low, high], log: true} | {int: [low, high]} | {choice: [values]}."""
    found = place.fields((*DIMENSIONS, "log"))
    kinds = [kind for kind in DIMENSIONS if kind in found]
    if len(kinds) != 1:
        place.wrong("expected one of float: [low, high], int: [low, high] and choice: [values]")
        return {}
    values = [item.value for item in found[kinds[0]].items()]
    if kinds[0] != "choice":
        _check_range(found[kinds[0]], values, kinds[0], "log" in found and found["log"].flag())
    elif not values:
        found["choice"].wrong("expected at least one value")
    return place.node.plain() if isinstance(place.value, dict) else {}


def _check_range(place: Place, values: list[Any], kind: str, log: bool) -> None:
    types = (int,) if kind == "int" else (int, float)
    numbers = all(isinstance(value, types) and not isinstance(value, bool) for value in values)
    if not numbers or len(values) != 2 or values[0] >= values[1]:
        place.wrong(f"expected [low, high] with low < high, both {'whole ' if kind == 'int' else ''}numbers")
    elif log and values[0] <= 0:
        place.wrong("a logarithmic range starts above 0")


def check_tune(place: Place, tune: Tune, methods: Mapping[str, Method], metrics: Sequence[Choice], seeds: int) -> None:
    """Searched parameters exist in the method, objectives are scores of the suite's metrics, and the suite has the seeds."""
    if tune.seeds > seeds:
        place.entries()["seeds"].wrong(f"{plural(tune.seeds, 'seed is', 'seeds are')} asked for, the suite has {seeds}")
    names = [metric.name.rpartition(":")[2] for metric in metrics]
    listed = ", ".join(names)
    for item in place.entries()["objectives"].items():
        metric = str(item.value).partition(".")[0]
        if metric not in names:
            item.wrong(
                f"objective '{item.value}' is no score of this suite's metrics.{did_you_mean(metric, names)} Metrics: {listed}"
            )
    for path, dimension in place.entries()["space"].entries().items() if tune.method in methods else ():
        try:
            override(methods[tune.method].node, path, dimension.node)
        except PathError as error:
            dimension.wrong(str(error))
