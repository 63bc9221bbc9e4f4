"""The run directory: where each file lives, who may write, what is finished."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fpmg_bench.errors import StoreError
from fpmg_bench.store.atomic import naming, sweep, write_bytes, write_json
from fpmg_bench.store.reading import Damaged, read_json
from fpmg_bench.store.records import TrialRecord, lost_releases, read_record
from fpmg_bench.store.shapes import PLAN, RESULT
from fpmg_bench.store.specs import Planned

SCHEMA_VERSION = 1
FINAL_TRIALS = "final"  # a run of its own below a run: trials on all patients
OWN = frozenset(
    {
        "suite.yaml",
        "plan.json",
        "environment.json",
        "stage1",
        "trials",
        "results.parquet",
        "report.html",
        "costs.json",
        FINAL_TRIALS,
        "warm.log",
        "tensorboard",
        "mlruns",
        "wandb",
        ".lock",
    }
)
UNCLEAR = frozenset({"suite.yaml", "results.parquet", "report.html"})  # other folders have such files too
AGAIN = "the command that made this run writes it again, and keeps finished trials"


@dataclass(frozen=True, slots=True)
class RunDir:
    """Paths of one run. No database: one writer a trial, readable with pandas."""

    root: Path

    @property
    def results(self) -> Path:
        """results.parquet."""
        return self.root / "results.parquet"

    def trial(self, key: str) -> Path:
        """The trial's folder."""
        return self.root / "trials" / key

    def stage1(self, key: str) -> Path:
        """The folder of a shared stage 1."""
        return self.root / "stage1" / key

    def plan(self) -> dict[str, Any]:
        """plan.json. Raises StoreError where it is missing, damaged or of another version."""
        found = read_json(self.root / "plan.json", PLAN)
        if isinstance(found, Damaged):
            raise StoreError(f"{self.root}/{found}", AGAIN)
        if found is None:
            raise StoreError(f"{self.root}: no plan.json, so this is no run directory", "give the folder that `run` wrote")
        if found["schema_version"] != SCHEMA_VERSION:
            raise StoreError(
                f"{self.root}/plan.json: schema version {found['schema_version']}, this program reads {SCHEMA_VERSION}",
                "run the suite again into a new folder",
            )
        return found

    def trials(self) -> list[Planned]:
        """The planned trials, in order. Raises StoreError like `plan`."""
        return self._planned("trials")

    def former(self) -> list[Planned]:
        """Trials that have results under keys of earlier versions of what they are made of. Raises StoreError like `plan`."""
        return self._planned("stale")

    def _planned(self, what: str) -> list[Planned]:
        entries = self.plan().get(what, ())
        try:
            return [Planned.from_json(entry) for entry in entries]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"{self.root}/plan.json: a trial has another form: {error}", AGAIN) from error

    def write_plan(self, plan: dict[str, Any], suite_text: str, environment: dict[str, Any]) -> None:
        """suite.yaml, environment.json and plan.json; refuses a folder that holds another suite's run or something else."""
        self.check_owner(plan["suite"])
        write_bytes(self.root / "suite.yaml", suite_text.encode())
        write_json(self.root / "environment.json", environment)
        write_json(self.root / "plan.json", {"schema_version": SCHEMA_VERSION, **plan})

    def check_owner(self, suite: str) -> None:
        """Raises StoreError unless the folder is new, empty, or holds a run of this suite (perhaps edited since)."""
        way_out = "give another folder with --out, or delete this one"
        if not self.root.exists():
            return
        if not self.root.is_dir():
            raise StoreError(f"{self.root}: is a file", way_out)
        found = read_json(self.root / "plan.json", {"suite": str})
        if found and found["suite"] != suite:
            raise StoreError(f"{self.root}: holds a run of suite {found['suite']!r}, not {suite!r}", way_out)
        if not found and (strangers := self._strangers()):
            raise StoreError(f"{self.root}: holds {', '.join(strangers[:3])} but no readable plan.json", way_out)

    def _strangers(self) -> list[str]:
        """Files that tell that this folder is no run's, though one whose plan was lost: others' files, or nothing of our own."""
        names = {entry.name for entry in self.root.iterdir()}
        left = {name for name in names if name.startswith(".") and name.endswith(".tmp")}
        foreign = names - OWN - left
        return sorted(foreign or (names if names <= UNCLEAR else ()))

    def sweep(self) -> None:
        """Remove what interrupted writers left. Only for the run's one writer, before its trials start."""
        for folder in (self.root, self.root / "stage1"):
            sweep(folder)

    def record(self, trial: Planned) -> TrialRecord:
        """What a trial left."""
        return read_record(self.trial(trial.key), trial)

    def result(self, key: str) -> dict[str, Any] | None:
        """trial.json; None where it is missing, damaged, or names another key."""
        found = read_json(self.trial(key) / "trial.json", RESULT)
        return found if found and found["key"] == key else None

    def finished(self, trial: Planned) -> bool:
        """Trained and measured, with these very metrics, none of which failed or was late, and all files as the trial left them."""
        found = self.record(trial).result
        if found is None or found["status"] != "ok" or found.get("measure") != trial.measure:
            return False
        failed = any(score.get("status") in ("failed", "timeout") for score in found["scores"])
        return not failed and not lost_releases(self.trial(trial.key), found)

    def damage(self, trial: Planned) -> list[Damaged]:
        """What a run has to mend of a trial, other than run it for the first time."""
        found = self.record(trial)
        lost = lost_releases(self.trial(trial.key), found.result) if found.result and found.status == "ok" else []
        return [*found.damage, *lost]

    def write_result(self, trial: Planned, result: Mapping[str, Any]) -> None:
        """trial.json: the result (status, reason, scores, ...) under the trial's names and keys."""
        head = {"schema_version": SCHEMA_VERSION, **trial.head(), "status": "ok", "reason": "", "where": "", "scores": []}
        tail = {"measure": trial.measure, "spec": trial.to_json()["spec"]}
        write_json(self.trial(trial.key) / "trial.json", {**head, **result, **tail})

    def stage1_ready(self, key: str) -> bool:
        """Whether this stage 1 can be shared already."""
        return (self.stage1(key) / "stage1.json").is_file()


@contextlib.contextmanager
def only_writer(folder: Path, *, wait: bool) -> Iterator[None]:
    """Hold the folder's lock, which the system drops if the process dies. wait=False: StoreError if another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as file:
        _lock(file, folder, wait=wait)
        with naming(folder / ".lock"):
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        yield


def _lock(file: IO[str], folder: Path, *, wait: bool) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: no advisory locks there; two writers are not detected
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        owner = file.read().strip()
        raise StoreError(
            f"{folder}: process {owner or 'unknown'} is writing here", "wait for it, or give another --out"
        ) from error
