"""The sections of a suite but its methods and tuning: seeds, cohorts, partition, budget, metrics and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

from fpmg_bench.devices import CPU, WORDS, is_device
from fpmg_bench.partition import OPTIONS, SPREADING, Option
from fpmg_bench.registry.local import beginning_in
from fpmg_bench.spec import Choice
from fpmg_bench.suite.model import DatasetEntry, Limits
from fpmg_bench.suite.place import Place

DATASET_KEYS = ("name", "as", "partition", "optional")
PLACES = ("root", "file")  # parameters of datasets that name a folder or file; a file lies below a root
MOST_SILOS = 10_000
STOPS = ("consensus", "loss", "score")
ADJUSTS = ("after", "times", "margin", "share")
CHECKS = ("patience", "every", "share", "clip")  # of patients held in: of loss and score
PACE = ("rounds", "local_steps", "sampling_rate")  # each stage's own
BUDGET_KEYS = (*PACE, "encoder", "encoder_rounds", "evaluate_every", "stop", "adjust")
LIMIT_KEYS = ("trial", "on_error", "memory", "device")
ON_ERROR = ("continue", "stop")


def read_choice(place: Place, reserved: tuple[str, ...] = ("name",)) -> Choice:
    """A component: `name` or `{name: ..., parameter: value}`. reserved: keys that are no parameters."""
    if not isinstance(place.value, dict):
        return Choice(_named(place))
    entries = place.entries()
    if "name" not in entries:
        place.wrong("'name' is missing: write a component as `name` or `{name: ..., parameter: value}`")
        return Choice("")
    params = {key: entry.node.plain() for key, entry in entries.items() if key not in reserved}
    return Choice(_named(entries["name"]), params)


def _named(place: Place) -> str:
    """A component's name; a file of one's own begins at the suite's."""
    return beginning_in(Path(place.problems.source).parent, place.text())


def read_seeds(place: Place) -> tuple[int, ...]:
    """Distinct whole numbers."""
    seeds: dict[int, None] = {}
    for item in place.items():
        seed = item.whole(0, -1)
        if seed in seeds:
            item.wrong(f"seed {seed} appears twice")
        elif seed >= 0:
            seeds[seed] = None
    if place.value == []:
        place.wrong("at least one seed is needed")
    return tuple(seeds)


def read_datasets(place: Place, folder: Path) -> tuple[DatasetEntry, ...]:
    """Entries with distinct names. folder: of the suite's file, where relative names of folders and files begin."""
    entries: list[DatasetEntry] = []
    names: set[str] = set()
    for item in place.items():
        entry = _dataset(item, folder)
        if entry.name in names:
            item.wrong(f"two datasets are called '{entry.name}'; name one with `as: ANOTHER`")
        names |= {entry.name} - {""}
        entries.append(entry)
    if place.value == []:
        place.wrong("at least one dataset is needed")
    return tuple(entries)


def _dataset(place: Place, folder: Path) -> DatasetEntry:
    choice = _from(folder, read_choice(place, DATASET_KEYS))
    found = place.entries() if isinstance(place.value, dict) else {}
    return DatasetEntry(
        choice,
        found["as"].name() if "as" in found else choice.name.rpartition(":")[2],
        read_partition(found["partition"]) if "partition" in found else None,
        found["optional"].flag() if "optional" in found else False,
        place.node,
    )


def _from(folder: Path, choice: Choice) -> Choice:
    """The choice with its `root`, or without one its `file`, beginning in that folder where it is relative."""
    key = next((key for key in PLACES if isinstance(choice.params.get(key), str) and choice.params[key]), None)
    if key is None or choice.params[key].startswith("~"):
        return choice
    return Choice(choice.name, {**choice.params, key: str(folder / choice.params[key])})


def read_partition(place: Place, kinds: tuple[str, ...] = tuple(OPTIONS)) -> dict[str, Any]:
    """`natural`, or `{kind: dirichlet, alpha: 0.5, silos: 5}`; always with its kind, one of `kinds`."""
    if not isinstance(place.value, dict):
        kind = place.word(kinds, "natural")
        found: dict[str, Place] = {}
    else:
        entries = place.entries()
        kind = entries["kind"].word(kinds, "natural") if "kind" in entries else "natural"
        found = place.fields(("kind", *OPTIONS[kind]), ["kind"])
    spec: dict[str, Any] = {"kind": kind}
    for name, option in OPTIONS[kind].items():
        if name in found:
            spec[name] = _option(found[name], kind, option)
        elif option.required and ("kind" in found or not found):
            place.wrong(f"partition '{kind}' needs '{name}'")
    return spec


def _option(place: Place, kind: str, option: Option) -> Any:
    match option.type:
        case "whole":
            return place.whole(1, 1, MOST_SILOS)
        case "number":
            return place.number("a number above 0", 1.0, above=0)
        case "share":
            return place.number("a share from 0 to 1", 0.0, above=-1e-300, upto=1)
        case "name":
            return place.text()
    return read_partition(place, SPREADING if kind == "modality" else (*SPREADING, "modality"))


