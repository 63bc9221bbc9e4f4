"""Combinations that are undefined, found before anything runs; each with its reason and the nearest way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.document import plural
from fpmg_bench.keys import rng_for
from fpmg_bench.partition import least_patients, merged_sites, spreading
from fpmg_bench.spec import Choice, Privacy, TrialSpec
from fpmg_bench.suite.external import external_refusals
from fpmg_bench.suite.secrecy import secrecy_refusals
from fpmg_bench.suite.spreads import spread_refusals
from fpmg_bench.suite.stopping import stop_refusals

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.suite.cohorts import CohortInfo

TRAINING_SHARE = 0.6
LOOK_AHEAD = 4


def refusals(spec: TrialSpec, info: CohortInfo, registry: Registry) -> Iterator[str]:
    """Every reason why this trial is undefined on this cohort."""
    sizes, reason = silo_sizes(spec.partition, info)
    if reason:
        yield reason
    yield from spread_refusals(spec.partition, info, len(sizes))
    if spec.control is not None:
        yield from _control_refusals(spec.control.name, spec, info, registry)
    if spec.external is not None:
        yield from external_refusals(spec, spec.external, info)
    if spec.trains:
        yield from _encoder_refusals(spec, info, registry)
        yield from _undefined(spec, registry)
        if not reason:
            yield from _merge_refusals(spec, len(sizes), registry)
            yield from _serial_refusals(spec, info, len(sizes), registry)
            yield from _travel_refusals(spec, len(sizes), registry)
            yield from secrecy_refusals(spec, info, len(sizes), registry)
            yield from stop_refusals(spec, sizes, registry)
        if spec.privacy is not None:
            if spec.device == "mps":
                yield "private steps take norms in float64, which mps does not have; write device: cpu, or cuda"
            yield from _privacy_refusals(spec, spec.privacy, min(sizes, default=0), registry)
            yield from _not_private(spec, info, registry)


def _control_refusals(name: str, spec: TrialSpec, info: CohortInfo, registry: Registry) -> Iterator[str]:
    from fpmg_bench.controls import ABOUT

    if name == "oracle" and not hasattr(registry.load("dataset", spec.dataset.name), "simulate"):
        yield f"control 'oracle' is the simulator itself, and {info.name} is not simulated"
    kinds = ABOUT.get(name, ())
    if kinds and not any(schema.kind in kinds for schema in info.schemas.values()):
        yield f"control '{name}' spoils {' and '.join(kinds)} only, and {info.name} has none"


def silo_sizes(partition: Mapping[str, Any], info: CohortInfo) -> tuple[list[float], str]:
    """(expected training patients of every silo, why the partition is impossible or "")."""
    share = 1.0 if info.fresh else TRAINING_SHARE
    training = info.patients * share
    if partition["kind"] == "pooled":
        return [training], ""
    partition = spreading(partition)
    if partition["kind"] == "natural":
        if not info.silos:
            return [], f"{info.name} has no natural silos; write partition: {{kind: dirichlet, alpha: 0.5, silos: 5}}, or iid"
        patients = {silo.name: silo.patients for silo in info.silos}
        merged = merged_sites(patients, partition)
        totals: dict[str, float] = dict.fromkeys(merged.values(), 0.0)
        for site, silo in merged.items():
            totals[silo] += patients[site] * share
        return list(totals.values()), ""
    silos, least = int(partition["silos"]), least_patients(partition)
    if silos * least > training:
        each = f" of at least {least} patients" if least > 1 else ""
        return (
            [],
            f"{plural(round(training), 'training patient')} of {info.name} cannot fill {plural(silos, 'silo')}{each}; fewer silos, or a larger cohort",
        )
    return [training / silos] * silos, ""


def _encoder_refusals(spec: TrialSpec, info: CohortInfo, registry: Registry) -> Iterator[str]:
    for modality, schema in info.schemas.items():
        if not info.present.get(modality, 0):
            continue
        if modality not in spec.encoders:
            yield f"no encoder for modality '{modality}' ({schema.kind}); write encoders: {{{schema.kind}: ...}}"
            continue
        name = spec.encoders[modality].name
        kinds: frozenset[str] = getattr(registry.load("encoder", name), "kinds", frozenset())
        if schema.kind not in kinds:
            yield f"encoder '{name}' of modality '{modality}' takes {', '.join(sorted(kinds))}, not {schema.kind}"


def _merge_refusals(spec: TrialSpec, silos: int, registry: Registry) -> Iterator[str]:
    """The aggregator needs more models than a merging node gets."""
    if spec.topology is None:
        return
    got = fewest_inputs(registry.build("topology", spec.topology), silos)
    for rule in {repr(choice): choice for choice in spec.merging.values()}.values():
        need = registry.build("aggregator", rule).min_inputs()
        if got is None or got >= need:
            continue
        over = spec.topology.name
        text = (
            f"aggregator '{rule.name}' needs {plural(need, 'model')}, a merge over '{over}' of {plural(silos, 'silo')} sees {got}"
        )
        yield f"{text}; {_way_out(spec.topology, silos, need, registry)}, or an aggregator that is defined on {got}"


def _way_out(topology: Choice, silos: int, need: int, registry: Registry) -> str:
    """What would show a merge `need` models: the same topology but wider, more silos, or another topology."""
    wider = smallest_width(topology, silos, need, registry)
    if wider:
        return f"write topology: {{name: {topology.name}, {wider}}}"
    with_more = (fewest_inputs(registry.build("topology", topology), need) or 0) >= need
    if with_more or smallest_width(topology, need, need, registry):
        return f"use a cohort or partition with {plural(need, 'silo')}"
    others = ", ".join(name for name in _topologies(registry) if _sees(name, max(silos, need), need, registry))
    more = f"a cohort or partition with {plural(need, 'silo')} and " if silos < need else ""
    return f"use {more}another topology ({others})"


def _topologies(registry: Registry) -> list[str]:
    """Names of the topologies that need no parameters."""
    names = sorted(map(registry.name_of, registry.entries("topology")))
    return [name for name in names if not any(p.required for p in registry.parameters("topology", name).values())]


def _sees(name: str, silos: int, need: int, registry: Registry) -> bool:
    return (fewest_inputs(registry.build("topology", Choice(name)), silos) or 0) >= need


def smallest_width(topology: Choice, silos: int, need: int, registry: Registry) -> str:
    """ "hops: k" of the smallest ring (or "hubs: k" of the smallest hierarchy) that would do, where there is one; else ""."""
    for name in ("hops", "hubs"):
        if name not in registry.parameters("topology", topology.name):
            continue
        for width in range(1, silos + 1):
            wider = registry.build("topology", Choice(topology.name, {**topology.params, name: width}))
            if (fewest_inputs(wider, silos) or 0) >= need:
                kept = [f"{key}: {str(value).lower()}" for key, value in topology.params.items() if key != name]
                return ", ".join([*kept, f"{name}: {width}"])
    return ""


def fewest_inputs(topology: Any, silos: int) -> int | None:
    """The fewest models any merging node gets in one of the first rounds, by a dry plan; None where nothing is merged."""
    from fpmg_bench.federation.graph import fewest_inputs as least_of  # a suite is read without it

    return least_of(topology.plan(list(range(silos)), round, rng_for(0, "dry plan", round)) for round in range(LOOK_AHEAD))


def _serial_refusals(spec: TrialSpec, info: CohortInfo, silos: int, registry: Registry) -> Iterator[str]:
    """A model that goes from silo to silo as a whole must be trained as a whole everywhere."""
    spread = spreading(spec.partition)
    skewed = spec.partition["kind"] == "modality" and spec.partition["lack"] > 0
    if spec.topology is None or spec.generator is None or not (skewed or spread["kind"] == "natural"):
        return
    steps = registry.build("topology", spec.topology).plan(list(range(silos)), 0, rng_for(0, "dry plan", 0))
    if not any(step.train for step in steps) or getattr(registry.build("generator", spec.generator), "rounds", None) == 0:
        return
    if skewed:
        yield (
            f"over '{spec.topology.name}' one whole model goes from silo to silo, and a modality skew leaves silos without a "
            "modality; use a topology that merges, or lack: 0"
        )
        return
    merged = merged_sites({silo.name: silo.patients for silo in info.silos}, spread)
    for modality in spec.encoders:
        held = {merged[silo.name] for silo in info.silos if silo.present.get(modality, 0)}
        lacking = sorted({merged[silo.name] for silo in info.silos if silo.patients} - held)
        if lacking:
            yield (
                f"over '{spec.topology.name}' one whole model goes from silo to silo, but silo '{lacking[0]}' has no patient with "
                f"modality '{modality}'; leave the modality out, or use a topology that merges"
            )


def _privacy_refusals(spec: TrialSpec, privacy: Privacy, smallest: float, registry: Registry) -> Iterator[str]:
    if smallest and privacy.delta >= 1 / smallest:
        yield (
            f"delta {privacy.delta:g} is not below 1 / {smallest:.0f}, the training patients of the smallest silo: "
            f"publishing one patient in the clear would satisfy it; write delta: {0.1 / smallest:.1g} or less"
        )
    for kind, choice in _learners(spec):
        yield from _public_loss(kind, choice.name, registry.build(kind, choice))


def _learners(spec: TrialSpec) -> list[tuple[str, Choice]]:
    """(kind, choice) of each different learner of a trial."""
    chosen = {("encoder", repr(choice)): choice for choice in spec.encoders.values()}
    if spec.generator is not None:
        chosen["generator", spec.generator.name] = spec.generator
    return [(kind, choice) for (kind, _), choice in chosen.items()]


def _undefined(spec: TrialSpec, registry: Registry) -> Iterator[str]:
    """A learner may have `undefined()`: why its parameters do not fit together."""
    for kind, choice in _learners(spec):
        say = getattr(registry.build(kind, choice), "undefined", None)
        if reason := say() if say else "":
            yield f"{kind} '{choice.name}': {reason}"


def _travel_refusals(spec: TrialSpec, silos: int, registry: Registry) -> Iterator[str]:
    """A learner may have modules that are not merged (`travels`), which not every topology can bring to the others."""
    if spec.topology is None:
        return
    from fpmg_bench.federation.ways import ways_of, why_not  # a suite is read without it

    steps = registry.build("topology", spec.topology).plan(list(range(silos)), 0, rng_for(0, "dry plan", 0))
    for kind, choice in _learners(spec):
        for module, way in ways_of(registry.build(kind, choice)).items():
            if reason := why_not(way, steps, range(silos)):
                yield f"{kind} '{choice.name}' sends its {module}s without merging them, over '{spec.topology.name}': {reason}"


def _not_private(spec: TrialSpec, info: CohortInfo, registry: Registry) -> Iterator[str]:
    """An encoder may have `not_private(schema)`: why DP-SGD cannot train it on records of that schema."""
    for modality, choice in spec.encoders.items():
        say = getattr(registry.build("encoder", choice), "not_private", None)
        reason = say(info.schemas[modality]) if say and modality in info.schemas else ""
        if reason:
            yield f"encoder '{choice.name}' of modality '{modality}' cannot be trained privately: {reason}"


def _public_loss(kind: str, name: str, learner: Any) -> Iterator[str]:
    """A learner may declare `private_losses`: the values of its parameter `loss` that DP-SGD can train."""
    private = getattr(learner, "private_losses", None)
    loss = getattr(learner, "loss", None)
    if private is not None and loss not in private:
        yield f"{kind} '{name}' has no private form of loss '{loss}'; under privacy write loss: {' or '.join(sorted(private))}"
