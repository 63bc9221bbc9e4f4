"""The key `faults`: a list of what goes wrong, read strictly, and where it could not do anything while planning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from fpmg_bench.errors import SuiteError
from fpmg_bench.faults import KINDS, Alie, Crash, Faults, hidden
from fpmg_bench.faults import schedule as schedule_faults
from fpmg_bench.keys import rng_for
from fpmg_bench.registry.parameters import check, signature_of
from fpmg_bench.spec import Fault
from fpmg_bench.suite.check import report

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.suite.place import Place

HEAD = ("kind", "silos")
WHEN = ("from", "until", "stage")
LOOK_AHEAD = 4  # rounds of a plan


def read_faults(place: Place) -> tuple[Fault, ...]:
    """`[{kind: sign-flip, silos: 1, from: 0, until: 5, stage: 2, parameter: value}]`; null or [] for none."""
    if place.value is None:
        return ()
    found = [_fault(item) for item in place.items()]
    return tuple(fault for fault in found if fault is not None)


def _fault(place: Place) -> Fault | None:
    entries = place.entries()
    if "kind" not in entries:
        if isinstance(place.value, dict):
            place.wrong(f"'kind' is missing: one of {', '.join(KINDS)}")
        return None
    name = entries["kind"].word(tuple(KINDS), "")
    if not name:
        return None
    kind = KINDS[name]
    schema = signature_of(kind)
    when = WHEN if kind.rounds else ()
    found = place.fields((*HEAD, *when, *schema))
    given = {key: entry.node.plain() for key, entry in found.items() if key in schema}
    values, wrong = check(f"fault '{name}'", schema, given)
    report(place.problems, wrong, place.node, place.path)
    silos = _silos(found["silos"], name) if "silos" in found else 1
    return Fault(name, silos, **_when(found), params=given if not wrong else values)


def _silos(place: Place, kind: str) -> int | Literal["all"] | tuple[str, ...]:
    """How many, their names, or "all", where some silo is left that is neither a liar nor dead."""
    if isinstance(place.value, list):
        names = tuple(item.text() for item in place.items())
        if len(set(names)) < max(len(names), 1):
            place.wrong("expected at least one silo, and each once")
        if kind == "cut-link" and len(names) != 2:
            place.wrong("a link has two silos: write their two names, or how many links are cut")
        return names
    if place.value == "all":
        if KINDS[kind].byzantine or KINDS[kind] is Crash:
            place.wrong(f"'{kind}' of all silos leaves none to measure")
        return "all"
    if not isinstance(place.value, int):
        place.expected("a number of silos, a list of their names, or all")
        return 1
    return place.whole(1, 1)


def _when(found: dict[str, Place]) -> dict[str, Any]:
    when: dict[str, Any] = {}
    if "from" in found:
        when["since"] = found["from"].whole(0, 0)
    if "until" in found and found["until"].value is not None:
        when["until"] = found["until"].whole(1, 1)
        if when["until"] <= when.get("since", 0):
            found["until"].wrong(f"round {when['until']} is not after round {when.get('since', 0)}, where it begins")
    if "stage" in found and found["stage"].value != "both":
        stage = found["stage"].value
        if stage not in (1, 2) or isinstance(stage, bool):
            found["stage"].expected("1 (encoders), 2 (the generator) or both")
        else:
            when["stage"] = stage
    elif "stage" in found:
        when["stage"] = "both"
    return when


def fault_refusals(spec: TrialSpec, names: Sequence[str], registry: Registry) -> Iterator[str]:
    """Why faults are undefined on these silos, or could not do anything."""
    if not spec.faults or spec.topology is None:
        return
    try:
        faulted = schedule_faults(spec.faults, names, spec.seed)
    except SuiteError as error:
        yield f"faults: {error.message}; {error.hint}"
        return
    yield from _nobody_left(spec, faulted, len(names))
    topology = registry.build("topology", spec.topology)
    plans = [topology.plan(list(range(len(names))), round, rng_for(0, "dry plan", round)) for round in range(LOOK_AHEAD)]
    steps = [step for plan in plans for step in plan]
    for fault in spec.faults:
        reasons = [
            _too_late(fault, spec, registry),
            _no_use(fault, steps, spec.topology.name),
            _no_room(fault, faulted, len(names)),
        ]
        yield from (f"fault '{fault.kind}': {reason}" for reason in reasons if reason)


def _nobody_left(spec: TrialSpec, faulted: Faults, n: int) -> Iterator[str]:
    gone = {silo for each in faulted.schedule if isinstance(each.kind, Crash) and each.until is None for silo in each.silos}
    if len(faulted.liars | gone) >= n:
        yield f"faults: all {n} silos lie or crash for good, and none is left to measure; strike fewer, or write faults: []"


def _too_late(fault: Fault, spec: TrialSpec, registry: Registry) -> str:
    rounds = {1: spec.budget.encoder_rounds, 2: spec.budget.rounds}
    generator = registry.build("generator", spec.generator) if spec.generator else None
    own = getattr(generator, "rounds", None)
    if fault.stage == 2 and KINDS[fault.kind].rounds and own == 0 and spec.generator:
        return f"generator '{spec.generator.name}' is made from statistics, and has no rounds"
    if fault.stage == 2 and generator is None:
        return "the method ends after stage 1; write stage: 1"
    last = max(rounds.values()) if fault.stage == "both" else rounds[fault.stage]
    return f"begins in round {fault.since}, and there are {last}; write from: {last - 1} or less" if fault.since >= last else ""


def _no_use(fault: Fault, steps: Sequence[Any], over: str) -> str:
    """A plan without what the fault changes."""
    kind = KINDS[fault.kind]
    moves = [move for step in steps for move in step.transfers]
    own = [{(m.src, m.dst) for m in step.transfers if m.src >= 0 and m.origin in (None, m.src)} for step in steps]
    has = {
        "": True,
        "messages": any(move.src >= 0 for move in moves),
        "relays": any(move.origin not in (None, move.src) for move in moves),
        "receivers": any(len(pairs) > len({src for src, _ in pairs}) for pairs in own),
        "links": any(move.src >= 0 and move.dst >= 0 for move in moves),
    }
    why = {
        "messages": "no silo sends anything",
        "relays": "no silo relays another's model",
        "receivers": "a silo sends its own model to one receiver, and left and right cannot differ",
        "links": "no two silos have a link",
    }
    if not has[kind.needs]:
        return f"over '{over}' {why[kind.needs]}; use another topology, or another fault"
    if kind.needs and any(step.masked and not (kind is KINDS["omission"] and step.drops) for step in steps):
        way_out = "write drops: 1, how many may be lost, or masked: false" if kind is KINDS["omission"] else "write masked: false"
        return f"masks of '{over}' cancel only where every message arrives as it was sent; {way_out}"
    if kind.omniscient and any(step.train for step in steps):
        return (
            f"over '{over}' silos train after one another, and a liar cannot see the others' models of its round; use sign-flip"
        )
    return ""


def _no_room(fault: Fault, faulted: Faults, n: int) -> str:
    """ALIE without room between the honest models."""
    f = next(len(each.silos) for each in faulted.schedule if each.name == fault.kind)
    if KINDS[fault.kind] is not Alie or fault.params.get("z") is not None or 2 * f >= n or hidden(n, f) > 0:
        return ""
    return f"{f} of {n} silos have no room to hide, z would be {hidden(n, f):.2g}; strike more silos, or write z: 1"


def faults_of(own: tuple[Fault, ...] | None, of_suite: tuple[Fault, ...], alone: bool) -> tuple[Fault, ...]:
    """A method's own faults replace the suite's, which do not reach what has no federation (a control, `pooled`)."""
    return own if own is not None else () if alone else of_suite


__all__ = ["fault_refusals", "faults_of", "read_faults"]
