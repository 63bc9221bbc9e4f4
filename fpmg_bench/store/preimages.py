"""The three keys: what they are digests of. A pre-image is stored next to the result it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fpmg_bench.devices import CPU
from fpmg_bench.keys import digest
from fpmg_bench.spec import Choice, External, TrialSpec

OF_STAGE1 = ("encoder_local_steps", "encoder_sampling_rate")  # of the budget: in stage 1's pre-image, with their defaults


@dataclass(frozen=True, slots=True)
class Versions:
    """All but the specification that can change a number.

    components: "kind:name" -> version; fingerprints: dataset entry's name -> content; setting: core hash, libraries, CPU type,
    threads, device. contents: digest of a component's kind and choice -> the files that its parameters name, where it has any.
    """

    components: Mapping[str, str]
    fingerprints: Mapping[str, str]
    setting: Mapping[str, Any]
    contents: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: str, choice: Choice | None) -> dict[str, Any] | None:
        """A chosen component as it enters a key: name, parameters, version, and the content of files that the parameters name."""
        if choice is None:
            return None
        found = {"name": choice.name, "params": choice.params, "version": self.components[f"{kind}:{choice.name}"]}
        content = self.contents.get(digest([kind, asdict(choice)]), "")
        return found | ({"content": content} if content else {})


def stage1_preimage(spec: TrialSpec, versions: Versions) -> dict[str, Any] | None:
    """What stage 1 depends on; None for a bare control, which has none.

    Under privacy the noise is calibrated to both stages, so the generator and its budget belong to it.
    """
    if not spec.trains:
        return None
    found = _patients(spec, versions) | {
        "encoders": {name: versions.of("encoder", choice) for name, choice in spec.encoders.items()},
        "topology": versions.of("topology", spec.topology),
        "aggregator": versions.of("aggregator", spec.merging.get(1)),
        "budget": spec.budget.stage1,
        "silos": {name: _of_stage1(overrides) for name, overrides in spec.silos.items()},
        "privacy": asdict(spec.privacy) if spec.privacy else None,
    }
    if spec.privacy:
        rest = {"generator": versions.of("generator", spec.generator), "rounds": spec.budget.rounds}
        found["calibrated_with"] = rest | _own_paces(spec) | _checks(spec)
    return found | _faults(spec, 1, "both")


def trial_preimage(spec: TrialSpec, versions: Versions) -> dict[str, Any]:
    """Stage 1 and the generator, or the control, or both. No names of suites, entries or methods; no limits."""
    if spec.external:
        return _patients(spec, versions) | {"external": _external(spec, spec.external, versions), "stage": "external"}
    control = {"control": asdict(spec.control)} if spec.control else {}
    if not spec.trains:
        return _patients(spec, versions) | control | {"stage": "control"}
    generator = versions.of("generator", spec.generator)
    trained = control | {
        "stage": "stage2",
        "stage1": stage1_preimage(spec, versions),
        "generator": generator,
        "budget": _budget(spec),
    }
    if spec.encoder_aggregator:
        trained["aggregator"] = versions.of("aggregator", spec.aggregator)
    return trained | _own_silos(spec) | _faults(spec, 1, 2, "both")


def _external(spec: TrialSpec, external: External, versions: Versions) -> dict[str, Any]:
    """The command and what its files hold; of a release only that: neither where it lies nor how long a command may take."""
    known = {"content": versions.contents[external_of(spec)]}
    if external.release:
        return known
    told = asdict(external)
    return known | {name: told[name] for name in ("command", "env", "peer", "files")}


def external_of(spec: TrialSpec) -> str:
    """How `Versions.contents` calls what a trial takes from elsewhere."""
    return digest(["external", asdict(spec.external) if spec.external else None, spec.dataset_name, spec.seed])


def _of_stage1(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A silo's overrides as stage 1 takes them."""
    return {name: value for name, value in overrides.items() if name != "encoder"} | dict(overrides.get("encoder", {}))


def _own_silos(spec: TrialSpec) -> dict[str, Any]:
    """The overrides in full, where stage 1 has some of its own and its pre-image lacks stage 2's; nothing else."""
    return {"silos": spec.silos} if any("encoder" in overrides for overrides in spec.silos.values()) else {}


def _own_paces(spec: TrialSpec) -> dict[str, Any]:
    """Steps and rates of stage 2, where they are not stage 1's."""
    second, first = asdict(spec.budget), spec.budget.stage1
    return {n: second[n] for n in ("local_steps", "sampling_rate") if second[n] != first[n]} | _own_silos(spec)


def _budget(spec: TrialSpec) -> dict[str, Any]:
    """Stage 2's, and stage 1's rounds; an adjustment where there is one, so that the keys of all others stay."""
    written = {name: value for name, value in asdict(spec.budget).items() if name not in (*OF_STAGE1, "adjust")}
    return written | ({"adjust": spec.budget.adjust} if spec.budget.adjust is not None else {})


def _checks(spec: TrialSpec) -> dict[str, Any]:
    """What ends or adjusts stage 2 alone, whose checks are charged."""
    stop, adjust = spec.budget.stop or {}, spec.budget.adjust
    return ({"stop": stop} if "score" in stop else {}) | ({"adjust": adjust} if adjust is not None else {})


def _faults(spec: TrialSpec, *stages: int | str) -> dict[str, Any]:
    """The whole list, since a drawn silo depends on it, where any fault is of these stages; nothing else."""
    return {"faults": [asdict(fault) for fault in spec.faults]} if any(f.stage in stages for f in spec.faults) else {}


def measure_preimage(spec: TrialSpec, versions: Versions, trial_key: str) -> dict[str, Any]:
    """The trial and its metrics, in any order."""
    metrics = sorted(
        (versions.of("metric", choice) or {} for choice in spec.metrics), key=lambda entry: repr(sorted(entry.items()))
    )
    return {"stage": "measure", "trial": trial_key, "metrics": metrics, "frames": spec.frames}


def _patients(spec: TrialSpec, versions: Versions) -> dict[str, Any]:
    """Which patients are where: dataset, split, partition, seed, and the canaries of an audit."""
    dataset = versions.of("dataset", spec.dataset) or {}
    audit = {"audit": asdict(spec.audit)} if spec.audit else {}
    return audit | {
        "stage": "stage1",
        "dataset": dataset | {"fingerprint": versions.fingerprints[spec.dataset_name]},
        "split": {"holdout": spec.holdout, "tuning": spec.tuning} | ({"final": True} if spec.final else {}),
        "partition": spec.partition,
        "seed": spec.seed,
        "setting": {**versions.setting, **({} if spec.device == CPU else {"device": spec.device})},
    }


def chosen(spec: TrialSpec) -> Iterator[tuple[str, str]]:
    """(kind, name) of every component of a trial."""
    yield "dataset", spec.dataset.name
    for choice in spec.encoders.values():
        yield "encoder", choice.name
    for kind, single in (("generator", spec.generator), ("topology", spec.topology)):
        if single:
            yield kind, single.name
    for merging in spec.merging.values():
        yield "aggregator", merging.name
    for choice in spec.metrics:
        yield "metric", choice.name
