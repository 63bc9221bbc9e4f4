"""From a suite to keyed trials: cohorts are described, combinations checked, components and data put into the keys."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.devices import described, kind_of, resolved
from fpmg_bench.errors import DatasetError
from fpmg_bench.keys import digest
from fpmg_bench.runner.devices import Seats
from fpmg_bench.runner.outdated import outdated
from fpmg_bench.spec import NOT_HERE
from fpmg_bench.store import (
    Planned,
    RunDir,
    Versions,
    chosen,
    environment,
    measure_preimage,
    only_writer,
    setting,
    stage1_preimage,
    trial_preimage,
)

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.suite import CohortInfo, Refusal, Suite
    from fpmg_bench.types import Cohort


@dataclass(frozen=True)
class RunPlan:
    """All trials of a run with their keys. selected: ids that this call is to compute (all, or those that `only` chose).

    preimages: trial key -> {"stage1", "trial", "measure"}: what the keys are digests of. seats: the devices of this machine.
    """

    suite: Suite
    trials: tuple[Planned, ...]
    preimages: Mapping[str, Mapping[str, Any]]
    selected: frozenset[str]
    refusals: tuple[Refusal, ...]
    skipped: tuple[Refusal, ...]
    cohorts: Mapping[str, CohortInfo]
    components: Sequence[Mapping[str, str]]
    command: str
    stale: tuple[Planned, ...] = ()
    seats: Seats = field(default_factory=Seats)

    @property
    def notes(self) -> list[str]:
        """What names mean that several distributions offer, and which cohorts lack something of their files."""
        from fpmg_bench.cohorts.losses import told

        places = {entry.name: str(entry.choice.params.get("root") or entry.choice.name) for entry in self.suite.datasets}
        lossy = [told(name, info.dropped, places.get(name, name)) for name, info in self.cohorts.items()]
        return [*(component["note"] for component in self.components if "note" in component), *filter(None, lossy)]

    def keep(self, run: RunDir) -> RunPlan:
        """Without trials that are neither selected nor finished in this run directory; with those that have results of earlier versions."""
        trials = tuple(t for t in self.trials if t.id in self.selected or run.finished(t))
        return replace(self, trials=trials, stale=tuple(outdated(self.trials, run)))

    def save(self, run: RunDir) -> None:
        """Write what `keep` leaves as the run's only writer. Raises StoreError where another process is writing there."""
        run.check_owner(self.suite.name)
        with only_writer(run.root, wait=False):
            self.keep(run).write(run)

    def write(self, run: RunDir) -> None:
        """suite.yaml, plan.json and environment.json."""
        plan = {
            "suite": self.suite.name,
            "command": self.command,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "trials": [trial.to_json() for trial in self.trials],
            "stale": [trial.to_json() for trial in self.stale],
            "refusals": [asdict(refusal) for refusal in self.refusals],
            "skipped": [asdict(refusal) for refusal in self.skipped],
            "cohorts": {name: info.as_json() for name, info in self.cohorts.items()},
            "components": list(self.components),
        }
        run.write_plan(plan, self.suite.text, environment() | {"device": described(self.seats.devices)})


def plan(
    suite: Suite | str | Path,
    registry: Registry,
    *,
    only: str | None = None,
    seeds: Sequence[int] | None = None,
    out: Path | None = None,
    loaded: dict[str, Cohort] | None = None,
    device: str | None = None,
    jobs_per_device: int = 1,
) -> RunPlan:
    """Validate a suite, read its cohorts and key its trials. With `out` the plan is written there, and nothing runs.

    only: pytest's `-k` expression over trial ids; seeds, device: instead of the suite's; jobs_per_device: trials at a time on one;
    loaded: is given the cohorts by name, which are forgotten otherwise.
    """
    from fpmg_bench.suite import check_request, expand, load_suite, validate

    if isinstance(suite, (str, Path)):
        suite = load_suite(suite, registry)
    else:
        validate(suite, registry)
    check_request(suite, only, seeds)
    devices = resolved(device or suite.limits.device, "--device" if device else f"{suite.source}: limits.device")
    suite = suite.on(kind_of(devices[0]))
    cohorts, missing = _cohorts(suite, registry, loaded)
    wanted = expand(suite, registry, cohorts, only, seeds, missing)
    whole = expand(suite, registry, cohorts, missing=missing) if only or seeds else wanted
    specs = {spec.id: spec for spec in (*whole.trials, *wanted.trials)}
    versions, components = _versions(tuple(specs.values()), registry, {name: info.fingerprint for name, info in cohorts.items()})
    keyed = {spec.id: _keyed(spec, versions) for spec in specs.values()}
    made = RunPlan(
        suite=suite,
        trials=tuple(trial for trial, _ in keyed.values()),
        preimages={trial.key: preimages for trial, preimages in keyed.values()},
        selected=frozenset(spec.id for spec in wanted.trials),
        refusals=wanted.refusals,
        skipped=wanted.skipped,
        cohorts=cohorts,
        components=components,
        command=_command(suite, only, seeds, device),
        seats=Seats(devices, jobs_per_device),
    )
    if out is not None:
        made.save(RunDir(Path(out)))
    return made


