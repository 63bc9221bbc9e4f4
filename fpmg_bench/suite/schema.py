"""The suite's format as a JSON schema, for editors: its keys are the reader's own, so that neither can know one that the other does not.

What a key's value may be is said once more here, by type alone; what depends on other keys (a method without a generator, a silo that
no cohort has) is the reader's to tell. A key without a value here, or a value without a key, is an error when the schema is made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.devices import WORDS
from fpmg_bench.document.schemas import DRAFT, HOME
from fpmg_bench.hookspecs import CORE
from fpmg_bench.partition import OPTIONS, SPREADING, Option
from fpmg_bench.suite import external, faults, loading, methods, sections, tuning
from fpmg_bench.suite.model import COMPONENTS, METHOD_KEYS, OPTIONAL
from fpmg_bench.suite.place import DURATION, LONGEST_NAME, SIZE, WORD

if TYPE_CHECKING:
    from fpmg_bench.registry import Entry, Registry
    from fpmg_bench.registry.parameters import Parameter

Schema = dict[str, Any]
TEXT: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
NAME: Schema = {"type": "string", "pattern": f"^{WORD.pattern}$", "maxLength": LONGEST_NAME}
SHARE: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
ABOVE_0: Schema = {"type": "number", "exclusiveMinimum": 0}
SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
OPTION: Mapping[str, Schema] = {
    "whole": {"type": "integer", "minimum": 1, "maximum": sections.MOST_SILOS},
    "number": ABOVE_0,
    "share": {"type": "number", "minimum": 0, "maximum": 1},
    "name": TEXT,
}


def suite_schema(registry: Registry, *, shipped: bool = False) -> Schema:
    """JSON schema (2020-12) of a suite. registry: whose components and parameters are known; shipped: those of this program alone.

    Names of other components stay allowed: who reads a suite may have other plug-ins.
    """
    kinds = ("dataset", "encoder", "generator", "aggregator", "topology", "metric")
    entries = [each for each in registry.entries() if not shipped or each.distribution == CORE]
    parts = {kind: _component(kind, [each for each in entries if each.kind == kind], registry) for kind in kinds}
    parts |= {"partition": _partition(tuple(OPTIONS)), "spread": _partition(SPREADING)}
    parts |= {"spread-or-modality": _partition((*SPREADING, "modality"))}
    parts |= {"pace": _object(sections.PACE[1:], _pace()), "budget": _budget(), "fault": _fault(), "method": _method()}
    root = _object(loading.KEYS, _root(), loading.REQUIRED)
    return {"$schema": DRAFT, "$id": HOME.format("suite"), "title": "fpmg-bench suite", **root, "$defs": parts}


def _object(keys: Collection[str], values: Mapping[str, Schema], required: Collection[str] = ()) -> Schema:
    """A mapping of the reader's keys. Raises ValueError where it and `values` do not have the same ones."""
    if other := set(keys) ^ set(values):
        raise ValueError(f"the reader and the schema of suites do not agree on {', '.join(sorted(other))}")
    found: Schema = {"type": "object", "properties": {key: values[key] for key in keys}, "additionalProperties": False}
    return found | ({"required": list(required)} if required else {})


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _or_null(value: Schema) -> Schema:
    return {"anyOf": [value, {"type": "null"}]}


