"""Methods: `extends` and `sweep` are resolved on the nodes, so that an inherited value keeps its line; then each is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from fpmg_bench.document import DEEPEST, Node, did_you_mean, node_of
from fpmg_bench.spec import Audit, Choice, Privacy
from fpmg_bench.suite.external import read_external_method
from fpmg_bench.suite.faults import read_faults
from fpmg_bench.suite.model import COMPONENTS, METHOD_KEYS, OPTIONAL, Method
from fpmg_bench.suite.place import Place
from fpmg_bench.suite.sections import read_budget, read_choice, read_partition, read_silo
from fpmg_bench.suite.variants import PathError, override, read_sweep

LEAST_CANARIES = 10  # fewer cannot refute any epsilon above 1
MERGED = ("encoders", "silos")
PRIVACY_KEYS = tuple(field.name for field in fields(Privacy))
AUDIT_KEYS = tuple(field.name for field in fields(Audit))
STAGE1 = ("encoders", "topology", "aggregator")  # what a control has whose records pass through encoders


def read_methods(place: Place, sweep: Place | None) -> dict[str, Method]:
    """All methods, `extends` resolved, every swept one replaced by its variants."""
    entries = place.entries()
    if place.value == {}:
        place.wrong("at least one method is needed")
    for name, entry in entries.items():
        Place(Node(name, *place.node.key(name).start), entry.path, place.problems).name()
        entry.fields(METHOD_KEYS)
    resolved = {name: _resolved(name, entries, place) for name in entries}
    swept = read_sweep(sweep, resolved) if sweep else {}
    methods: dict[str, Method] = {}
    for name, node in resolved.items():
        for label, variant in swept.get(name, [(name, node)]):
            methods[label] = read_method(Place(variant, f"{place.path}.{name}", place.problems), label)
    return methods


def read_method(place: Place, name: str) -> Method:
    """One resolved method."""
    found = {key: entry for key, entry in place.entries().items() if key in METHOD_KEYS}
    if "external" in found and found["external"].value is not None:
        return replace(read_external_method(place, name, found), audit=_audit(found))
    if "control" in found:
        return _read_control(place, name, found, through=any(key in found for key in STAGE1))
    if "strength" in found:
        found["strength"].wrong("only a control has a strength")
    for key in ("encoders", *COMPONENTS):
        if key not in found and isinstance(place.value, dict) and "extends" not in found:
            place.wrong(f"'{key}' is missing; write it, or `extends` a method that has it")
    encoders = found["encoders"].entries() if "encoders" in found else {}
    components = _components(found)
    return Method(
        name,
        {key: read_choice(entry) for key, entry in encoders.items()},
        components.get("generator"),
        components.get("topology"),
        components.get("aggregator"),
        components.get("encoder_aggregator"),
        read_partition(found["partition"]) if "partition" in found else None,
        read_budget(found["budget"]) if "budget" in found else {},
        read_privacy(found["privacy"]) if "privacy" in found else None,
        {key: read_silo(entry) for key, entry in found["silos"].entries().items()} if "silos" in found else {},
        audit=_audit(found),
        faults=read_faults(found["faults"]) if "faults" in found else None,
        node=place.node,
    )


def _stops(key: str, place: Place) -> bool:
    """`generator: null`: the method ends after stage 1, and what it is measured by is the round trip of held-out patients."""
    return key == "generator" and place.value is None


def _components(found: Mapping[str, Place]) -> dict[str, Choice]:
    return {key: read_choice(found[key]) for key in (*COMPONENTS, *OPTIONAL) if key in found and not _stops(key, found[key])}


def _read_control(place: Place, name: str, found: Mapping[str, Place], *, through: bool) -> Method:
    """Bare, or `through` the encoders of a method: then encoders, topology and aggregator are there, and what they train by."""
    for key, reason in _misplaced(found, through=through).items():
        place.problems.add(place.node.key(key), found[key].path, reason)
    for key in STAGE1 if through else ():
        if key not in found:
            place.wrong(
                f"'{key}' is missing; a control passes through encoders that are trained, or has none of {', '.join(STAGE1)}"
            )
    strength = found["strength"].number("a number of at least 0", 1.0, above=-1e-300) if "strength" in found else 1.0
    control = Choice(found["control"].text(), {"strength": strength})
    partition = read_partition(found["partition"]) if "partition" in found else None
    bare = Method(name, partition=partition, control=control, audit=_audit(found), node=place.node)
    if not through:
        return bare
    components = _components(found)
    return replace(
        bare,
        encoders={key: read_choice(entry) for key, entry in found["encoders"].entries().items()} if "encoders" in found else {},
        topology=components.get("topology"),
        aggregator=components.get("aggregator"),
        encoder_aggregator=components.get("encoder_aggregator"),
        budget=read_budget(found["budget"]) if "budget" in found else {},
        silos={key: read_silo(entry) for key, entry in found["silos"].entries().items()} if "silos" in found else {},
    )


def _misplaced(found: Mapping[str, Place], *, through: bool) -> dict[str, str]:
    """Keys that a control cannot have, each with the reason and the way out."""
    if not through:
        keys = (key for key in ("generator", *OPTIONAL, "budget", "privacy", "silos", "faults") if key in found)
        return {key: f"a control replaces training; remove '{key}'" for key in keys}
    wrong = {}
    if "generator" in found and found["generator"].value is not None:
        wrong["generator"] = "a control stands in the generator's place; write generator: null"
    if "privacy" in found and found["privacy"].value is not None:
        wrong["privacy"] = "no epsilon covers records that a control makes of patients; write privacy: null"
    if "faults" in found:
        wrong["faults"] = "encoders that a control passes through train without faults; remove 'faults'"
    return wrong


def _audit(found: Mapping[str, Place]) -> Audit | None:
    """{canaries, sabotage, chosen}; null for none. A fault of the accounting needs `privacy` to be claimed."""
    if "audit" not in found or found["audit"].value is None:
        return None
    place = found["audit"]
    given = place.fields(AUDIT_KEYS, ("canaries",))
    canaries = given["canaries"].whole(LEAST_CANARIES, LEAST_CANARIES) if "canaries" in given else LEAST_CANARIES
    sabotage = "none"
    if "sabotage" in given:
        from fpmg_bench.audit.sabotage import SHARDS

        sabotage = given["sabotage"].word(tuple(SHARDS), "none")
    chosen = "any"
    if "chosen" in given:
        from fpmg_bench.audit.canaries import CHOICES

        chosen = given["chosen"].word(CHOICES, chosen)
    if "generator" in found and found["generator"].value is None:
        place.wrong("an audit guesses from what is released, and `generator: null` releases nothing; remove one of them")
    private = "privacy" in found and found["privacy"].value is not None
    if sabotage != "none" and not private:
        given["sabotage"].wrong(f"'{sabotage}' breaks a promise of DP-SGD, and this method makes none; write `privacy`")
    return Audit(canaries, sabotage, chosen)


def read_privacy(place: Place) -> Privacy | None:
    """{epsilon, delta, clip, secure, balanced, statistics, public_sizes, colluding}; null for none."""
    if place.value is None:
        return None
    found = place.fields(PRIVACY_KEYS, ("epsilon",))
    epsilon, delta, clip = 1.0, 0.0, 1.0
    if "epsilon" in found:
        no_noise = "a number above 0 (0 releases nothing about anyone; without privacy, leave `privacy` out)"
        epsilon = found["epsilon"].number(no_noise, 1.0, above=0)
    if "delta" in found:
        delta = found["delta"].number("a probability above 0 and below 1", 1e-5, above=0, upto=1 - 1e-12)
    if "clip" in found:
        clip = found["clip"].number("a norm above 0", 1.0, above=0)
    given: dict[str, Any] = {key: found[key].flag() for key in ("secure", "balanced", "public_sizes") if key in found}
    if "statistics" in found:
        given["statistics"] = found["statistics"].number("a share of epsilon, above 0 and below 1", 0.5, above=0, upto=0.99)
    if "colluding" in found and found["colluding"].value is not None:
        given["colluding"] = found["colluding"].whole(0, 0)
    if given.get("balanced") and not given.get("public_sizes"):
        place = found.get("public_sizes", found["balanced"])
        place.wrong("`balanced` takes its rates from label counts that are public; write public_sizes: true too")
    return Privacy(epsilon, delta, clip, **given)


def _resolved(name: str, entries: Mapping[str, Place], methods: Place) -> Node:
    """The method's node with its parents' keys below its own, and no `extends` left.

    A circle, an unknown parent or too long a line of parents is recorded where it is written, and its `extends` stays: the
    method is known to be incomplete.
    """
    line = [name]
    while (parent := _parent(entries[line[-1]])) is not None:
        link = entries[line[-1]].below("extends", entries[line[-1]].node.value["extends"])
        if parent not in entries:
            link.wrong(f"unknown method '{parent}'.{did_you_mean(parent, [other for other in entries if other != line[-1]])}")
        elif parent in line:
            link.wrong(f"methods extend each other in a circle: {' -> '.join([*line, parent])}")
        elif len(line) <= DEEPEST:
            line.append(parent)
            continue
        else:
            methods.wrong(f"a line of more than {DEEPEST} methods that extend each other; write what they share in one")
        break
    node = entries[line[-1]].node
    for below in reversed(line[:-1]):
        node = _inherit(node, entries[below].node)
    return node


def _parent(place: Place) -> str | None:
    """What a method extends, None where it says nothing of it, or no word."""
    value = place.node.value
    return place.below("extends", value["extends"]).text() or None if isinstance(value, dict) and "extends" in value else None


def _inherit(parent: Node, own: Node) -> Node:
    """Whole top-level keys are replaced; `encoders` and `silos` merge by key."""
    value = dict(parent.value) if isinstance(parent.value, dict) else {}
    value.update({key: node for key, node in own.value.items() if key != "extends"})
    for key in MERGED:
        above, below = parent.below(key), own.below(key)
        if above is not None and below is not None and isinstance(above.value, dict) and isinstance(below.value, dict):
            value[key] = Node({**above.value, **below.value}, below.line, below.column, {**above.keys, **below.keys})
    return Node(value, *own.start, {**parent.keys, **own.keys})


def vary(method: Method, values: Mapping[str, Any], place: Place) -> Method:
    """The method with values at dotted paths, as a tuning study proposes them; problems go to the place's collector."""
    node = method.node
    for path, value in values.items():
        try:
            node = override(node, path, node_of(value, place.node))
        except PathError as error:
            place.below(path, place.node).wrong(str(error))
    return read_method(Place(node, f"methods.{method.name}", place.problems), method.name)
