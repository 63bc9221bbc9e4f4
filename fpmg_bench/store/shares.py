"""Where a run's processor time went: by stage of its trials, and in the processes around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fpmg_bench.store.shapes import Shape

COSTS = "costs.json"
CALLS: Shape = {"calls": [{"cpu": dict}], "damaged?": int}
USEFUL = ("train encoders", "train generator", "release", "scores")
TRIAL = {
    "stage1": USEFUL[0],
    "stage2": USEFUL[1],
    "ranks": USEFUL[1],
    "sample": USEFUL[2],
    "measure": USEFUL[3],
    "load": "load, split, space",
}
AROUND = {
    "zygote": "imports, once", "scenes": "cohorts and what is real alone, once a scene", "runner": "planning, the table, the report",
}  # fmt: skip
REST = "accounting, imports and start of trials"


@dataclass(frozen=True, slots=True)
class Share:
    """CPU seconds of one kind of work. useful: training, the release, and the release's own scores."""

    what: str
    seconds: float

    @property
    def useful(self) -> bool:
        return self.what in USEFUL


def shares(results: Iterable[Mapping[str, Any]], costs: Mapping[str, Any]) -> list[Share]:
    """From trial.json of finished trials and costs.json, largest first; [] where trials do not say (earlier versions)."""
    found: dict[str, float] = {}
    for result in results:
        steps = result.get("cpu")
        if not isinstance(steps, Mapping):
            continue
        for step, seconds in steps.items():
            if step in TRIAL:
                found[TRIAL[step]] = found.get(TRIAL[step], 0.0) + seconds
        known = sum(seconds for step, seconds in steps.items() if step in TRIAL)
        found[REST] = found.get(REST, 0.0) + max(0.0, float(result.get("cpu_seconds") or 0.0) - known)
    if not found:
        return []
    for call in costs.get("calls", ()):
        for process, seconds in call["cpu"].items():
            name = AROUND.get(process, process)
            found[name] = found.get(name, 0.0) + seconds
    return sorted((Share(what, seconds) for what, seconds in found.items() if seconds), key=lambda share: -share.seconds)


def useful(found: Iterable[Share]) -> float:
    """Share of all seconds that is useful."""
    rows = list(found)
    return sum(row.seconds for row in rows if row.useful) / sum(row.seconds for row in rows)
