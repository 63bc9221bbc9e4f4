"""The kinds of partitions and what a suite may write for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fpmg_bench.document.words import plural

ATTEMPTS = 200
MIN_PATIENTS = 2


@dataclass(frozen=True, slots=True)
class Option:
    """A whole number of at least 1, a number above 0, a share from 0 to 1, a name, or the partition that this one is made of."""

    type: Literal["whole", "number", "share", "name", "partition"] = "whole"
    required: bool = False


SILOS = Option(required=True)
OPTIONS: Mapping[str, Mapping[str, Option]] = {
    "natural": {"min_patients": Option(), "silos": Option()},
    "iid": {"silos": SILOS},
    "dirichlet": {"alpha": Option("number", required=True), "silos": SILOS, "min_patients": Option()},
    "quantity": {"beta": Option("number", required=True), "silos": SILOS, "min_patients": Option()},
    "feature": {"strength": Option("share", required=True), "silos": SILOS, "by": Option("name"), "min_patients": Option()},
    "modality": {"lack": Option("share", required=True), "of": Option("partition", required=True), "min_patients": Option()},
    "pooled": {"of": Option("partition")},
}
SPREADING = tuple(kind for kind in OPTIONS if kind not in ("modality", "pooled"))  # these say where patients are


def spreading(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The partition that says where patients are: itself, or what a modality skew is made of."""
    inner: Mapping[str, Any] = spec["of"] if spec["kind"] == "modality" else spec
    return inner


def least_patients(spec: Mapping[str, Any]) -> int:
    """Fewest patients of a silo."""
    return int(spec.get("min_patients", 1 if spec["kind"] in ("natural", "iid", "pooled") else MIN_PATIENTS))


def words(spec: Mapping[str, Any]) -> str:
    """A partition in a few words: "dirichlet, alpha 0.5, 5 silos", "modality, lack 0.3 of natural"."""
    said = [plural(spec[key], "silo") if key == "silos" else f"{key} {spec[key]}" for key in spec if key not in ("kind", "of")]
    inner = f" of {words(spec['of'])}" if "of" in spec else ""
    return ", ".join([str(spec["kind"]), *said]) + inner
