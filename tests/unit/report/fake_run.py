"""A fabricated run directory: tiny invented numbers in the format of real runs, for tests of the report and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fpmg_bench.cohorts.folder import write
from fpmg_bench.spec import Budget, Choice, Privacy, TrialSpec
from fpmg_bench.stats.amp import amp
from fpmg_bench.store import RunDir, collect, frame, write_table
from fpmg_bench.types import Cohort, Column, Pixels, Schema, Series, Table, Text

DATASETS = ("fake-alpha", "fake-beta")
SCORE = ("value", "low", "high", "n", "floor", "status", "reason", "scope", "modality", "higher_is_better", "unit")
METHODS = ("fpmg", "fpmg-dp", "fedavg", "centralized", "local-only", "single-modal")
CONTROLS = ("copy",)
SEEDS = (0, 1, 2)
MODALITIES = ("labs", "vitals", "note", "scan", "clip")
SILOS = ("north", "south", "west")
ROUNDS = 6
SCALES = {
    "rg": (None, "ratio"),
    "dg": (None, "ratio"),
    "tstr": (True, "AUROC"),
    "tstr.gap": (False, "AUROC"),
    "co": (False, "bytes"),
}
EVIL = "<img src=x onerror=alert(1)>"  # a reason with markup in it: must arrive as text


def make(path: Path, seeds: tuple[int, ...] = SEEDS, suite: str = "fake", broken: bool = True) -> Path:
    """Write the run; returns `path`. broken: with a failed, a timed out and a not applicable one."""
    trials = [_spec(d, m, s) for d in DATASETS for m in (*METHODS, *CONTROLS) for s in seeds]
    plan = {
        "schema_version": 1,
        "suite": suite,
        "command": f"fpmg-bench run suites/{suite}.yaml",
        "created": "2025-01-01T00:00:00+00:00",
        "trials": [
            {"id": t.id, "key": _key(t), "stage1": _key(t, "s1"), "measure": _key(t, "m"), "spec": asdict(t)} for t in trials
        ],
        "refusals": [{"id": "fake-alpha/krum/0", "reason": "krum needs 5 inputs, a ring gives 3; 2 hops would do"}]
        if broken
        else [],
        "skipped": [{"id": "covid-cxr/fpmg/0", "reason": "FPMG_DATA is not set"}] if broken else [],
        "cohorts": {name: _cohort_info(name) for name in DATASETS},
        "components": [{"kind": "generator", "name": "parallel-cgan", "version": "0.1.0+abc", "distribution": "fpmg-bench"}],
    }
    path.mkdir(parents=True)
    _json(path / "plan.json", plan)
    _json(path / "environment.json", _environment())
    (path / "suite.yaml").write_text(f"version: 1\nname: {suite}\n")
    for trial in trials:
        _trial(path / "trials" / _key(trial), trial, broken)
    table = collect(RunDir(path))
    write_table(path / "results.parquet", frame([*table.to_dict("records"), *amp(table).to_dict("records")]))
    return path


def add(run: Path, extra: pd.DataFrame) -> None:
    """More rows of the table, put where they come from: into the trials' files."""
    for key, rows in extra.groupby("key"):
        folder = run / "trials" / str(key)
        record = json.loads((folder / "trial.json").read_text())
        rounds = [json.loads(line) for line in (folder / "rounds.jsonl").read_text().splitlines()]
        for row in rows.to_dict("records"):
            known = {name: None if pd.isna(row[name]) else row[name] for name in SCORE if name in row}
            score = known | {"metric": row["metric"].partition(".")[0], "key": row["metric"]}
            if row["round"] == -1:
                record["scores"].append(score)
            else:
                last = [each for each in rounds if each["round"] == row["round"]][-1]
                last.setdefault("scores", []).append(score)
        _json(folder / "trial.json", record)
        (folder / "rounds.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rounds))


def _spec(dataset: str, method: str, seed: int) -> TrialSpec:
    topology = {"fedavg": "star", "local-only": "isolated"}.get(method, "ring")
    aggregator = "fedavg" if method == "fedavg" else "centered-clipping"
    return TrialSpec(
        dataset=Choice(dataset),
        dataset_name=dataset,
        method=method,
        seed=seed,
        partition={"kind": "pooled"} if method == "centralized" else {"kind": "natural"},
        encoders={m: Choice("autoencoder") for m in MODALITIES},
        generator=None if method in CONTROLS else Choice("parallel-cgan"),
        topology=None if method in CONTROLS else Choice(topology),
        aggregator=None if method in CONTROLS else Choice(aggregator),
        budget=Budget(rounds=ROUNDS),
        metrics=tuple(Choice(name) for name in ("rg", "dg", "pg", "fc", "co", "tstr")),
        privacy=Privacy(8.0, 1e-4) if method == "fpmg-dp" else None,
        control=Choice(method) if method in CONTROLS else None,
    )


def _key(trial: TrialSpec, part: str = "t") -> str:
    return hashlib.sha256(f"{part}{trial.id}".encode()).hexdigest()[:16]


def _rng(trial: TrialSpec) -> np.random.Generator:
    return np.random.default_rng(int(_key(trial), 16) % 2**32)


def _cohort_info(name: str) -> dict[str, Any]:
    schemas = {m: asdict(schema) for m, schema in _schemas().items()}
    return {
        "name": name, "fingerprint": f"{name}-0000", "schemas": schemas, "conditions": [asdict(_label())], "classes": ["healthy", "ill"],
        "label_counts": [70, 30], "n": 100, "patients": 80, "present": dict.fromkeys(MODALITIES, 100),
        "silos": [{"name": s, "records": 30, "patients": 25, "label_counts": [20, 10]} for s in SILOS],
        "leaks": ["note"] if name == "fake-beta" else [], "licence": "invented, CC0", "publishable": name == "fake-alpha",
        "dropped": {"no label": 7} if name == "fake-beta" else {},
    }  # fmt: skip


def _environment() -> dict[str, Any]:
    return {
        "python": "3.11.4", "platform": "Linux", "cpu": "test", "cores": 2, "threads": 1, "device": "cpu", "fpmg_bench": "0.1.0", "core": "c0ffee",
        "libraries": {"torch": "2.14.1", "numpy": "2.4.6"}, "git": {"commit": "0123456", "dirty": False},
    }  # fmt: skip


def _status(trial: TrialSpec, broken: bool) -> tuple[str, str, str]:
    if broken and trial.id == "fake-alpha/single-modal/1":
        return "failed", f"the generator diverged {EVIL}", "stage 2, round 3"
    if broken and (trial.dataset_name, trial.method) == ("fake-beta", "single-modal"):
        return "timeout", "over the limit of 600 s", "stage 1, round 2"
    return "ok", "", ""


def _trial(folder: Path, trial: TrialSpec, broken: bool) -> None:
    folder.mkdir(parents=True)
    status, reason, where = _status(trial, broken)
    rounds = list(_rounds(trial)) if trial.control is None else []
    record = {
        "schema_version": 1, "key": folder.name, "stage1": _key(trial, "s1"), "id": trial.id, "dataset": trial.dataset_name,
        "method": trial.method, "role": trial.role, "seed": trial.seed, "status": status, "reason": reason, "where": where,
    }  # fmt: skip
    if status == "ok":
        record |= _done(trial, rounds)
        if trial.role == "method":
            write(_cohort(trial), folder / "synthetic" / "north", licence="synthetic")
    _json(folder / "trial.json", record)
    (folder / "rounds.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rounds))
    (folder / "log.txt").write_text("invented\n")
    if trial.privacy:
        silos = [
            {
                "silo": i, "name": s, "patients": 25, "epsilon": 7.5 + 0.1 * i, "epsilon_rdp": 7.9 + 0.1 * i, "accountant": "prv", "noise_multiplier": 1.3,
                "entries": [{"stage": "stage2", "mechanism": "step", "sampling_rate": 0.1, "noise_multiplier": 1.3, "count": 120}],
            }
            for i, s in enumerate(SILOS)
        ]  # fmt: skip
        _json(folder / "ledger.json", {"unit": "patient", "adjacency": "add/remove", "delta": 1e-4, "silos": silos})


def _done(trial: TrialSpec, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """What a finished trial adds."""
    total = sum(r["bytes"] for r in rounds)
    pooled = trial.method == "centralized"
    return {
        "seconds": {"load": 0.2, "stage1": 4.0 + trial.seed, "encode": 0.3, "stage2": 9.0, "sample": 0.2, "decode": 0.4, "measure": 2.5, "total": 16.6 + trial.seed},
        "cpu_seconds": 15.0, "peak_rss_bytes": 4.2e8,
        "split": {**{k: {"records": n + 5, "patients": n} for k, n in {"train": 52, "r1": 14, "r2": 14, "held_out": 28}.items()}, "third": None, "unstratified": 2},
        "silos": [
            {"index": i, "name": s, "records": 20 + i, "patients": 17 + i, "label_counts": [12, 8 + i], "modalities": list(MODALITIES), "sampling_rate": 0.1, "local_steps": 20}
            for i, s in enumerate(("pooled",) if pooled else SILOS)
        ],
        "skew": {"js": 0.12, "gini": 0.2}, "dropped": {}, "plumbing": _plumbing(trial), **_graph(trial),
        "bytes": {} if trial.control else {"stage2": {"rounds": [r["bytes"] for r in rounds], "messages": 36}, "total": 2_000_000 if pooled else total, "raw_upload": 2_000_000},
        "privacy": {"epsilon": 7.7, "delta": 1e-4, "unit": "patient", "silos": []} if trial.privacy else None,
        "scores": list(_scores(trial, total)),
    }  # fmt: skip


def _graph(trial: TrialSpec) -> dict[str, Any]:
    if trial.control or trial.method == "centralized":
        return {}
    edges = [] if trial.method == "local-only" else [[0, 1], [1, 2], [2, 0]]
    facts = {"connectivity": len(edges) // 3, "second_modulus": 0.0 if edges else 1.0, "rounds": 1 if edges else None, "sees": 3}
    return {"graph": {"silos": 3, "edges": edges, "messages": 2 * len(edges)} | facts}


def _plumbing(trial: TrialSpec) -> list[dict[str, Any]]:
    def row(
        check: str, status: str, expected: float | None = None, measured: float | None = None, reason: str = ""
    ) -> dict[str, Any]:
        return {"check": check, "stage": "stage2", "status": status, "expected": expected, "measured": measured, "reason": reason}

    if trial.control:
        return []
    if trial.method in ("centralized", "local-only"):
        return [row("mixing", "not_applicable", reason="no transfers: silos are isolated")]
    return [
        row("rows of the mixing matrix sum to 1", "ok", 0.0, 1e-16),
        row("consensus distance contracts by the second modulus", "ok", 0.0, 0.0),
    ]


def _rounds(trial: TrialSpec) -> Iterator[dict[str, Any]]:
    rng = _rng(trial)
    alone = trial.method in ("local-only", "centralized")
    for stage, modules in (("stage1:labs", 3), ("stage2", ROUNDS)):
        for i in range(modules):
            before = 1.5 * 0.8**i + 0.05 * rng.random()
            after = before if alone else before * 0.33 if trial.method == "fedavg" else 0.0
            sent = 0 if alone else 90_000 if trial.method == "fedavg" else 180_000
            yield {
                "stage": stage, "round": i, "modules": {}, "before": before, "after": after, "relative": after / 10, "variance_ratio": 1 - (after / before) ** 2,
                "theory": None if alone else 0.33 if trial.method == "fedavg" else 0.0,
                "losses": {str(s): {"discriminator": 1.4 - 0.05 * i + 0.1 * rng.random(), "generator": 0.7 + 0.05 * i} for s in range(1 if trial.method == "centralized" else 3)},
                "bytes": sent, "headers": 100, "messages": 6, "closed_form": None if alone else sent, "sent": {}, "seconds": 0.5,
            }  # fmt: skip


def _scores(trial: TrialSpec, total: int) -> Iterator[dict[str, Any]]:
    rng = _rng(trial)
    level = {
        "centralized": 0.02,
        "fpmg": 0.0,
        "fedavg": -0.01,
        "fpmg-dp": -0.12,
        "local-only": -0.08,
        "single-modal": -0.06,
        "copy": 0.03,
    }[trial.method]
    noise = 0.01 * rng.standard_normal(4)

    def score(metric: str, key: str, value: float, floor: float | None = None, **more: Any) -> dict[str, Any]:
        higher, unit = SCALES.get(key, (None, ""))
        band = {"low": value - 0.03, "high": value + 0.03} if key not in ("co", "pg.epsilon") else {}
        return {
            "metric": metric,
            "key": key,
            "value": value,
            "floor": floor,
            "status": "ok",
            "scope": "all",
            "higher_is_better": higher,
            "unit": unit,
            **band,
            **more,
        }

    yield score("rg", "rg", 1.15 - level + noise[0], 1.01)
    for i, m in enumerate(MODALITIES):
        yield score("rg", "rg", 1.1 + 0.1 * i - level + noise[1], 1.0, modality=m)
    yield score("rg", "rg.copy_ratio", 0.01 if trial.control else 0.98 + noise[2], 1.0)
    yield score("dg", "dg", 1.2 - level + noise[2], 1.02)
    yield score("dg", "dg.spread", (0.6 if trial.method == "fpmg-dp" else 0.93) + noise[3], 0.99)
    yield score("pg", "pg.epsilon", 7.7 if trial.privacy else "inf")
    yield score("pg", "pg.attack_auc", 0.99 if trial.control else 0.52 + noise[0], 0.5)
    if trial.method == "centralized" or trial.control:
        yield {
            "metric": "fc",
            "key": "fc",
            "status": "not_applicable",
            "reason": "one silo is always consistent with itself",
            "scope": "all",
        }
    else:
        yield score("fc", "fc", {"local-only": 0.4, "fedavg": 0.01}.get(trial.method, 0.0))
    if not trial.control:
        yield score("co", "co", float(2_000_000 if trial.method == "centralized" else total))
    yield score("tstr", "tstr", 0.75 + level + noise[1], 0.82)
    yield score("tstr", "tstr.gap", 0.07 - level - noise[1], 0.0)
    yield score("sdmetrics-quality", "sdmetrics-quality", 0.85 + level, 0.95, modality="labs")


def _label() -> Column:
    return Column("diagnosis", "category", ("healthy", "ill"))


def _schemas() -> dict[str, Schema]:
    labs = (
        Column("age", "number", low=0, high=100, step=1),
        Column("sex", "category", ("female", "male")),
        Column("smoker", "flag"),
    )
    vitals = (Column("heart rate", "number", low=40, high=140), Column("temperature", "number", low=35, high=41))
    return {
        "labs": Schema("table", labs), "vitals": Schema("series", vitals, (12,)), "note": Schema("text", (), (80,)),
        "scan": Schema("image", (), (1, 24, 24)), "clip": Schema("video", (), (6, 1, 16, 16)),
    }  # fmt: skip


def cohort(n: int = 8, seed: int = 0) -> Cohort:
    """Invented patients of five modalities."""
    rng = np.random.default_rng(seed)
    sick = np.arange(n) % 2
    frame_ = pd.DataFrame(
        {
            "age": rng.integers(20, 90, n).astype(float),
            "sex": np.where(rng.random(n) < 0.5, "female", "male"),
            "smoker": rng.integers(0, 2, n).astype(float),
        }
    )
    frame_["sex"] = frame_["sex"].astype(object)
    time = np.tile(np.arange(12, dtype=np.float32), (n, 1))
    waves = np.stack([80 + 20 * np.sin(time / 2 + i) for i in range(1)], -1)
    values = np.concatenate([waves, np.full_like(waves, 37.5)], -1).astype(np.float32)
    grid = np.add.outer(np.arange(24), np.arange(24)) * 5
    data: Mapping[str, Any] = {
        "labs": Table(frame_), "vitals": Series(time, values, rng.random(values.shape) < 0.9),
        "note": Text(tuple(f"invented note {i}: {'cough' if s else 'no complaint'} & more" for i, s in enumerate(sick))),
        "scan": Pixels.of(np.stack([np.roll(grid, 3 * i, 0) for i in range(n)])[:, None].astype(np.uint8)),
        "clip": Pixels.of(rng.integers(0, 255, (n, 6, 1, 16, 16), dtype=np.uint8)),
    }  # fmt: skip
    present = {m: np.ones(n, bool) for m in MODALITIES}
    present["note"][1] = False
    ids = np.arange(n, dtype=np.int64)
    return Cohort(_schemas(), data, present, (_label(),), sick[:, None].astype(float), ids, ids % 3, SILOS)


def _cohort(trial: TrialSpec) -> Cohort:
    return cohort(seed=int(_key(trial), 16) % 2**31)


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, default=float))