def _each(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


def _list(item: Schema, least: int = 1, **more: Any) -> Schema:
    return {"type": "array", "items": item, "minItems": least, **more}


def _root() -> Mapping[str, Schema]:
    return {
        "version": {"type": "integer", "const": 1},
        "name": NAME,
        "seeds": _list({"type": "integer", "minimum": 0}, uniqueItems=True),
        "datasets": _list(_ref("dataset")),
        "partition": _ref("partition"),
        "budget": _ref("budget"),
        "methods": {"type": "object", "propertyNames": NAME, "additionalProperties": _ref("method"), "minProperties": 1},
        "metrics": _list(_ref("metric")),
        "sweep": _each(_each(_list(SCALAR))),
        "limits": _object(sections.LIMIT_KEYS, _limits()),
        "tune": _or_null(_object(tuning.KEYS, _tune(), tuning.REQUIRED)),
        "frames": FLAG,
        "faults": _or_null(_list(_ref("fault"), 0)),
    }


def _limits() -> Mapping[str, Schema]:
    return {
        "trial": {"type": "string", "pattern": f"^{DURATION.pattern}$", "examples": ["10m"]},
        "on_error": {"enum": list(sections.ON_ERROR)},
        "memory": {"type": "string", "pattern": f"^{SIZE.pattern}$", "examples": ["4GiB"]},
        "device": {"type": "string", "description": WORDS},
    }


def _tune() -> Mapping[str, Schema]:
    bounds = {kind: _list({"type": "number" if kind == "float" else "integer"}, 2, maxItems=2) for kind in ("float", "int")}
    dimension = _object((*tuning.DIMENSIONS, "log"), {**bounds, "choice": _list({}), "log": FLAG})
    return {
        "method": TEXT,
        "trials": {"type": "integer", "minimum": 1},
        "holdout": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.9},
        "objectives": _list(TEXT, 0),
        "space": _each(dimension | {"oneOf": [{"required": [kind]} for kind in tuning.DIMENSIONS]}),
        "seeds": {"type": "integer", "minimum": 1},
    }


def _pace(rounds: bool = False) -> Mapping[str, Schema]:
    own = {"local_steps": {"type": "integer", "minimum": 1}, "sampling_rate": SHARE}
    return ({"rounds": {"type": "integer", "minimum": 0}} if rounds else {}) | own


def _budget() -> Schema:
    more = {
        "encoder": _object(sections.PACE, _pace(rounds=True)),
        "encoder_rounds": {"type": "integer", "minimum": 0},
        "evaluate_every": {"type": ["integer", "null"], "minimum": 1},
        "stop": _or_null(_stop()),
        "adjust": _or_null(_adjust()),
    }
    return _object(sections.BUDGET_KEYS, {**_pace(rounds=True), **more})


def _stop() -> Schema:
    better: Schema = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    count: Schema = {"type": "integer", "minimum": 1}
    share: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}
    values = {"consensus": ABOVE_0, "loss": better, "score": better}
    values |= {"patience": count, "every": count, "share": share, "clip": ABOVE_0}
    return _object((*sections.STOPS, *sections.CHECKS), values) | {"oneOf": [{"required": [by]} for by in sections.STOPS]}


def _adjust() -> Schema:
    part: Schema = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    share: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}
    times: Schema = {"type": "number", "exclusiveMinimum": 1, "maximum": 10}
    after: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    return _object(sections.ADJUSTS, {"after": after, "times": times, "margin": part, "share": share})


def _method() -> Schema:
    silo: Schema = {"type": "object", "properties": {**_pace(), "encoder": _ref("pace"), "epsilon": ABOVE_0}}
    values = {
        "extends": TEXT,
        "encoders": _each(_ref("encoder")),
        **{key: _ref(key) for key in COMPONENTS},
        **{key: _ref(key.removeprefix("encoder_")) for key in OPTIONAL},
        "generator": _or_null(_ref("generator")),
        "partition": _ref("partition"),
        "budget": _ref("budget"),
        "privacy": _or_null(_object(methods.PRIVACY_KEYS, _privacy(), ["epsilon"])),
        "silos": _each(silo),
        "control": _control(),
        "strength": {"type": "number", "minimum": 0},
        "audit": _or_null(_object(methods.AUDIT_KEYS, _audit(), ["canaries"])),
        "faults": _or_null(_list(_ref("fault"), 0)),
        "external": _or_null(_external()),
    }
    return _object(METHOD_KEYS, values)


def _control() -> Schema:
    from fpmg_bench.controls import CONTROLS

    return {"enum": list(CONTROLS)}


def _privacy() -> Mapping[str, Schema]:
    return {
        "epsilon": ABOVE_0,
        "delta": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "clip": ABOVE_0,
        "secure": FLAG,
        "balanced": FLAG,
        "statistics": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.99},
        "public_sizes": FLAG,
        "colluding": {"type": ["integer", "null"], "minimum": 0},
    }