def read_budget(place: Place) -> dict[str, Any]:
    """Rounds, steps and sampling rate, those that are written; `encoder`: stage 1's, `encoder_rounds` short for its rounds."""
    found = place.fields(BUDGET_KEYS)
    given = _pace(found)
    if "encoder" in found:
        own = found["encoder"].fields(PACE)
        given |= {f"encoder_{name}": value for name, value in _pace(own).items()}
        if "rounds" in own and "encoder_rounds" in found:
            found["encoder_rounds"].wrong("'encoder.rounds' says the same; write one of them")
    if "encoder_rounds" in found:
        given["encoder_rounds"] = found["encoder_rounds"].whole(0, 1)
    if "evaluate_every" in found and found["evaluate_every"].value is not None:
        given["evaluate_every"] = found["evaluate_every"].whole(1, 1)
    if "stop" in found and found["stop"].value is not None:
        given["stop"] = _stop(found["stop"])
    if "adjust" in found and found["adjust"].value is not None:
        given["adjust"] = _adjust(found["adjust"])
    return given


def _adjust(place: Place) -> dict[str, float]:
    """As `spec.Adjust` takes it."""
    found = place.fields(ADJUSTS)
    bounds: dict[str, tuple[str, float, dict[str, float]]] = {
        "after": ("a share of the rounds, above 0 and below 1", 0.5, {"above": 0, "upto": 1 - 1e-9}),
        "times": ("how much more often, above 1 and up to 10", 3.0, {"above": 1, "upto": 10}),
        "margin": ("a difference of recalls, from 0, below 1", 0.05, {"above": -1e-300, "upto": 1 - 1e-9}),
        "share": ("a share of training patients, above 0 and up to 0.5", 0.2, {"above": 0, "upto": 0.5}),
    }
    return {name: found[name].number(text, usual, **limits) for name, (text, usual, limits) in bounds.items() if name in found}


def _stop(place: Place) -> dict[str, Any]:
    """`consensus`, or `loss` or `score` with what says how often patients held in are asked, and how many; as `spec.Stop` takes it."""
    found = place.fields((*STOPS, *CHECKS))
    by = [name for name in STOPS if name in found]
    if len(by) != 1:
        place.wrong(f"write one of {', '.join(STOPS)}" + (f", not {' and '.join(by)}" if by else ""))
        return {"consensus": 1.0}
    if by == ["consensus"]:
        for name in CHECKS:
            if name in found:
                found[name].wrong(f"'consensus' looks at weights after every round; '{name}' is of loss and score")
        return {"consensus": found["consensus"].number("a number above 0", 1.0, above=0)}
    better = "by which share of the best so far another check is better: from 0, below 1"
    given: dict[str, Any] = {by[0]: found[by[0]].number(better, 0.01, above=-1e-300, upto=1 - 1e-12)}
    given |= {name: found[name].whole(1, 1) for name in ("patience", "every") if name in found}
    if "share" in found:
        given["share"] = found["share"].number("a share of training patients, above 0 and up to 0.5", 0.1, above=0, upto=0.5)
    if "clip" in found:
        given["clip"] = found["clip"].number("a number above 0, the most that one patient adds", 1.0, above=0)
    return given


def _pace(found: dict[str, Place]) -> dict[str, Any]:
    given: dict[str, Any] = {
        name: found[name].whole(low, 1) for name, low in (("rounds", 0), ("local_steps", 1)) if name in found
    }
    if "sampling_rate" in found:
        given["sampling_rate"] = found["sampling_rate"].number("a share above 0 and up to 1", 0.1, above=0, upto=1)
    return given


def read_silo(place: Place) -> dict[str, Any]:
    """Overrides of one silo: steps and rate, `encoder: {...}` for stage 1 alone, epsilon, and the learners' own parameters."""
    entries = place.entries()
    overrides = _pace({key: entry for key, entry in entries.items() if key in PACE[1:]})
    for key, entry in entries.items():
        if key == "encoder":
            overrides[key] = _pace(entry.fields(PACE[1:]))
        elif key == "epsilon":
            overrides[key] = entry.number("a number above 0, the silo's own budget", 1.0, above=0)
        elif key not in PACE[1:]:
            overrides[key] = entry.node.plain()
    return overrides


def read_metrics(place: Place) -> tuple[Choice, ...]:
    """Metrics with distinct names."""
    metrics: list[Choice] = []
    names: set[str] = set()
    for item in place.items():
        choice = read_choice(item)
        if choice.name in names:
            item.wrong(f"metric '{choice.name}' appears twice")
        names |= {choice.name} - {""}
        metrics.append(choice)
    if place.value == []:
        place.wrong("at least one metric is needed")
    return tuple(metrics)


def read_limits(place: Place) -> Limits:
    """The time and memory that a trial may take, what follows a failed one, and where trials compute."""
    found = place.fields(LIMIT_KEYS)
    seconds = found["trial"].seconds(600.0) if "trial" in found else 600.0
    on_error = found["on_error"].word(ON_ERROR, "continue") if "on_error" in found else "continue"
    memory = found["memory"].size(None) if "memory" in found else None
    device = found["device"].text() if "device" in found else CPU
    if device and not is_device(device):
        found["device"].wrong(f"unknown device '{device}': one of {WORDS}")
    return Limits(seconds, cast(Literal["continue", "stop"], on_error), memory, device)
