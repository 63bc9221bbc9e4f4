"""One round's record from what every rank saw of it: the line of rounds.jsonl that one process would have written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import PlumbingError
from fpmg_bench.federation import consensus
from fpmg_bench.federation.hops import Load, hops
from fpmg_bench.federation.layout import Layout, modules_of

if TYPE_CHECKING:
    from fpmg_bench.federation.stage import Federated
    from fpmg_bench.types import State

Part = tuple[Mapping[str, Any], Mapping[str, Any]]  # tree of tensors, note
SUMMED = ("bytes", "headers", "messages")
LONGEST = ("seconds", "merge_seconds")


def part(record: Mapping[str, Any], now: Federated) -> Part:
    """What a rank shows of its round. Tree: "before" | "after" -> group of modules -> state."""
    tree: dict[str, dict[str, State]] = {"before": {}, "after": {}}
    groups = []
    for bundle in now.latest:
        name = f"{','.join(map(str, bundle.silos))} {next(iter(bundle.layout.modules()))}"
        loads = [[load.sent, load.received] for load in bundle.meter.steps]
        apart = bundle.received is not None  # meant to stay apart: nobody looks at how far they are
        pi = {} if apart else {str(silo): share for silo, share in bundle.pi.items()}
        groups.append({"name": name, "pi": pi, "loads": loads})
        for when, models in (("before", bundle.before), ("after", bundle.after)):
            for model in () if apart else models.values():
                tree[when][name] = bundle.layout.views(model)
    return tree, {"record": dict(record), "groups": groups, "silos": sorted({s for b in now.latest for s in b.silos})}


def whole(parts: Mapping[int, Part], gone: Collection[int] = ()) -> dict[str, Any]:
    """node -> part, of one round. PlumbingError where all nodes together sent other bytes than the closed form says.

    gone: silos that have died. Of one that died after it had sent its part of this round nothing else is known; others were
    `inactive` in it.
    """
    records = {node: parts[node][1]["record"] for node in sorted(parts)}
    first = records[min(node for node in records if node >= 0)]
    sums = {name: sum(record[name] for record in records.values()) for name in SUMMED}
    silos = parts[min(node for node in parts if node >= 0)][1]["silos"]
    silent = [silo for silo in silos if silo not in parts]
    if first["closed_form"] is not None and not silent and sums["bytes"] != first["closed_form"]:
        where = f"{first['stage']}, round {first['round']}"
        raise PlumbingError(f"{where}: {sums['bytes']} bytes were sent, the closed form says {first['closed_form']}")
    sent: dict[str, int] = {}
    for record in records.values():
        sent |= record["sent"]
    losses = {silo: loss for node, record in records.items() if node >= 0 for silo, loss in record["losses"].items()}
    longest = {name: max(record[name] for record in records.values()) for name in LONGEST}
    ordered = {node: sent[node] for node in sorted(sent, key=int)}
    known = {key: first[key] for key in ("stage", "round", "theory", "closed_form")}
    known |= {"path": hops(_loads(parts))} | ({"check": first["check"]} if "check" in first else {})
    away = sorted(silo for silo in gone if silo not in silos)
    known |= {"inactive": away} if away else {}
    return known | _consistency(parts, first["moduli"]) | {"losses": losses, **sums, "sent": ordered, **longest}


def _loads(parts: Mapping[int, Part]) -> list[list[Load]]:
    """Of every group of modules, step by step, what all nodes sent."""
    found: dict[str, list[Load]] = {}
    for _, note in parts.values():
        for group in note["groups"]:
            loads = found.setdefault(group["name"], [Load() for _ in group["loads"]])
            for load, reported in zip(loads, group["loads"], strict=True):
                load.include(*({int(node): size for node, size in way.items()} for way in reported))
    return list(found.values())


def _consistency(parts: Mapping[int, Part], moduli: Mapping[str, float]) -> dict[str, Any]:
    before: dict[str, consensus.Spread] = {}
    after: dict[str, consensus.Spread] = {}
    for group in parts[min(node for node in parts if node >= 0)][1]["groups"]:
        pi = {int(silo): share for silo, share in group["pi"].items() if int(silo) in parts}
        if not group["pi"]:
            continue
        pi = {silo: share / sum(pi.values()) for silo, share in pi.items()} if len(pi) < len(group["pi"]) else pi
        for when, found in (("before", before), ("after", after)):
            states = [parts[silo][0][when][group["name"]] for silo in pi]
            layout = Layout.of(states[0], modules_of(states[0]))
            flat = {silo: layout.flatten(state) for silo, state in zip(pi, states, strict=True)}
            found.update(consensus.distances(layout, flat, pi))
    return consensus.record(before, after, moduli)
