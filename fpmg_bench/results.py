"""A finished (or interrupted) run directory, as Python sees it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.document import did_you_mean, plural
from fpmg_bench.errors import ExitCode, StoreError
from fpmg_bench.spec import NOT_HERE

if TYPE_CHECKING:
    import pandas as pd

    from fpmg_bench.report.export.plots import Plots
    from fpmg_bench.report.view import View
    from fpmg_bench.store import Planned, RunDir, TrialRecord
    from fpmg_bench.types import Cohort

SHOWN = 8  # methods by name
STATUSES = ("ok", "failed", "timeout", "damaged", "left")


@dataclass(frozen=True, repr=False)
class Results:
    """Results of one run directory. code, counts: how `run` ended; of a loaded run, what there is of its trials.

    >>> import fpmg_bench as fb                                     # doctest: +SKIP
    >>> fb.load("runs/smoke").leaderboard()                         # doctest: +SKIP
    >>> fb.load("runs/smoke").table().query("metric == 'rg'")       # doctest: +SKIP
    """

    path: Path
    code: ExitCode = ExitCode.OK
    counts: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Results of {self.path}: {self._told()}>"

    def _repr_html_(self) -> str:
        """For notebooks: what came of the trials, the leaderboard, and what has no numbers and why. Nothing is loaded from anywhere."""
        from fpmg_bench.report.notebook import shown

        return shown(self.view(), self._told(), self.problems(), [*self.left_out_lines(), *self.red_flags()])

    def _told(self) -> str:
        counts = self.counts or self.status()
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "no trials"

    @property
    def suite(self) -> str:
        """Name of the suite. Raises StoreError where the folder is no run directory."""
        return str(self._run.plan()["suite"])

    def table(self) -> pd.DataFrame:
        """One row a trial, round, scope, modality and metric, from the trials' files: what `run` writes to results.parquet at its end.

        That file is for others: nothing here reads it, since it could say what no trial measured. Of an unfinished run what it has so far.
        """
        from fpmg_bench.run_table import rebuilt

        return rebuilt(self._run)

    def records(self) -> list[TrialRecord]:
        """What every planned trial left, in the order of the plan; damaged trials among them."""
        run = self._run
        return [run.record(trial) for trial in run.trials()]

    def trials(self) -> list[Mapping[str, Any]]:
        """trial.json of every trial that ended and is whole, in the order of the plan."""
        return [record.result for record in self.records() if record.result is not None]

    def status(self) -> dict[str, int]:
        """How many trials of the plan are ok, failed, timeout, damaged or left (not run yet), how many planning refused or skipped,

        and how many results of earlier versions (stale) lie beside them. What has none is 0.
        """
        plan = self._run.plan()
        found = Counter(record.status or "left" for record in self.records())
        left_out = {"refused": len(plan.get("refusals", ())), "skipped": len(plan.get("skipped", ()))}
        return {**{name: found[name] for name in STATUSES}, **left_out, "stale": len(self._run.former())}

    def leaderboard(self) -> pd.DataFrame:
        """The report's leaderboard, best first: a row a cohort and method, with mean and 95 % interval of every headline score.

        stands: wins, best mean, level with the best, worse, "not ranked" below five seeds; reference, control and audit do not compete.
        """
        from fpmg_bench.report.verdicts.board import table

        return table(self.view())

    def view(self) -> View:
        """What the report is made of. Of an unfinished run what it has so far."""
        from fpmg_bench.report.read import read_run
        from fpmg_bench.report.view import view

        return view([read_run(self.path)])

    @property
    def plot(self) -> Plots:
        """The report's pictures, one by one: `results.plot.frontier()`. A notebook shows them; `.save("FILE.svg")` or `.pdf`."""
        from fpmg_bench.report.export.plots import Plots

        return Plots(self.view())

    def problems(self) -> dict[str, str]:
        """Id -> status and reason of every trial that failed, timed out, or is damaged on disk: none of them has numbers."""
        return {r.trial.id: f"{r.status}: {r.reason}" for r in self.records() if r.status not in ("ok", "")}

    def red_flags(self) -> list[str]:
        """What no honest trial would show: an attack above what its epsilon permits, or held-out patients seen; a line each."""
        from fpmg_bench.audit.flags import flags

        done = [record.result for record in self.records() if record.status == "ok" and record.result is not None]
        return [f"{flag.trial}: {flag.text}" for flag in flags(done)]

    def ledger(self, key: str) -> Mapping[str, Any] | None:
        """ledger.json of a trial; None where the trial has none, or is damaged."""
        return next((record.ledger for record in self.records() if record.trial.key == key), None)

    def patients(self, method: str, seed: int | None = None, dataset: str | None = None, silo: str | None = None) -> Cohort:
        """A silo's synthetic patients, as many as it was judged by; `fpmg-bench release` draws others, in the source's form.

        seed, dataset, silo: needed where the run has several. Raises StoreError naming what there is to choose from.
        """
        from fpmg_bench.registry import Registry
        from fpmg_bench.spec import Choice

        folder = self.synthetic_path(method, seed, dataset, silo)
        cohort: Cohort = Registry.discover().build("dataset", Choice("folder", {"root": str(folder)})).load()
        return cohort

    synthetic = patients

    def synthetic_path(self, method: str, seed: int | None = None, dataset: str | None = None, silo: str | None = None) -> Path:
        """Folder of a silo's synthetic patients: a folder cohort (`cohort.yaml`, manifest, media).

        seed, dataset, silo: needed where the run has several. Raises StoreError naming what there is to choose from.
        """
        ran = self._ran(method, seed)
        stored = {
            (trial.spec.dataset_name, trial.spec.seed, folder.name): folder
            for trial in ran
            for folder in releases(self._run.trial(trial.key))
        }
        chosen = [place for (of, _, at), place in stored.items() if dataset in (None, of) and silo in (None, at)]
        if len(chosen) == 1:
            return chosen[0]
        told = [dataset, method, None if seed is None else str(seed), f"silo {silo}" if silo else None]
        asked = "/".join(word for word in told if word)
        if not stored:
            reason = "failed trials, encoders alone and controls of cohorts that are not publishable store none"
            raise StoreError(f"{self.path}: {asked} stored no synthetic patients", reason)
        what = f"is {len(chosen)} releases" if chosen else "is none of the releases"
        raise StoreError(f"{self.path}: {asked} {what}", f"choose one: {_choices(stored)}")

    def _ran(self, method: str, seed: int | None) -> list[Planned]:
        """The trials of a method and seed, of all cohorts. Raises StoreError naming the run's methods, or the method's seeds."""
        trials = self._run.trials()
        of = [trial for trial in trials if trial.spec.method == method]
        if not of:
            methods = list(dict.fromkeys(trial.spec.method for trial in trials))
            at = f" with seed {seed}" if seed is not None else ""
            raise StoreError(
                f"{self.path}: no trial of method '{method}'{at}", f"methods: {', '.join(methods)}{did_you_mean(method, methods)}"
            )
        if found := [trial for trial in of if seed in (None, trial.spec.seed)]:
            return found
        places = {f"{name} has seeds {', '.join(map(str, seeds))}" for name, seeds in _seeds(of).items()}
        raise StoreError(f"{self.path}: no trial of method '{method}' with seed {seed}", "; ".join(sorted(places)))

    def release_lines(self) -> list[str]:
        """How to draw patients from what was trained: a command a method and cohort that has a generator."""
        done = [
            r.trial.spec for r in self.records() if r.status == "ok" and r.trial.spec.role == "method" and not r.trial.spec.audit
        ]
        pairs = list(dict.fromkeys((spec.method, spec.dataset_name) for spec in done))
        several = len({dataset for _, dataset in pairs}) > 1
        run = self.path.parent if done and done[0].final else self.path
        return [
            shlex.join(["fpmg-bench", "release", str(run), method, *(["--dataset", dataset] if several else []), "--to", "DIR"])
            for method, dataset in pairs
        ]

    def left_out(self) -> dict[str, list[str]]:
        """reason -> ids of the trials that planning refused or skipped, all of them."""
        plan = self._run.plan()
        return by_reason((entry["id"], entry["reason"]) for entry in [*plan.get("refusals", ()), *plan.get("skipped", ())])

    def left_out_lines(self) -> list[str]:
        """What planning left out, said shortly: a line a reason, and one for all cohorts that are not here."""
        plan = self._run.plan()
        return left_out_lines(*([(entry["id"], entry["reason"]) for entry in plan[kind]] for kind in ("refusals", "skipped")))

    @property
    def _run(self) -> RunDir:
        from fpmg_bench.store import RunDir

        return RunDir(self.path)


