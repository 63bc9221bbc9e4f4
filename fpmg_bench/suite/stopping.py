"""Where a stop by patients held in is undefined: nobody to ask, nothing to ask for, or no way to agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fpmg_bench.spec import Adjust, Stop

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import Choice, TrialSpec

LEAST = 5  # patients held in, of all silos


def stop_refusals(spec: TrialSpec, sizes: Sequence[float], registry: Registry) -> Iterator[str]:
    """Reasons why what is trained cannot stop by what patients held in say. sizes: training patients of every silo."""
    adjust = Adjust.of(spec.budget.adjust)
    if adjust is not None:
        yield from _adjust_refusals(spec, adjust, sizes, registry)
        return
    stop = Stop.of(spec.budget.stop)
    if stop is None:
        return
    trained = list(_trained(spec, stop, registry))
    if not trained:
        return
    way_out = "write budget: {stop: null}"
    if spec.faults:
        yield f"under faults not all silos are there to be asked when to stop; {way_out}"
    if spec.audit is not None:
        yield f"canaries of an audit are trained on, and a stop by {stop.by} holds some of them in; {way_out}"
    if stop.by == "loss":
        for kind, name, learner in trained:
            yield from _losses(kind, name, learner)
        if spec.privacy is not None and stop.clip is None:
            yield "under privacy the loss of one patient needs a bound; write stop: {loss: ..., clip: CLIP}, twice a usual loss"
    if sum(sizes) * stop.share < LEAST:
        yield f"a share of {stop.share:g} of {sum(sizes):.0f} training patients is nobody to ask; raise stop.share, or {way_out}"
    if spec.topology is not None and _apart(spec, spec.topology, len(sizes), registry):
        yield f"over '{spec.topology.name}' silos do not hear of each other, and cannot agree when to stop; {way_out}"


def _adjust_refusals(spec: TrialSpec, adjust: Adjust, sizes: Sequence[float], registry: Registry) -> Iterator[str]:
    """Reasons why training cannot turn to the class that patients held in recognise least."""
    way_out = "write budget: {adjust: null}"
    if spec.budget.stop is not None:
        yield "a budget is adjusted, or stops, not both: what is best before an adjustment is no rule after it; write stop: null or adjust: null"
    if spec.generator is not None and not any(_with_rounds("generator", spec.generator, spec.budget.rounds - 1, registry)):
        yield f"an adjustment needs a round before it and one after it; raise budget.rounds, or {way_out}"
    elif spec.generator is not None and getattr(registry.build("generator", spec.generator), "rounds", None) is not None:
        yield f"generator '{spec.generator.name}' has rounds of its own, whose batches are all patients; {way_out}"
    if spec.faults:
        yield f"under faults not all silos are there to be asked; {way_out}"
    if spec.audit is not None:
        yield f"canaries of an audit are trained on, and an adjustment holds some of them in; {way_out}"
    if spec.privacy is not None and not spec.privacy.public_sizes:
        yield f"rates by class would tell how many patients a class has; write privacy: {{public_sizes: true}}, or {way_out}"
    if sum(sizes) * adjust.share < LEAST:
        yield f"a share of {adjust.share:g} of {sum(sizes):.0f} training patients is nobody to ask; raise adjust.share, or {way_out}"
    if spec.topology is not None and _apart(spec, spec.topology, len(sizes), registry):
        yield f"over '{spec.topology.name}' silos do not hear of each other, and cannot agree on a class; {way_out}"


def _trained(spec: TrialSpec, stop: Stop, registry: Registry) -> Iterator[tuple[str, str, Any]]:
    """Learners whose rounds may be stopped: kind, name, learner."""
    if spec.generator is not None:
        yield from _with_rounds("generator", spec.generator, spec.budget.rounds, registry)
    if stop.by == "loss":
        for choice in {repr(choice): choice for choice in spec.encoders.values()}.values():
            yield from _with_rounds("encoder", choice, spec.budget.encoder_rounds, registry)


def _with_rounds(kind: str, choice: Choice, budget: int, registry: Registry) -> Iterator[tuple[str, str, Any]]:
    learner = registry.build(kind, choice)
    own = getattr(learner, "rounds", None)
    if budget if own is None else own:
        yield kind, choice.name, learner


def _losses(kind: str, name: str, learner: Any) -> Iterator[str]:
    """Why a learner's loss says nothing of it."""
    asked = "write stop: {score: ...}, which asks what is drawn" + (" and leaves encoders alone" if kind == "encoder" else "")
    if getattr(learner, "adversarial", False):
        yield f"{kind} '{name}' plays a game whose loss does not fall as it gets better; {asked}"
    elif not hasattr(learner, "objective"):
        yield f"{kind} '{name}' has no `objective`, a loss that patients held in could be asked for; {asked}"


def _apart(spec: TrialSpec, topology: Choice, silos: int, registry: Registry) -> bool:
    from fpmg_bench.federation import Schedule, edges_of, reached  # a suite is read without it

    steps = Schedule(registry.build("topology", topology), "stop", spec.seed).meeting(range(silos))
    return any(len(group) < silos for group in reached(edges_of(steps), list(range(silos))).values())
