"""The sections of a suite but its methods: seeds, cohorts, partition, budget, metrics, limits and tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from fpmg_bench.partition import OPTIONS
from fpmg_bench.registry import did_you_mean
from fpmg_bench.suite.model import DatasetEntry, Limits, Tune
from fpmg_bench.suite.place import Place
from fpmg_bench.types import Budget, Choice

DATASET_KEYS = ("name", "as", "partition", "optional")
STOPS = ("consensus",)


def read_choice(place: Place, reserved: tuple[str, ...] = ("name",)) -> Choice:
    """A component: `name` or `{name: ..., parameter: value}`. reserved: keys that are no parameters."""
    if not isinstance(place.value, dict):
        return Choice(place.text())
    entries = place.entries()
    if "name" not in entries:
        place.wrong("'name' is missing: write a component as `name` or `{name: ..., parameter: value}`")
        return Choice("")
    params = {key: entry.node.plain() for key, entry in entries.items() if key not in reserved}
    return Choice(entries["name"].text(), params)


def read_seeds(place: Place) -> tuple[int, ...]:
    """Distinct whole numbers."""
    seeds: list[int] = []
    for item in place.items():
        seed = item.whole(0, -1)
        if seed in seeds:
            item.wrong(f"seed {seed} appears twice")
        elif seed >= 0:
            seeds.append(seed)
    if place.value == []:
        place.wrong("at least one seed is needed")
    return tuple(seeds)


def read_datasets(place: Place) -> tuple[DatasetEntry, ...]:
    """Entries with distinct names."""
    entries: list[DatasetEntry] = []
    for item in place.items():
        entry = _dataset(item)
        if entry.name and entry.name in [other.name for other in entries]:
            item.wrong(f"two datasets are called '{entry.name}'; name one with `as: ANOTHER`")
        entries.append(entry)
    if place.value == []:
        place.wrong("at least one dataset is needed")
    return tuple(entries)


def _dataset(place: Place) -> DatasetEntry:
    choice = read_choice(place, DATASET_KEYS)
    found = place.entries() if isinstance(place.value, dict) else {}
    return DatasetEntry(
        choice,
        found["as"].name() if "as" in found else choice.name.rpartition(":")[2],
        read_partition(found["partition"]) if "partition" in found else None,
        found["optional"].flag() if "optional" in found else False,
        place.node,
    )


def read_partition(place: Place) -> dict[str, Any]:
    """`natural`, or `{kind: dirichlet, alpha: 0.5, silos: 5}`; always with its kind."""
    if not isinstance(place.value, dict):
        kind = place.word(tuple(OPTIONS), "natural")
        found: dict[str, Place] = {}
    else:
        entries = place.entries()
        kind = entries["kind"].word(tuple(OPTIONS), "natural") if "kind" in entries else "natural"
        found = place.fields(("kind", *OPTIONS[kind]), ["kind"])
    spec: dict[str, Any] = {"kind": kind}
    for name, option in OPTIONS[kind].items():
        if name in found:
            spec[name] = found[name].whole(1, 1) if option.whole else found[name].number("a number above 0", 1.0, above=0)
        elif option.required and ("kind" in found or not found):
            place.wrong(f"partition '{kind}' needs '{name}'")
    return spec


def read_budget(place: Place) -> Budget:
    """Rounds, steps and sampling rate; what is not written keeps its default."""
    found = place.fields(("rounds", "local_steps", "sampling_rate", "encoder_rounds", "evaluate_every", "stop"))
    given: dict[str, Any] = {}
    for name, low in (("rounds", 1), ("local_steps", 1), ("encoder_rounds", 0)):
        if name in found:
            given[name] = found[name].whole(low, 1)
    if "sampling_rate" in found:
        given["sampling_rate"] = found["sampling_rate"].number("a share above 0 and up to 1", 0.1, above=0, upto=1)
    if "evaluate_every" in found and found["evaluate_every"].value is not None:
        given["evaluate_every"] = found["evaluate_every"].whole(1, 1)
    if "stop" in found and found["stop"].value is not None:
        stops = found["stop"].fields(STOPS)
        given["stop"] = {name: stop.number("a number above 0", 1.0, above=0) for name, stop in stops.items()}
    return Budget(**given)


def read_metrics(place: Place) -> tuple[Choice, ...]:
    """Metrics with distinct names."""
    metrics: list[Choice] = []
    for item in place.items():
        choice = read_choice(item)
        if choice.name and choice.name in [other.name for other in metrics]:
            item.wrong(f"metric '{choice.name}' appears twice")
        metrics.append(choice)
    if place.value == []:
        place.wrong("at least one metric is needed")
    return tuple(metrics)


def read_limits(place: Place) -> Limits:
    """The time a trial may take, and what follows a failed one."""
    found = place.fields(("trial", "on_error"))
    seconds = found["trial"].seconds(600.0) if "trial" in found else 600.0
    on_error = found["on_error"].word(("continue", "stop"), "continue") if "on_error" in found else "continue"
    return Limits(seconds, cast(Literal["continue", "stop"], on_error))


def read_tune(place: Place, methods: Mapping[str, Any]) -> Tune | None:
    """The study's settings, or None where the section is empty. methods: what can be tuned."""
    if place.value is None:
        return None
    needed = ("method", "objectives", "space")
    found = place.fields(("method", "trials", "holdout", "objectives", "space"), needed)
    if any(name not in found for name in needed):
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
    )


def _dimension(place: Place) -> dict[str, Any]:
    """One searched parameter: {float: [low, high], log: true} | {int: [low, high]} | {choice: [values]}."""
    found = place.fields(("float", "int", "choice", "log"))
    kinds = [kind for kind in ("float", "int", "choice") if kind in found]
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