def releases(trial: Path) -> list[Path]:
    """The folders of synthetic patients that a trial stored, by silo; hidden ones are not whole yet."""
    return sorted(path.parent for path in (trial / "synthetic").glob("[!.]*/cohort.yaml"))


def _choices(stored: Iterable[tuple[str, int, str]]) -> str:
    """The arguments that choose each release, dataset by dataset; seeds where there are several."""
    found: dict[str, tuple[dict[int, None], dict[str, None]]] = {}
    for dataset, seed, silo in stored:
        seeds, silos = found.setdefault(dataset, ({}, {}))
        seeds[seed], silos[silo] = None, None
    return "; ".join(
        ", ".join(
            [
                f"dataset={dataset!r}",
                *([f"seed={' or '.join(map(str, seeds))}"] if len(seeds) > 1 else []),
                f"silo={' or '.join(map(repr, silos))}",
            ]
        )
        for dataset, (seeds, silos) in found.items()
    )


def _seeds(trials: Iterable[Planned]) -> dict[str, list[int]]:
    """Seeds by cohort."""
    found: dict[str, list[int]] = {}
    for trial in trials:
        found.setdefault(trial.spec.dataset_name, []).append(trial.spec.seed)
    return found


def left_out_lines(refused: Iterable[tuple[str, str]], skipped: Iterable[tuple[str, str]]) -> list[str]:
    """What planning left out, from (id, reason): a line a reason, and one for all cohorts that are not here."""
    cohorts = {id.partition("/")[0]: reason for id, reason in skipped}
    absent = [name for name, reason in cohorts.items() if reason.startswith(NOT_HERE)]
    lines = [f"refused: {_cells(ids)}: {reason}" for reason, ids in by_reason(refused).items()]
    lines += [f"skipped: {name}: {reason}" for name, reason in cohorts.items() if name not in absent or len(absent) == 1]
    if len(absent) > 1:
        where = "set FPMG_DATA to the folder that holds them; fpmg-bench data fetch NAME --to DIR gets one"
        lines.append(f"skipped: {plural(len(absent), 'cohort')} {NOT_HERE}: {', '.join(absent)}; {where}")
    return lines


def _cells(ids: Sequence[str]) -> str:
    """Trials by dataset: "iu-cxr (fpmg, fedavg), 6 trials"."""
    methods: dict[str, dict[str, None]] = {}
    for id in ids:
        dataset, _, rest = id.partition("/")
        methods.setdefault(dataset, {})[rest.rpartition("/")[0]] = None
    named = (
        f"{dataset} ({', '.join([*found][:SHOWN])}{', ...' if len(found) > SHOWN else ''})" for dataset, found in methods.items()
    )
    return f"{', '.join(named)}, {plural(len(ids), 'trial')}"


def by_reason(left_out: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """reason -> ids of trials, from (id, reason)."""
    found: dict[str, list[str]] = {}
    for id, reason in left_out:
        found.setdefault(reason, []).append(id)
    return found
