"""What the JSON files of a run directory must hold for their readers, and how a value is held against it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Shape = Any  # a type, several types, a predicate, [shape of each item], or {name: shape}; a name that ends in ? may be absent
WORDS = {dict: "an object", list: "a list", str: "text", int: "a whole number", type(None): "null", bool: "true or false"}
NAME = re.compile(r"(?!\.)[^/\\\x00]{1,255}")


def misfit(value: Any, shape: Shape, at: str = "", *, sample: bool = False) -> str:
    """Where and how the value does not have the shape; empty where it has. sample: the first item of a list speaks for all."""
    if isinstance(shape, Mapping):
        return _object(value, shape, at, sample)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{at}: a list was expected"
        items = enumerate(value[:1] if sample else value)
        return next((wrong for i, item in items if (wrong := misfit(item, shape[0], f"{at}.{i}", sample=sample))), "")
    if isinstance(shape, (type, tuple)):
        kinds = shape if isinstance(shape, tuple) else (shape,)
        return "" if isinstance(value, kinds) else f"{at}: {' or '.join(WORDS[kind] for kind in kinds)} was expected"
    return "" if shape(value) else f"{at}: {shape.__name__.replace('_', ' ')} was expected"


def _object(value: Any, shape: Mapping[str, Shape], at: str, sample: bool) -> str:
    if not isinstance(value, dict):
        return f"{at or 'the whole'}: an object was expected"
    for name, inner in shape.items():
        key = name.removesuffix("?")
        if key in value and (wrong := misfit(value[key], inner, f"{at}.{key}" if at else key, sample=sample)):
            return wrong
        if key not in value and not name.endswith("?"):
            return f"{at or 'the whole'}: no '{key}'"
    return ""


def a_number(value: Any) -> bool:
    """Or a word for an infinity, or null for none."""
    return value is None or isinstance(value, (int, float)) or value in ("inf", "-inf")


def a_file_name(value: Any) -> bool:
    """A key is the name of a folder."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def a_trial_id(value: Any) -> bool:
    """dataset/method/seed."""
    return isinstance(value, str) and re.fullmatch(r".+/.+/\d+", value, re.DOTALL) is not None


def a_status(value: Any) -> bool:
    """How a trial ended."""
    return value in ("ok", "failed", "timeout")


def names_with_sizes(value: Any) -> bool:
    """Of files."""
    return isinstance(value, dict) and all(isinstance(size, int) for size in value.values())


def equal_patients(value: Any) -> bool:
    """Counts of patients of whom a value was released, by modality."""
    counts = ("patients", "members", "others")
    return isinstance(value, dict) and all(
        isinstance(each, dict) and all(isinstance(each.get(name), int) and each[name] >= 0 for name in counts)
        for each in value.values()
    )


TEXT = (str, type(None))
OBJECT = (dict, type(None))
ANY: Shape = {}
SPEC: Shape = {
    "dataset_name": str, "method": str, "seed": int, "metrics": [{"name": str, "params": dict}], "encoders": dict, "budget": dict,
    "privacy?": OBJECT, "control?": OBJECT, "partition?": (dict, str),
}  # fmt: skip
UNRUN: Shape = {"id": str, "reason": str}
PLAN: Shape = {
    "schema_version": int, "suite": str, "trials": [{"id": a_trial_id, "key": a_file_name, "stage1": TEXT, "measure": str, "spec": SPEC}],
    "stale?": [dict], "refusals?": [UNRUN], "skipped?": [UNRUN], "cohorts?": dict, "components?": [dict], "command?": TEXT, "created?": TEXT,
}  # fmt: skip
SCORE: Shape = {
    "metric": str, "key?": TEXT, "scope?": TEXT, "modality?": TEXT, "status?": TEXT, "reason?": TEXT, "unit?": TEXT, "source?": TEXT,
    "round?": (int, type(None)), "higher_is_better?": (bool, type(None)),
    **dict.fromkeys(("n?", "value?", "low?", "high?", "floor?", "best?", "lowest?", "highest?"), a_number),
}  # fmt: skip
RESULT: Shape = {
    "key": str, "status": a_status, "reason?": TEXT, "where?": TEXT, "scores?": [SCORE], "spec?": dict, "seconds?": OBJECT, "split?": OBJECT,
    "silos?": [dict], "plumbing?": [dict], "bytes?": OBJECT, "privacy?": OBJECT, "audit?": OBJECT, "equal?": equal_patients, "files?": names_with_sizes,
}  # fmt: skip
ENTRY: Shape = {"stage": str, "mechanism": str, "sampling_rate": a_number, "noise_multiplier": a_number, "count": int}
LEDGER: Shape = {"silos": [{"silo": int, "name": str, "epsilon": a_number, "entries": [ENTRY]}]}
ROUND: Shape = {"stage": str, "round": int, "scores?": [SCORE], "losses?": OBJECT}
STAGE1: Shape = {"rounds": [ROUND], "extra": dict}
