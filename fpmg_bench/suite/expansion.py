"""From a suite and what is known about its cohorts to trials, refusals and skipped trials."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fpmg_bench.devices import CPU
from fpmg_bench.document import EXACT, Problems, brief, did_you_mean, plural
from fpmg_bench.errors import SuiteError
from fpmg_bench.partition import merged_sites, spreading
from fpmg_bench.spec import NOT_HERE, Choice, Privacy, TrialSpec
from fpmg_bench.suite.external import at as external_at
from fpmg_bench.suite.faults import fault_refusals, faults_of
from fpmg_bench.suite.model import MOST_TRIALS, DatasetEntry, Method, Plan, Refusal, Suite
from fpmg_bench.suite.refusals import refusals
from fpmg_bench.suite.selection import compile_selection
from fpmg_bench.types import KINDS

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.suite.cohorts import CohortInfo

TUNED_FROM = 300  # patients; smaller cohorts are never tuned and give nothing to a development set


def expand(
    suite: Suite,
    registry: Registry,
    cohorts: Mapping[str, CohortInfo],
    only: str | None = None,
    seeds: Sequence[int] | None = None,
    missing: Mapping[str, str] | None = None,
) -> Plan:
    """The trials of a suite, seed by seed, so that an interrupted run holds whole comparisons.

    cohorts: by dataset name. only: a -k expression over ids. seeds: instead of the suite's. missing: optional cohorts that
    cannot be loaded, with the reason. Raises SuiteError for keys that no cohort can use, and where `only` selects nothing.
    """
    missing = missing or {}
    check_request(suite, only, seeds)
    if all(entry.name in cohorts for entry in suite.datasets):  # a missing one could have used a key that no other can
        _refuse_unused(suite, cohorts)
    selected = compile_selection(only or "")
    trials: list[TrialSpec] = []
    refused: list[Refusal] = []
    skipped: list[Refusal] = []
    for entry, method, seed in _cells(suite, suite.seeds if seeds is None else dict.fromkeys(seeds)):
        id = f"{entry.name}/{method.name}/{seed}"
        if not selected(id):
            continue
        if entry.name not in cohorts:
            skipped.append(Refusal(id, missing.get(entry.name, NOT_HERE)))
            continue
        info = cohorts[entry.name]
        spec = trial(suite, entry, method, info, seed)
        reasons = list(refusals(spec, info, registry))
        reasons += fault_refusals(spec, silo_names(spec.partition, info) or ["everyone"], registry)
        if reasons:
            refused.append(Refusal(id, "; ".join(reasons)))
        else:
            trials.append(spec)
    if only and not (trials or refused or skipped):
        _nothing_selected(suite, only)
    return Plan(tuple(trials), tuple(refused), tuple(skipped))


def trial(suite: Suite, entry: DatasetEntry, method: Method, info: CohortInfo, seed: int) -> TrialSpec:
    """One trial's specification. A method's partition wins over its dataset's, a dataset's over the suite's."""
    partition = method.partition or entry.partition or suite.partition
    silos = silo_names(partition, info)
    external = external_at(method.external, str(suite.source.parent)) if method.external else None
    held = suite.tune.holdout if suite.tune and info.patients >= TUNED_FROM else 0.0
    return TrialSpec(
        entry.choice,
        entry.name,
        method.name,
        seed,
        partition,
        encoders_of(method, info),
        method.generator,
        method.topology,
        method.aggregator,
        replace(suite.budget, **method.budget),
        suite.metrics,
        privacy_of(method, info),
        silos_of(method, info, silos),
        method.control,
        suite.frames,
        held,
        limit_seconds=suite.limits.trial + (external.limit_seconds * max(1, len(silos)) if external else 0.0),
        audit=method.audit,
        faults=faults_of(method.faults, suite.faults, not _federated(method) or partition["kind"] == "pooled"),
        encoder_aggregator=method.encoder_aggregator,
        device=suite.limits.device if _federated(method) or (method.topology and not external) else CPU,  # others train nothing
        external=external,
    )


def _federated(method: Method) -> bool:
    """Whether a generator trains here, or encoders alone: no control, and nothing made elsewhere."""
    return method.control is None and method.external is None


def privacy_of(method: Method, info: CohortInfo) -> Privacy | None:
    """The method's privacy; where it names no delta with the largest power of ten below 1 / n^1.1, n the cohort's patients."""
    if method.privacy is None or method.privacy.delta:
        return method.privacy
    return replace(method.privacy, delta=float(f"1e{math.ceil(-1.1 * math.log10(max(info.patients, 2))) - 1}"))


