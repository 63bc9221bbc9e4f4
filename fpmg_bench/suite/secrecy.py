"""Where secure aggregation is undefined: it hides single models behind a sum, so somebody must want the sum and nobody less."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fpmg_bench.keys import rng_for
from fpmg_bench.partition import merged_sites, spreading

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.suite.cohorts import CohortInfo


def secrecy_refusals(spec: TrialSpec, info: CohortInfo, silos: int, registry: Registry) -> Iterator[str]:
    """Reasons why what the topology's plan masks cannot be masked, or would hide nothing."""
    if spec.topology is None:
        return
    steps = registry.build("topology", spec.topology).plan(list(range(silos)), 0, rng_for(0, "dry plan", 0))
    masked = [step for step in steps if step.masked]
    if not masked:
        return
    over = f"secure aggregation over '{spec.topology.name}'"
    for name in dict.fromkeys(rule.name for rule in spec.merging.values()):
        yield from _sums_only(over, name, registry)
    for step in masked:
        yield from _no_sum(over, step)
    drops = max(step.drops for step in masked)
    if 2 * drops >= silos > 1:
        yield f"{over} restores no sum of {silos} silos of which {drops} are lost; write drops: {(silos - 1) // 2} or less"
    if silos < 2:
        yield f"{over} hides nothing of one silo, whose model is the sum; use a partition of two silos or more, or masked: false"
    else:
        yield from _held_alone(over, spec, info)


def _sums_only(over: str, name: str, registry: Registry) -> Iterator[str]:
    cls: Any = registry.load("aggregator", name)
    if cls.needs != "sum":
        yield (
            f"aggregator '{name}' needs individual models, {over} shows only their sum; "
            "write masked: false, or an aggregator with needs: sum (fpmg-bench list aggregator NAME)"
        )


def _no_sum(over: str, step: Any) -> Iterator[str]:
    """Masks cancel in a merge at a server or hub of models that are trained there and then."""
    silo = next((move.dst for move in step.transfers if move.dst >= 0), None)
    if silo is not None:
        yield f"{over} masks what goes to silo {silo}, which would add its own model and can subtract it; mask the way to a server"
    elif step.on_arrival != "merge" or any(move.origin is not None for move in step.transfers):
        yield f"{over} masks models that are relayed or not merged on arrival: their masks never cancel; use merge without origin"


def _held_alone(over: str, spec: TrialSpec, info: CohortInfo) -> Iterator[str]:
    if spec.partition["kind"] == "modality" and spec.partition["lack"]:
        yield f"a modality skew may leave a modality to one silo alone, {over} would send its encoder in the clear; write masked: false"
        return
    spread = spreading(spec.partition)
    if spread["kind"] != "natural":
        return
    merged = merged_sites({silo.name: silo.patients for silo in info.silos}, spread)
    for modality in spec.encoders:
        holders = {merged[silo.name] for silo in info.silos if silo.patients and silo.present.get(modality, 0)}
        if len(holders) == 1:
            yield (
                f"modality '{modality}' is held by silo '{holders.pop()}' alone, {over} would send its encoder in the clear; "
                "leave the modality out, or write masked: false"
            )
