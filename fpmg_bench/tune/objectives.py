"""What a study looks at: scores of the results table, read from its trials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import StoreError, SuiteError

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.suite import Suite, Tune
    from fpmg_bench.types import Scale


@dataclass(frozen=True, slots=True)
class Objective:
    """A score by its name in the results table. Minimised where lower is better, or as the distance to its best value."""

    name: str
    scale: Scale

    @property
    def direction(self) -> str:
        return "maximize" if self.scale.higher_is_better else "minimize"

    def of(self, value: float) -> float:
        """What the study sees of a measured value."""
        return abs(value - self.scale.best) if self.scale.higher_is_better is None else value

    def loss(self, value: float) -> float:
        """The same with lower as better."""
        return -value if self.direction == "maximize" else self.of(value)


def objectives_of(suite: Suite, tune: Tune, registry: Registry) -> list[Objective]:
    """The objectives with their scales. Raises SuiteError for a score that no metric of the suite declares."""
    from fpmg_bench.store import metric_name

    known: dict[str, Scale] = {}
    for choice in suite.metrics:
        scales = getattr(registry.load("metric", choice.name), "scales", {})
        known |= {metric_name(choice.name, key): scale for key, scale in scales.items()}
    unknown = [name for name in tune.objectives if name not in known]
    if unknown:
        raise SuiteError(
            f"{suite.source}: tune.objectives: no metric of the suite gives {', '.join(unknown)}",
            f"one of {', '.join(sorted(known))}",
        )
    return [Objective(name, known[name]) for name in tune.objectives]


def measured(result: Mapping[str, Any] | None, id: str, name: str) -> float:
    """A trial's final score over all silos. StoreError where it has none, with the reason."""
    from fpmg_bench.store import metric_name

    if result is None or result["status"] != "ok":
        raise StoreError(f"{id}: {result['reason'] if result else 'not run'}")
    for score in result["scores"]:
        whole = (score.get("scope") or "all") == "all" and score.get("modality") is None and score.get("round") is None
        if whole and metric_name(score["metric"], score.get("key") or score["metric"]) == name and score.get("value") is not None:
            value = float(score["value"])
            if math.isfinite(value):
                return value
    raise StoreError(f"{id}: {name} was not measured")