def encoders_of(method: Method, info: CohortInfo) -> dict[str, Choice]:
    """modality -> encoder: "dataset/modality" wins over the modality's name, and that over its kind.

    Modalities that no record has are left out.
    """
    found: dict[str, Choice] = {}
    for modality, schema in info.schemas.items():
        keys = (f"{info.name}/{modality}", modality, schema.kind)
        choice = next((method.encoders[key] for key in keys if key in method.encoders), None)
        if choice is not None and info.present.get(modality, 0):
            found[modality] = choice
    return found


def silos_of(method: Method, info: CohortInfo, names: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """silo -> overrides, for the silos that this cohort has; "dataset/SILO" adds to and wins over a bare "SILO"."""
    found: dict[str, Mapping[str, Any]] = {}
    for qualified in (False, True):
        for key, overrides in method.silos.items():
            dataset, _, silo = key.rpartition("/")
            if bool(dataset) == qualified and dataset in ("", info.name) and silo in names:
                found[silo] = {**found.get(silo, {}), **overrides}
    return found


def silo_names(partition: Mapping[str, Any], info: CohortInfo) -> list[str]:
    """The silos that a partition of this cohort makes, by what is known before the split."""
    partition = spreading(partition)
    if partition["kind"] == "natural":
        return list(dict.fromkeys(merged_sites({silo.name: silo.patients for silo in info.silos}, partition).values()))
    return [] if partition["kind"] == "pooled" else [f"silo-{index}" for index in range(int(partition["silos"]))]


def _cells(suite: Suite, seeds: Iterable[int]) -> Iterator[tuple[DatasetEntry, Method, int]]:
    for seed in seeds:
        for entry in suite.datasets:
            for method in suite.methods.values():
                yield entry, method, seed


def _refuse_unused(suite: Suite, cohorts: Mapping[str, CohortInfo]) -> None:
    """Keys that no cohort can use: encoders of unknown modalities, overrides of unknown silos."""
    problems = Problems(str(suite.source))
    modalities = {key for info in cohorts.values() for name in info.schemas for key in (name, f"{info.name}/{name}")}
    for method in suite.methods.values():
        path = f"methods.{method.name}"
        for key in method.encoders:
            if key not in modalities and key not in KINDS:
                text = f"no cohort has a modality '{key}'.{did_you_mean(key, [*modalities, *KINDS])}"
                text += f" Modalities: {', '.join(sorted(modalities))}; kinds: {', '.join(KINDS)}"
                problems.add(method.node.at("encoders").key(key), f"{path}.encoders.{key}", text)
        silos = _overridable(suite, method, cohorts)
        for key in method.silos:
            if key not in silos:
                text = f"no cohort has a silo '{key}'.{did_you_mean(key, silos)} Silos: {', '.join(sorted(silos)) or 'none'}"
                problems.add(method.node.at("silos").key(key), f"{path}.silos.{key}", text)
    problems.raise_if_any()


def _overridable(suite: Suite, method: Method, cohorts: Mapping[str, CohortInfo]) -> set[str]:
    """ "SILO" and "dataset/SILO" of every cohort. A pooled method may inherit overrides, so it knows its cohort's own silos."""
    names: set[str] = set()
    for entry in suite.datasets:
        spread = entry.partition or suite.partition
        own = method.partition or spread
        for silo in silo_names(spread if own["kind"] == "pooled" else own, cohorts[entry.name]):
            names |= {silo, f"{entry.name}/{silo}"}
    return names


def check_request(suite: Suite, only: str | None, seeds: Sequence[int] | None) -> None:
    """Raises SuiteError for what is wrong with `only` or `seeds` themselves; no cohort is needed for that."""
    compile_selection(only or "")
    if seeds is None:
        return
    if not seeds or min(seeds) < 0 or max(seeds) > EXACT:
        raise SuiteError(brief(f"seeds {list(seeds)}: at least one whole number, none below 0 or above 2^53"), "--seeds 0,1,2")
    if much := too_many(suite, len(seeds)):
        raise SuiteError(much, "fewer --seeds")


def too_many(suite: Suite, seeds: int) -> str:
    """Why so many trials cannot be planned, "" where they can."""
    datasets, methods = len(suite.datasets), len(suite.methods)
    if seeds * datasets * methods <= MOST_TRIALS:
        return ""
    counts = f"{plural(seeds, 'seed')} x {plural(datasets, 'dataset')} x {plural(methods, 'method')}"
    return f"{counts} = {seeds * datasets * methods:,} trials; a plan has at most {MOST_TRIALS:,}"


def _nothing_selected(suite: Suite, only: str) -> None:
    first = next(_cells(suite, suite.seeds), None)
    example = f"{first[0].name}/{first[1].name}/{first[2]}" if first else "dataset/method/seed"
    raise SuiteError(f"-k '{brief(only)}' selects none of the suite's trials", f"an id looks like {example}")
