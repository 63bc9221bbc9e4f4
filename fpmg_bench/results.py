"""A finished (or interrupted) run directory, as Python sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import ExitCode, StoreError

if TYPE_CHECKING:
    import pandas as pd

    from fpmg_bench.store import Planned, RunDir, TrialRecord


@dataclass(frozen=True, repr=False)
class Results:
    """Results of one run directory. code, counts: how `run` ended; of a loaded run, what there is of its trials.

    >>> import fpmg_bench as fb                                     # doctest: +SKIP
    >>> fb.load("runs/smoke").table().query("metric == 'rg'")       # doctest: +SKIP
    """

    path: Path
    code: ExitCode = ExitCode.OK
    counts: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        told = ", ".join(f"{count} {what}" for what, count in self.counts.items() if count)
        return f"<Results of {self.path}: {told or 'no trials'}>"

    @property
    def suite(self) -> str:
        """Name of the suite. Raises StoreError where the folder is no run directory."""
        return str(self._run.plan()["suite"])

    def table(self) -> pd.DataFrame:
        """results.parquet: one row a trial, round, scope, modality and metric. Of an unfinished run what it has so far.

        Where the file is missing or damaged, or trials were finished or damaged since, the rows come from the trials' files.
        """
        from fpmg_bench.store import latest

        found = latest(self._run)
        return rebuilt(self._run) if found is None else found

    def records(self) -> list[TrialRecord]:
        """What every planned trial left, in the order of the plan; damaged trials among them."""
        run = self._run
        return [run.record(trial) for trial in run.trials()]

    def trials(self) -> list[Mapping[str, Any]]:
        """trial.json of every trial that ended and is whole, in the order of the plan."""
        return [record.result for record in self.records() if record.result is not None]

    def problems(self) -> dict[str, str]:
        """Id -> status and reason of every trial that failed, timed out, or is damaged on disk: none of them has numbers."""
        return {r.trial.id: f"{r.status}: {r.reason}" for r in self.records() if r.status not in ("ok", "")}

    def ledger(self, key: str) -> Mapping[str, Any] | None:
        """ledger.json of a trial; None where the trial has none, or is damaged."""
        return next((record.ledger for record in self.records() if record.trial.key == key), None)

    def synthetic(self, method: str, seed: int, dataset: str | None = None, silo: str | None = None) -> Path:
        """Folder of a silo's synthetic patients: a folder cohort (`cohort.yaml`, manifest, media).

        dataset, silo: needed where the run has several. Raises StoreError naming what there is.
        """
        folder = self._run.trial(self._trial(method, seed, dataset).key) / "synthetic"
        silos = sorted(path.parent.name for path in folder.glob("[!.]*/cohort.yaml"))
        if not silos:
            raise StoreError(f"{folder}: this trial stored no synthetic patients", "controls of unpublishable cohorts store none")
        if silo is None and len(silos) > 1:
            raise StoreError(f"{method}/{seed} has {len(silos)} releases", f"name a silo: {', '.join(silos)}")
        if silo is not None and silo not in silos:
            raise StoreError(f"{method}/{seed} has no release '{silo}'", f"one of {', '.join(silos)}")
        return folder / (silo or silos[0])

    def left_out(self) -> dict[str, list[str]]:
        """reason -> ids of the trials that planning refused or skipped."""
        plan = self._run.plan()
        return by_reason((entry["id"], entry["reason"]) for entry in [*plan.get("refusals", ()), *plan.get("skipped", ())])

    @property
    def _run(self) -> RunDir:
        from fpmg_bench.store import RunDir

        return RunDir(self.path)

    def _trial(self, method: str, seed: int, dataset: str | None) -> Planned:
        found = [
            trial
            for trial in self._run.trials()
            if (trial.spec.method, trial.spec.seed) == (method, seed) and dataset in (None, trial.spec.dataset_name)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(trial.spec.dataset_name for trial in found)
            raise StoreError(f"{self.path}: {method}/{seed} ran on several datasets", f"name one: {names}")
        ids = ", ".join(trial.id for trial in self._run.trials()[:8])
        raise StoreError(f"{self.path}: no trial of method '{method}' with seed {seed}", f"it has {ids}, ...")


def by_reason(left_out: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """reason -> ids of trials, from (id, reason)."""
    found: dict[str, list[str]] = {}
    for id, reason in left_out:
        found.setdefault(reason, []).append(id)
    return found


def rebuilt(run: RunDir) -> pd.DataFrame:
    """The long table of a run from its trials' files, with the AMP rows, which need several trials."""
    import pandas as pd

    from fpmg_bench.stats import amp, references
    from fpmg_bench.store import collect

    table = collect(run)
    added = amp(table, references([trial["spec"] for trial in run.plan()["trials"]]))
    return pd.concat([table, added], ignore_index=True) if len(added) else table
