"""What discovery finds: components that can be used, and plug-ins that cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ComponentKind = Literal["dataset", "encoder", "generator", "aggregator", "topology", "metric"]

HOOKS: dict[str, ComponentKind] = {
    "fpmg_datasets": "dataset",
    "fpmg_encoders": "encoder",
    "fpmg_generators": "generator",
    "fpmg_topologies": "topology",
    "fpmg_aggregators": "aggregator",
    "fpmg_metrics": "metric",
}
COMPONENT_KINDS: tuple[ComponentKind, ...] = tuple(HOOKS.values())
SIGNS: dict[ComponentKind, tuple[str, ...]] = {  # the methods that together only this kind has, the surest kinds first
    "aggregator": ("merge", "min_inputs"),
    "topology": ("plan", "messages"),
    "encoder": ("encode", "decode", "train"),
    "generator": ("sample", "train"),
    "dataset": ("load", "fingerprint"),
    "metric": ("__call__",),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One component that a distribution offers. target: "package.module:Class", imported at first use."""

    name: str
    kind: ComponentKind
    target: str
    summary: str
    distribution: str
    dist_version: str
    entry_point: str
    formerly: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The name that works even where two distributions offer the same bare one."""
        return f"{self.distribution}:{self.name}"

    @property
    def module(self) -> str:
        """The part of the target before the colon."""
        return self.target.partition(":")[0]

    @property
    def attribute(self) -> str:
        """The class's name in that module."""
        return self.target.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Broken:
    """A plug-in that failed. error: one line; detail: the traceback; names: (kind, name) it offered before it failed."""

    distribution: str
    entry_point: str
    error: str
    detail: str
    names: tuple[tuple[str, str], ...] = ()
