"""Joins run directories of one suite that were made apart, by seeds or by a choice of trials."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fpmg_bench.errors import StoreError
from fpmg_bench.runner.outcome import write_results
from fpmg_bench.runner.outdated import differences
from fpmg_bench.store import Planned, RunDir, Stage1, load_stage1, only_writer, read_json
from fpmg_bench.store.atomic import whole_folder

# What two runs of a trial must agree on. Not: when, where and how long it ran.
SAME = (
    "status", "split", "silos", "classes", "bytes", "plumbing", "privacy", "audit", "equal", "graph", "skew", "dropped", "leaks",
)  # fmt: skip
SETTING = ("core", "libraries", "cpu", "threads")  # keys hold the kind of device
LISTS = ("refusals", "skipped", "components")
SHOWN = 4  # differences
AND = " && "


@dataclass(slots=True)
class Merged:
    """What came together. trials: finished ones; twice: found in several runs, equal; damaged: what was left behind, and why."""

    run: Path
    trials: int = 0
    twice: int = 0
    damaged: list[str] = field(default_factory=list)


def merge(runs: Sequence[Path], out: Path) -> Merged:
    """Copy the trials of these runs into `out`, which may hold some already, and write the results anew.

    A trial that one run has finished and another has not, or damaged, is taken from the first. Raises StoreError where the runs are
    not of one suite, one setting and one set of versions, or have different results of the same trial.
    """
    target = RunDir(out)
    sources = [RunDir(path) for path in runs if path.resolve() != out.resolve()]
    for source in sources:
        target.check_owner(str(source.plan()["suite"]))
    with only_writer(target.root, wait=False):
        target.sweep()
        places = [*([target] if (target.root / "plan.json").is_file() else []), *sources]
        for place in places[1:]:
            _alike(places[0], place)
        merged = Merged(out)
        planned: dict[str, Planned] = {}
        holders: dict[str, list[RunDir]] = {}
        for place in places:
            for trial in place.trials():
                planned.setdefault(trial.id, trial)
                merged.damaged += [f"{place.root}: {trial.id}: {damage}" for damage in place.damage(trial)]
                holders.setdefault(trial.id, []).append(place)
        for id, trial in planned.items():
            _take(trial, holders[id], target, merged)
        _write_plan(places, target, list(planned.values()))
        write_results(target)
    return merged


def _alike(first: RunDir, other: RunDir) -> None:
    """Of one suite, and of programs that give the same numbers."""
    pair = [run.plan() for run in (first, other)]
    if pair[0]["suite"] != pair[1]["suite"]:
        named = [f"{run.root} is of suite {plan['suite']!r}" for run, plan in zip((first, other), pair, strict=True)]
        raise StoreError(", ".join(named), "merge runs of one suite")
    here, there = (_versions(run, plan) for run, plan in zip((first, other), pair, strict=True))
    both = here.keys() & there.keys()
    found = list(differences({name: here[name] for name in both}, {name: there[name] for name in both}))
    _refuse(found, first, other, "made with different versions", "compute both with the same versions and data")
    keys = [{trial.id: (trial.key, trial.measure) for trial in run.trials()} for run in (first, other)]
    unlike = [id for id, key in keys[1].items() if keys[0].get(id, key) != key]
    if unlike:
        texts = differences(_preimages(first, unlike[0]), _preimages(other, unlike[0]))
        what = [f"{unlike[0]}: {text}" for text in texts] or unlike[:1]
        _refuse(what, first, other, "different keys", "compute both with the same suite, versions and data")


def _refuse(found: Sequence[str], first: RunDir, other: RunDir, what: str, way_out: str) -> None:
    if found:
        more = f", {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise StoreError(f"{first.root} and {other.root}: {what}: {'; '.join(found[:SHOWN])}{more}", way_out)


def _versions(run: RunDir, plan: Mapping[str, Any]) -> dict[str, Any]:
    """All but the specifications that can change a number, by name."""
    environment = read_json(run.root / "environment.json") or {}
    found: dict[str, Any] = {name: environment[name] for name in SETTING if name in environment}
    found |= {f"{each['kind']} '{each['name']}'": each.get("version") for each in plan.get("components", ())}
    return found | {f"cohort '{name}'": info.get("fingerprint") for name, info in plan.get("cohorts", {}).items()}


def _preimages(run: RunDir, id: str) -> dict[str, Any]:
    """What the keys of a trial are digests of; empty where it has not begun."""
    key = next(trial.key for trial in run.trials() if trial.id == id)
    found = read_json(run.trial(key) / "key.json")
    return {name: (found or {}).get(name) for name in ("trial", "measure")}


def _take(trial: Planned, places: Sequence[RunDir], target: RunDir, merged: Merged) -> None:
    """The trial of the first run that has finished it, else of the first in which it ended; all that finished it must agree."""
    done = [place for place in places if place.finished(trial)]
    for other in done[1:]:
        found = list(differences(_compared(done[0], trial), _compared(other, trial)))
        _refuse(
            found, done[0], other, f"{trial.id} has different results", "find out which is right, and merge without the other"
        )
    merged.trials += bool(done)
    merged.twice += len(done) > 1
    for place in done or [place for place in places if place.record(trial).result is not None]:
        if place.root.resolve() != target.root.resolve():
            _copy(trial, place, target)
        return


def _compared(run: RunDir, trial: Planned) -> dict[str, Any]:
    """Scores by their names, counts, bytes, the ledger, sizes of releases; no times."""
    result = run.result(trial.key) or {}
    named = {
        " ".join(str(score.get(part)) for part in ("metric", "key", "scope", "modality", "round")): score
        for score in result.get("scores", ())
        if not str(score.get("metric")).startswith("cost")
    }
    sizes = {name: size for name, size in (result.get("files") or {}).items() if name.startswith("synthetic/")}
    same = {name: result.get(name) for name in SAME}
    return same | {"scores": named, "files": sizes, "ledger": read_json(run.trial(trial.key) / "ledger.json") or {}}


def _copy(trial: Planned, source: RunDir, target: RunDir) -> None:
    """The trial's folder and its stage 1, each whole or not at all."""
    pairs = [(source.trial(trial.key), target.trial(trial.key))]
    if trial.stage1 and _shared(source, trial.stage1) and not _shared(target, trial.stage1):
        pairs.append((source.stage1(trial.stage1), target.stage1(trial.stage1)))
    for here, there in pairs:
        shutil.rmtree(there, ignore_errors=True)
        with whole_folder(there) as beside:
            shutil.copytree(here, beside, symlinks=True, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)


def _shared(run: RunDir, stage1: str) -> bool:
    return isinstance(load_stage1(run.stage1(stage1)), Stage1)


def _write_plan(places: Sequence[RunDir], target: RunDir, trials: Sequence[Planned]) -> None:
    """What any of the plans says, once; suite, environment and time of the first."""
    plans = [place.plan() for place in places]
    joined: dict[str, Any] = {**plans[0], "trials": [trial.to_json() for trial in trials], "stale": []}
    here = {trial.id for trial in trials}
    for name in LISTS:
        entries = [entry for plan in plans for entry in plan.get(name, ()) if entry.get("id") not in here]
        joined[name] = list({json.dumps(entry, sort_keys=True): entry for entry in entries}.values())
    joined["cohorts"] = {name: info for plan in reversed(plans) for name, info in plan.get("cohorts", {}).items()}
    joined["command"] = AND.join(
        dict.fromkeys(word for plan in plans for word in str(plan.get("command", "")).split(AND) if word)
    )
    first = places[0].root
    target.write_plan(joined, (first / "suite.yaml").read_text(encoding="utf-8"), read_json(first / "environment.json") or {})
