"""Reading a suite from a file or by the name of a packaged one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.document import Problems, brief, did_you_mean, node_of, read_document, read_text
from fpmg_bench.errors import SuiteError
from fpmg_bench.spec import Budget
from fpmg_bench.suite.check import check_components
from fpmg_bench.suite.expansion import too_many
from fpmg_bench.suite.faults import read_faults
from fpmg_bench.suite.methods import read_methods, vary
from fpmg_bench.suite.model import Limits, Suite
from fpmg_bench.suite.place import Place
from fpmg_bench.suite.sections import (
    read_budget,
    read_datasets,
    read_limits,
    read_metrics,
    read_partition,
    read_seeds,
)
from fpmg_bench.suite.tuning import check_tune, read_tune

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry

KEYS = (
    "version", "name", "seeds", "datasets", "partition", "budget", "methods", "metrics", "sweep", "limits", "tune", "frames",
    "faults",
)  # fmt: skip
REQUIRED = ("version", "seeds", "datasets", "methods", "metrics")


def load_suite(path_or_name: str | Path, registry: Registry | None = None) -> Suite:
    """A suite from a file, or a packaged one by its bare name ("smoke").

    registry: where given, components and their parameters are checked in the same pass. Raises one SuiteError with every
    problem, a line each: `file:line:column: path: message`.
    """
    path = find_suite(path_or_name)
    try:
        text = read_text(path, Problems(str(path_or_name)))
    except OSError as error:
        raise SuiteError(f"{path_or_name}: {error.strerror}", "name a file that can be read") from error
    return parse_suite(text, path, registry)


def packaged_suites() -> list[str]:
    """Names of the suites that ship with the program."""
    folder = files("fpmg_bench") / "suites"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def find_suite(path_or_name: str | Path) -> Path:
    """The suite's file. Raises SuiteError where there is none."""
    path = Path(path_or_name)
    try:
        if path.is_file():
            return path
    except OSError as error:  # a name of thousands of characters
        raise SuiteError(f"{brief(str(path))}: {error.strerror}", f"packaged suites: {', '.join(packaged_suites())}") from error
    bare = str(path_or_name)
    shipped = packaged_suites()
    if bare in shipped:
        return Path(str(files("fpmg_bench") / "suites" / f"{bare}.yaml"))
    if path.suffix or "/" in bare:
        raise SuiteError(f"{bare}: no such file", f"packaged suites: {', '.join(shipped)}")
    raise SuiteError(f"no packaged suite '{bare}'.{did_you_mean(bare, shipped)}", f"one of {', '.join(shipped)}, or a file")


def name_elsewhere(suite: Suite) -> str:
    """What to give the program on another machine: the packaged name of a suite that ships, word for word; else the run's suite.yaml."""
    shipped = files("fpmg_bench") / "suites" / f"{suite.source.stem}.yaml"
    return suite.source.stem if shipped.is_file() and shipped.read_text(encoding="utf-8") == suite.text else "suite.yaml"


def parse_suite(text: str, source: Path = Path("suite.yaml"), registry: Registry | None = None) -> Suite:
    """A suite from its text. source: for messages, and for the name where the suite has none."""
    problems = Problems(str(source))
    root = read_document(text, problems)
    if root.value is None:
        problems.stop(root, "the suite is empty")
    suite = _read(Place(root, "", problems), text, source)
    if much := too_many(suite, len(suite.seeds)):
        problems.add(root.key("seeds"), "seeds", much)
        problems.raise_if_any()
    if registry is not None:
        check_components(suite, registry, problems)
    problems.raise_if_any()
    return suite


def validate(suite: Suite, registry: Registry) -> None:
    """Check every component's name and parameters. Raises one SuiteError with every problem."""
    problems = Problems(str(suite.source))
    check_components(suite, registry, problems)
    problems.raise_if_any()


def with_values(suite: Suite, method: str, values: Mapping[str, Any], registry: Registry) -> Suite:
    """The suite with that one method, its parameters at dotted paths ("generator.lr") set, as a tuning study proposes them.

    Raises SuiteError for a path that leads nowhere or a value that its parameter does not take.
    """
    problems = Problems(str(suite.source))
    place = Place(suite.node.at("tune", "space"), "tune.space", problems)
    varied = vary(suite.methods[method], values, place)
    narrowed = replace(suite, methods={method: varied})
    check_components(narrowed, registry, problems)
    problems.raise_if_any()
    return narrowed


def _read(place: Place, text: str, source: Path) -> Suite:
    found = place.fields(KEYS, REQUIRED)
    _check_version(found.get("version"))
    sweep = found.get("sweep")
    methods = read_methods(found["methods"], sweep) if "methods" in found else {}
    default = Place(node_of("natural", place.node), "partition", place.problems)
    metrics = read_metrics(found["metrics"]) if "metrics" in found else ()
    seeds = read_seeds(found["seeds"]) if "seeds" in found else ()
    tune = read_tune(found["tune"], methods) if "tune" in found else None
    if tune is not None:
        check_tune(found["tune"], tune, methods, metrics, len(seeds))
    return Suite(
        version=1,
        name=found["name"].name() if "name" in found else source.stem,
        seeds=seeds,
        datasets=read_datasets(found["datasets"], source.parent) if "datasets" in found else (),
        methods=methods,
        metrics=metrics,
        partition=read_partition(found.get("partition", default)),
        budget=Budget(**read_budget(found["budget"])) if "budget" in found else Budget(),
        sweep=_plain_sweep(sweep),
        limits=read_limits(found["limits"]) if "limits" in found else Limits(),
        tune=tune,
        frames=found["frames"].flag() if "frames" in found else False,
        faults=read_faults(found["faults"]) if "faults" in found else (),
        source=source,
        text=text,
        node=place.node,
    )


def _plain_sweep(place: Place | None) -> dict[str, Any]:
    plain = place.node.plain() if place else {}
    return plain if isinstance(plain, dict) else {}


def _check_version(place: Place | None) -> None:
    if place is not None and (type(place.value) is not int or place.value != 1):  # true and 1.0 are equal to 1
        place.expected("version 1, the only one there is")