def keyed(specs: Sequence[TrialSpec], registry: Registry, like: RunPlan) -> RunPlan:
    """Other trials on the cohorts of a plan (a tuning study's proposals), keyed as its own were; all of them selected."""
    versions, components = _versions(specs, registry, {name: info.fingerprint for name, info in like.cohorts.items()})
    pairs = [_keyed(spec, versions) for spec in specs]
    return replace(
        like,
        trials=tuple(trial for trial, _ in pairs),
        preimages={trial.key: preimages for trial, preimages in pairs},
        selected=frozenset(spec.id for spec in specs),
        refusals=(),
        skipped=(),
        components=components,
    )


def _cohorts(suite: Suite, registry: Registry, loaded: dict[str, Cohort] | None) -> tuple[dict[str, CohortInfo], dict[str, str]]:
    """Every cohort that is there, described; and why an optional one is not."""
    from fpmg_bench.suite import describe

    infos: dict[str, CohortInfo] = {}
    missing: dict[str, str] = {}
    for entry in suite.datasets:
        try:
            dataset = registry.build("dataset", entry.choice)
            if entry.optional and not getattr(dataset, "available", lambda: True)():
                access = getattr(getattr(dataset, "about", None), "access", "")
                missing[entry.name] = f"{NOT_HERE}; {access}" if access else NOT_HERE
                continue
            cohort = dataset.load()
            infos[entry.name] = describe(entry.name, dataset, cohort)
            if loaded is not None:
                loaded[entry.name] = cohort
            del cohort  # before the next one is there
        except DatasetError as error:
            if not entry.optional:
                where = f"{suite.source}:{entry.node.line}:{entry.node.column}: datasets: {entry.name}: {error.message}"
                raise DatasetError(where, error.hint or "mark it `optional: true` to go on without it") from error
            missing[entry.name] = str(error)
    return infos, missing


def _versions(
    specs: Sequence[TrialSpec], registry: Registry, fingerprints: Mapping[str, str]
) -> tuple[Versions, list[dict[str, str]]]:
    """Versions of all components in use, for the keys and for plan.json."""
    found, listed = _component_versions(specs, registry), []
    for kind, name in dict.fromkeys(pair for spec in specs for pair in chosen(spec)):
        entry = registry.find(kind, name)
        about = {"kind": kind, "name": name, "version": found[f"{kind}:{name}"], "distribution": entry.distribution}
        more = {"card": registry.card(kind, name) if kind == "metric" else "", "note": registry.note(kind, name)}
        listed.append(about | {word: text for word, text in more.items() if text})
    return Versions(found, fingerprints, setting(), _contents(specs, registry)), listed


def _component_versions(specs: Sequence[TrialSpec], registry: Registry) -> dict[str, str]:
    """ "kind:name" -> version; nothing is imported."""
    pairs = dict.fromkeys(pair for spec in specs for pair in chosen(spec))
    return {f"{kind}:{name}": registry.version(registry.find(kind, name)) for kind, name in pairs}


def _contents(specs: Sequence[TrialSpec], registry: Registry) -> dict[str, str]:
    """The fingerprints of what encoders, generators and metrics read outside themselves, such as a file of weights."""
    choices = [("encoder", choice) for spec in specs for choice in spec.encoders.values()]
    choices += [("generator", spec.generator) for spec in specs if spec.generator]
    choices += [("metric", choice) for spec in specs for choice in spec.metrics]
    distinct = {digest([kind, asdict(choice)]): (kind, choice) for kind, choice in choices}
    return {
        key: registry.build(kind, choice).fingerprint()
        for key, (kind, choice) in distinct.items()
        if hasattr(registry.load(kind, choice.name), "fingerprint")
    }


def _keyed(spec: TrialSpec, versions: Versions) -> tuple[Planned, dict[str, Any]]:
    first, second = stage1_preimage(spec, versions), trial_preimage(spec, versions)
    key = digest(second)
    third = measure_preimage(spec, versions, key)
    trial = Planned(spec.id, key, digest(first) if first else None, digest(third), spec)
    return trial, {"stage1": first, "trial": second, "measure": third}


def recomputed(specs: Sequence[TrialSpec], registry: Registry) -> dict[str, dict[str, Any]]:
    """Trial id -> the pre-images that this machine's plug-ins, libraries and data give; they must be the plan's for equal numbers."""
    choices = {spec.dataset_name: spec.dataset for spec in specs}
    prints = {name: registry.build("dataset", choice).fingerprint() for name, choice in choices.items()}
    versions = Versions(_component_versions(specs, registry), prints, setting(), _contents(specs, registry))
    return {spec.id: _keyed(spec, versions)[1] for spec in specs}


def _command(suite: Suite, only: str | None, seeds: Sequence[int] | None, device: str | None) -> str:
    """The command line that repeats this run anywhere, given the run's suite.yaml where the suite does not ship."""
    from fpmg_bench.suite import name_elsewhere

    words = ["fpmg-bench", "run", name_elsewhere(suite)]
    if only:
        words += ["-k", only]
    if seeds:
        words += ["--seeds", ",".join(map(str, seeds))]
    if device:
        words += ["--device", device]
    return shlex.join(words)
