"""A planned trial and its JSON form in plan.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fpmg_bench.keys import digest
from fpmg_bench.spec import Audit, Budget, Choice, External, Fault, Privacy, TrialSpec
from fpmg_bench.store.atomic import plain


@dataclass(frozen=True, slots=True)
class Planned:
    """One trial of a plan with its keys. stage1 is None where there is no stage 1 (controls)."""

    id: str
    key: str
    stage1: str | None
    measure: str
    spec: TrialSpec

    @property
    def scene(self) -> str:
        """Trials with the same one share a cohort, loaded and split: `TrialSpec.scene`."""
        return digest(self.spec.scene)

    @property
    def side(self) -> str:
        """Trials with the same one share what is measured of real patients alone: `TrialSpec.side`."""
        return digest(self.spec.side)

    def head(self) -> dict[str, Any]:
        """Keys and names, as they begin trial.json."""
        spec = self.spec
        return {
            "key": self.key, "stage1": self.stage1, "id": self.id, "dataset": spec.dataset_name, "method": spec.method,
            "role": spec.role, "seed": spec.seed,
        }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The entry in plan.json."""
        found: dict[str, Any] = plain(asdict(self))
        return found

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Planned:
        """The reverse of `to_json`."""
        return cls(entry["id"], entry["key"], entry["stage1"], entry["measure"], spec_from_json(entry["spec"]))


def spec_from_json(entry: Mapping[str, Any]) -> TrialSpec:
    """A trial's specification from its JSON form."""
    same = {
        "dataset": _choice(entry["dataset"]),
        "encoders": {name: _choice(item) for name, item in entry["encoders"].items()},
        "generator": _optional(entry["generator"]),
        "topology": _optional(entry["topology"]),
        "aggregator": _optional(entry["aggregator"]),
        "encoder_aggregator": _optional(entry.get("encoder_aggregator")),
        "budget": Budget(**entry["budget"]),
        "metrics": tuple(_choice(item) for item in entry["metrics"]),
        "privacy": Privacy(**_floats(entry["privacy"])) if entry["privacy"] else None,
        "control": _optional(entry["control"]),
        "audit": Audit(**entry["audit"]) if entry.get("audit") else None,
        "faults": tuple(_fault(item) for item in entry.get("faults", ())),
        "external": _external(entry["external"]) if entry.get("external") else None,
    }
    return TrialSpec(**{**entry, **same})


def _fault(entry: Mapping[str, Any]) -> Fault:
    silos = entry["silos"]
    return Fault(**{**entry, "silos": tuple(silos) if isinstance(silos, (list, tuple)) else silos})


def _external(entry: Mapping[str, Any]) -> External:
    return External(**{**entry, "command": tuple(entry["command"]), "files": tuple(entry["files"])})


def _choice(entry: Mapping[str, Any]) -> Choice:
    return Choice(entry["name"], entry["params"])


def _optional(entry: Mapping[str, Any] | None) -> Choice | None:
    return _choice(entry) if entry else None


def _floats(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Infinities come back from their words."""
    return {name: float(value) if value in ("inf", "-inf") else value for name, value in entry.items()}
