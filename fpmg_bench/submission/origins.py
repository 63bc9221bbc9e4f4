"""From a suite to its trials and from a trial to its keys, with nothing but what a bundle says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fpmg_bench.devices import CPU
from fpmg_bench.errors import SuiteError
from fpmg_bench.keys import digest
from fpmg_bench.spec import Choice, TrialSpec
from fpmg_bench.store import Planned, Versions, external_of, measure_preimage, plain, read_json, stage1_preimage, trial_preimage

PLACES = ("root", "file")  # where a cohort's files lie: another folder on every machine
HERE = ("device", "limit_seconds")  # options of a run: the device stands in the keys, the limit in no number
FORM = (KeyError, TypeError, ValueError, AttributeError)


def from_suite(folder: Path, plan: Mapping[str, Any], trials: Mapping[str, Planned]) -> Iterator[str]:
    """Trials that suite.yaml asks for and the plan lacks, has besides, or has otherwise. No plug-in is loaded for it."""
    from fpmg_bench.suite import CohortInfo, parse_suite
    from fpmg_bench.suite.expansion import trial

    try:
        suite = parse_suite((folder / "suite.yaml").read_text(encoding="utf-8"), folder / "suite.yaml")
        cohorts = {name: CohortInfo.from_json(info) for name, info in (plan.get("cohorts") or {}).items()}
    except (SuiteError, OSError, *FORM) as error:
        yield f"suite.yaml or the plan's cohorts cannot be read: {str(error).splitlines()[0]}"
        return
    left_out = {entry["id"] for kind in ("refusals", "skipped") for entry in plan.get(kind) or ()}
    wanted = {f"{d.name}/{m.name}/{s}": (d, m, s) for d in suite.datasets for m in suite.methods.values() for s in suite.seeds}
    for id in sorted(wanted.keys() - trials.keys() - left_out):
        yield f"{id}: the suite asks for it, and the plan has no such trial"
    for id in sorted(trials.keys() - wanted.keys()):
        yield f"{id}: the suite does not ask for it"
    for id in sorted(wanted.keys() & trials.keys()):
        dataset, method, seed = wanted[id]
        if dataset.name not in cohorts:
            yield f"{id}: the plan says nothing of its cohort"
            continue
        asked, planned = _alike(trial(suite, dataset, method, cohorts[dataset.name], seed)), _alike(trials[id].spec)
        if other := sorted(name for name in asked if asked[name] != planned[name]):
            yield f"{id}: {', '.join(other)}: not as the suite asks"


def _alike(spec: TrialSpec) -> dict[str, Any]:
    """A specification without what differs between machines: where files lie, and options of the run."""
    told: dict[str, Any] = plain(asdict(spec))
    for choice in (told["dataset"], told["generator"], *told["encoders"].values(), *told["metrics"]):
        if choice:
            choice["name"] = _tail(choice["name"])
            choice["params"] = {key: _tail(value) if key in PLACES else value for key, value in choice["params"].items()}
    if told["external"]:
        told["external"]["folder"] = ""
    return {key: value for key, value in told.items() if key not in HERE}


def _tail(name: Any) -> Any:
    return name.rpartition("/")[2] if isinstance(name, str) else name


def keys_of(folder: Path, trial: Planned) -> Iterator[str]:
    """Where keys of a trial are not the digests of what its specification and its key.json say they are digests of."""
    told = read_json(folder / "key.json")
    if not told:
        yield f"{trial.id}: key.json {getattr(told, 'why', 'is not there')}"
        return
    try:
        versions = _versions(trial.spec, told)
        first, second = stage1_preimage(trial.spec, versions), trial_preimage(trial.spec, versions)
        found = {"stage1": first, "trial": second, "measure": measure_preimage(trial.spec, versions, digest(second))}
        keys = {"stage1": digest(first) if first else None, "trial": digest(second), "measure": digest(found["measure"])}
    except FORM as error:
        yield f"{trial.id}: key.json has another form ({type(error).__name__}: {str(error)[:100]})"
        return
    yield from (
        f"{trial.id}: the pre-image of its {n} key is not its specification's" for n in found if plain(found[n]) != told.get(n)
    )
    stated = {"stage1": trial.stage1, "trial": trial.key, "measure": trial.measure}
    yield from (f"{trial.id}: its {n} key is not the digest of what it names" for n in keys if keys[n] != stated[n])


def setting_of(folder: Path) -> dict[str, Any]:
    """Core, libraries, processor and Python of a trial, as they stand in its keys; {} where key.json says none."""
    told = read_json(folder / "key.json") or {}
    found = (told.get("stage1") or told.get("trial") or {}).get("setting")
    return found if isinstance(found, dict) else {}


def _versions(spec: TrialSpec, told: Mapping[str, Any]) -> Versions:
    """The versions that a trial's pre-images name: with them and its specification they are made again."""
    components: dict[str, str] = {}
    contents: dict[str, str] = {}

    def note(kind: str, choice: Choice | None, said: Any) -> None:
        if choice is not None and said is not None:
            components[f"{kind}:{choice.name}"] = said["version"]
            if said.get("content"):
                contents[digest([kind, asdict(choice)])] = said["content"]

    trial, first = told["trial"], told["stage1"] or told["trial"]
    note("dataset", spec.dataset, first["dataset"])
    for name, choice in spec.encoders.items() if told["stage1"] else ():
        note("encoder", choice, first["encoders"][name])
    note("topology", spec.topology, first.get("topology"))
    note("aggregator", spec.merging.get(1), first.get("aggregator"))
    note("aggregator", spec.aggregator if spec.encoder_aggregator else None, trial.get("aggregator"))
    note("generator", spec.generator, trial.get("generator"))
    for choice in spec.metrics:
        said = (
            each for each in told["measure"]["metrics"] if each["name"] == choice.name and each["params"] == plain(choice.params)
        )
        note("metric", choice, next(said))
    if spec.external:
        contents[external_of(spec)] = trial["external"]["content"]
    setting = {key: value for key, value in first["setting"].items() if key != "device"} | {"device": CPU}
    return Versions(components, {spec.dataset_name: first["dataset"]["fingerprint"]}, setting, contents)
