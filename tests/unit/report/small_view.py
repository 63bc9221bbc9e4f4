"""A report's input in memory, of invented numbers: one cohort, a few methods, whatever scores a test needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fpmg_bench.report.drawing.palette import styles
from fpmg_bench.report.read import RunFiles, TrialFiles
from fpmg_bench.report.scores import Scores
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.result_rows import ResultRow

SPECS = {"tstr": (True, 1.0, "AUROC"), "rg": (None, 1.0, "ratio"), "proxies.dcr": (None, 1.0, "ratio")}
ATTACK = (False, 0.5, "AUROC")
COHORT = {"classes": ["common", "rare"], "label_counts": [90, 10]}


def rows(method: str, metric: str, values: Sequence[float | None], scope: str = "all", **more: Any) -> list[ResultRow]:
    """One row a seed, with an interval of +- .01 over patients; None is a seed that was lost."""
    higher, best, unit = SPECS.get(metric, ATTACK)
    return [
        {
            "schema_version": 1,
            "suite": "small",
            "dataset": "cohort",
            "method": method,
            "role": "method",
            "seed": seed,
            "key": "",
            "round": -1,
            "scope": scope,
            "modality": None,
            "metric": metric,
            "value": v,
            "low": v - 0.01,
            "high": v + 0.01,
            "n": None,
            "floor": None,
            "status": "ok",
            "reason": "",
            "higher_is_better": higher,
            "best": best,
            "lowest": None,
            "highest": None,
            "unit": unit,
            "source": "",
            **more,
        }
        for seed, v in enumerate(values)
        if v is not None
    ]


def missing(method: str, metric: str, reason: str, scope: str = "all") -> list[ResultRow]:
    """A score that is not applicable."""
    (row,) = rows(method, metric, [0.0], scope)
    return [{**row, "value": None, "low": None, "high": None, "status": "not_applicable", "reason": reason}]


def trial(method: str, seed: int, spec: Mapping[str, Any], record: Mapping[str, Any]) -> TrialFiles:
    """A finished one."""
    return TrialFiles("small", f"{method}{seed}", f"cohort/{method}/{seed}", "cohort", method, seed, "method", "ok", Path("nowhere"), spec, record)  # fmt: skip


def small(
    found: Sequence[ResultRow],
    privacy: Mapping[str, float] | None = None,
    topology: Mapping[str, str] | None = None,
    seeds: int = 5,
    audited: Sequence[str] = (),
    decoded: Sequence[str] = (),
    rounds: Mapping[str, int] | None = None,
) -> tuple[View, Group]:
    """The view of these rows and its only group. privacy: method -> its budget, all of which it spends; rounds: of its generator."""
    methods = []
    for name in dict.fromkeys(str(row["method"]) for row in found):
        epsilon = (privacy or {}).get(name)
        spec = {"privacy": {"epsilon": epsilon} if epsilon else None, "topology": {"name": (topology or {}).get(name, "ring")}}
        spec |= {"generator": {"name": "parallel-cgan"}, "budget": {"rounds": (rounds or {}).get(name, 15)}}
        spec |= {"audit": {"canaries": 60} if name in audited else None}
        record = {"privacy": {"epsilon": epsilon, "delta": 1e-5} if epsilon else None, "seconds": {"total": 1.0}}
        role = "decoded" if name in decoded else "method"
        methods.append(Method(name, role, tuple(trial(name, seed, spec, record) for seed in range(seeds))))
    trials = [each for method in methods for each in method.trials]
    run = RunFiles(Path("nowhere"), "small", "", {"cohorts": {"cohort": COHORT}}, {}, trials, found)
    group = Group(run, "cohort", "cohort", "cohort", methods)
    return View([run], [group], Scores(found), styles([method.name for method in methods])), group