def _audit() -> Mapping[str, Schema]:
    from fpmg_bench.audit.canaries import CHOICES
    from fpmg_bench.audit.sabotage import SHARDS

    return {
        "canaries": {"type": "integer", "minimum": methods.LEAST_CANARIES},
        "sabotage": {"enum": list(SHARDS)},
        "chosen": {"enum": list(CHOICES)},
    }


def _external() -> Schema:
    word: Schema = {"type": ["string", "number"]}
    values = {
        "command": _list(word),
        "peer": NAME,
        "release": TEXT,
        "env": _each(word),
        "files": _list(TEXT, 0),
        "limit": {"type": "string", "pattern": f"^{DURATION.pattern}$"},
    }
    return _object(external.KEYS, values) | {"anyOf": [{"required": [key]} for key in ("command", "peer", "release")]}


def _fault() -> Schema:
    """One of the kinds of faults, each with its own parameters."""
    from fpmg_bench.faults import KINDS
    from fpmg_bench.registry.parameters import signature_of

    silos: Schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}, _list(TEXT, uniqueItems=True)]}
    when: dict[str, Schema] = {
        "from": {"type": "integer", "minimum": 0},
        "until": {"type": ["integer", "null"], "minimum": 1},
        "stage": {"enum": [1, 2, "both"]},
    }
    each = []
    for name, kind in KINDS.items():
        own: dict[str, Schema] = {key: _parameter(parameter) for key, parameter in signature_of(kind).items()}
        keys = (*faults.HEAD, *(faults.WHEN if kind.rounds else ()), *own)
        values: dict[str, Schema] = {"kind": {"const": name}, "silos": silos, **(when if kind.rounds else {}), **own}
        each.append(_object(keys, values, ["kind"]))
    return {"oneOf": each}


def _partition(kinds: Collection[str]) -> Schema:
    """A kind by its name, or with its options; a name alone where none of them is needed."""
    bare = [kind for kind in kinds if not any(option.required for option in OPTIONS[kind].values())]
    each = []
    for kind in kinds:
        options = OPTIONS[kind]
        values = {"kind": {"const": kind}} | {name: _option(option, kind) for name, option in options.items()}
        needed = ["kind", *(name for name, option in options.items() if option.required)]
        each.append(_object(("kind", *options), values, needed))
    return {"anyOf": [{"enum": bare}, *each]}


def _option(option: Option, kind: str) -> Schema:
    return OPTION[option.type] if option.type in OPTION else _ref("spread" if kind == "modality" else "spread-or-modality")


def _component(kind: str, entries: Collection[Entry], registry: Registry) -> Schema:
    """`name`, or `{name: ..., parameter: value}` with the parameters of that name, where it is known."""
    beside = _beside(kind)
    known = {registry.name_of(entry): entry for entry in entries}
    words = [{"const": name, "description": entry.summary} for name, entry in known.items()]
    each = [_parameters(kind, name, beside, registry) for name in known]
    whole = {"type": "object", "required": ["name"], "properties": {"name": {"anyOf": [*words, TEXT]}, **beside}, "allOf": each}
    return {"anyOf": [*words, TEXT, whole]}


def _beside(kind: str) -> Mapping[str, Schema]:
    """Keys beside a component's name that are no parameters."""
    if kind != "dataset":
        return {}
    values = {"name": TEXT, "as": NAME, "partition": _ref("partition"), "optional": FLAG}
    own: Mapping[str, Schema] = _object(sections.DATASET_KEYS, values)["properties"]
    return {key: value for key, value in own.items() if key != "name"}


def _parameters(kind: str, name: str, beside: Mapping[str, Schema], registry: Registry) -> Schema:
    """Where that is the name, these are the keys."""
    found = registry.parameters(kind, name)
    values = {key: _parameter(parameter) for key, parameter in found.items()}
    needed = [key for key, parameter in found.items() if parameter.required]
    then = _object(("name", *beside, *values), {"name": {}, **{key: {} for key in beside}, **values}, needed)
    return {"if": {"properties": {"name": {"const": name}}}, "then": then}


def _parameter(parameter: Parameter) -> Schema:
    """What pydantic takes for the annotation, and the default."""
    from pydantic import TypeAdapter

    found = TypeAdapter(parameter.annotation).json_schema()
    return found if parameter.required else {**found, "default": parameter.default}
