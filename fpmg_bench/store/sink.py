"""What a trial writes to and reads from: events, rounds, checkpoints, states, synthetic cohorts, its result."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpmg_bench.keys import digest
from fpmg_bench.store.artefacts import Checkpoint, Stage1, load_stage1, read_state, save_stage1, write_state
from fpmg_bench.store.atomic import plain, sweep, whole_folder, write_json
from fpmg_bench.store.keyfile import KeyFile
from fpmg_bench.store.reading import Damaged, read_json
from fpmg_bench.store.records import files_of
from fpmg_bench.store.rounds import RoundLog
from fpmg_bench.store.rundir import RunDir
from fpmg_bench.store.scores import ScoreLog
from fpmg_bench.store.specs import Planned

if TYPE_CHECKING:
    from pathlib import Path

    from fpmg_bench.types import Cohort, State

    Emit = Callable[[Mapping[str, Any]], None]


LONGEST_NAME = 200  # bytes of a folder; file systems end at 255


def checkpoint_seconds() -> float:
    """Least time between two checkpoints: 30 s, or FPMG_CHECKPOINT_SECONDS."""
    return float(os.environ.get("FPMG_CHECKPOINT_SECONDS", "30"))


@dataclass(slots=True)
class TrialSink:
    """One trial's folder. Opening it decides where the trial goes on: after training, at a checkpoint, or from the start.

    Real patients' rows never get here: `synthetic` drops what a control made of a cohort that is not publishable.
    """

    run: RunDir
    trial: Planned
    publishable: bool
    emit: Emit
    every: float = field(default_factory=checkpoint_seconds)
    clock: Callable[[], float] = time.monotonic
    place: str = "start"
    _log: RoundLog = field(init=False)
    _latest: dict[str, Checkpoint] = field(init=False)
    _trained: dict[Any, Any] | None = field(init=False)
    _trained_extra: Mapping[str, Any] = field(init=False)
    _last: float = field(init=False)
    _scores: ScoreLog = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        sweep(self.folder)
        self._last = self.clock()
        self._scores = ScoreLog.open(self.folder, self.trial.measure)
        self._trained, self._trained_extra, lines = self._read_trained()
        self._latest = {}
        if self._trained is None:
            self._latest, lines = self._read_checkpoint()
        self._log = RoundLog.open(self.folder / "rounds.jsonl", lines)
        if len(self._log.records) < lines:  # the disk lost what a state file counts on: nothing after it can be trusted
            self._latest, self._trained = {}, None
            self._mend(Damaged(self.folder / "rounds.jsonl", f"{len(self._log.records)} of {lines} lines are whole"))
            self._log.restart()

    @property
    def folder(self) -> Path:
        """The trial's folder."""
        return self.run.trial(self.trial.key)

    @property
    def rounds(self) -> Sequence[Mapping[str, Any]]:
        """Round records so far, as they are on disk: of this run, of the run it resumes, of a shared stage 1."""
        return self._log.records

    def event(self, record: Mapping[str, Any]) -> None:
        """Tell the parent; the latest stage and round are where a failure is said to have happened."""
        if record.get("event") in ("stage", "round"):
            name = record.get("name") or record.get("stage")
            self.place = f"{name}, round {record['round']}" if "round" in record else str(name)
        self.emit(plain(record))

    def round(self, record: Mapping[str, Any]) -> None:
        """Append to rounds.jsonl and tell the parent. A round that is on disk already is not written twice."""
        if self._log.append(record):
            self.event({"event": "round", **record})

    def load_stage1(self) -> Stage1 | None:
        """Stage 1 of this run directory, if any trial has finished it; its rounds become this trial's rounds too."""
        if self.trial.stage1 is None:
            return None
        found = load_stage1(self.run.stage1(self.trial.stage1))
        if not isinstance(found, Stage1):
            self._mend(found)
            return None
        for record in found.rounds:
            self._log.append(record)
        return found

    def save_stage1(self, states: Mapping[int, Mapping[str, State]], extra: Mapping[str, Any]) -> None:
        """Share stage 1, with its round records so far, under its key."""
        if self.trial.stage1 is None:
            return
        shared = Stage1(states, tuple(r for r in self.rounds if str(r["stage"]).startswith("stage1")), plain(extra))
        folder = self.run.stage1(self.trial.stage1)
        if folder.exists() and not load_stage1(folder):
            shutil.rmtree(folder)
        save_stage1(folder, shared, self._keys().get("stage1") or {})
        self.event({"event": "stage1", "key": self.trial.stage1})

    def checkpoint(
        self, stage: str, round: int, states: Mapping[int, State], memories: Mapping[Any, Any], extra: Mapping[str, Any]
    ) -> bool:
        """Called at every round's end, after `round`; written (True) if the last one is old enough.

        memories: any tree of tensors (silos' and nodes' own); extra: JSON (the ledger). Stages that ended are kept with it.
        """
        self._latest[stage] = Checkpoint(round, states, memories, plain(extra))
        if self.clock() - self._last < self.every:
            return False
        self._log.sync()
        tree = {name: {"states": point.states, "memories": point.memories} for name, point in self._latest.items()}
        stages = {name: {"round": point.round, "extra": point.extra} for name, point in self._latest.items()}
        note = {"key": self.trial.key, "lines": len(self.rounds), "stages": stages}
        write_state(self.folder / "checkpoint.safetensors", tree, note)
        self._last = self.clock()
        return True

    @property
    def noise(self) -> KeyFile:
        """The key of secure noise that an interrupted trial needs again; none is left where one has trained."""
        return KeyFile(self.folder / "noise.json", self.trial.key)

    def restore(self, stage: str) -> Checkpoint | None:
        """Where this stage stood when the trial was interrupted; None to start it. What was shared then is shared again."""
        return self._latest.get(stage)

    def trained(self) -> dict[Any, Any] | None:
        """What `save_trained` stored for this key: then only sampling and measuring are left. `trained_extra` comes with it."""
        return self._trained

    @property
    def trained_extra(self) -> Mapping[str, Any]:
        """The JSON stored beside the trained states (the ledger); empty if there are none."""
        return self._trained_extra

    def save_trained(self, states: Mapping[Any, Any], extra: Mapping[str, Any] | None = None) -> None:
        """state.safetensors: the released states, {silo: State} or {silo: {modality | "generator": State}}."""
        self._log.sync()
        note = {
            "key": self.trial.key,
            "measure": self.trial.measure,
            "lines": len(self.rounds),
            "extra": plain(extra or {}),
        }
        write_state(self.folder / "state.safetensors", states, note)

    def synthetic(self, cohort: Cohort, silo: str) -> None:
        """Store a release as a folder cohort, synthetic/<silo>. A control's rows only where the dataset is publishable."""
        if self.trial.spec.control is not None and not self.publishable:
            return
        from fpmg_bench.cohorts.folder import write

        target = self.folder / "synthetic" / _file_name(silo)
        shutil.rmtree(target, ignore_errors=True)
        with whole_folder(target) as beside:
            write(cohort, beside, licence="synthetic", publishable=self.publishable)

    @property
    def scores(self) -> Mapping[str, Sequence[dict[str, Any]]]:
        """metric -> its rows, of this process or of one that ended before the trial did."""
        return self._scores.rows

    @property
    def ended(self) -> Mapping[str, tuple[str, str]]:
        """metric -> (status, reason), where an earlier process of this trial ended in it."""
        return self._scores.ended

    def keep_scores(self, metric: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """A metric's rows, on disk before the next metric begins."""
        self._scores.keep(metric, rows)

    def ledger(self, ledger: Mapping[str, Any]) -> None:
        """ledger.json."""
        write_json(self.folder / "ledger.json", ledger)

    def finish(self, result: Mapping[str, Any]) -> None:
        """trial.json, last of all and whole; a checkpoint has no use after it."""
        self._log.sync()
        full = {"status": "ok", "reason": "", "files": files_of(self.folder, len(self.rounds)), **result}
        self.run.write_result(self.trial, full)
        (self.folder / "checkpoint.safetensors").unlink(missing_ok=True)
        if full["status"] == "ok":
            self._scores.clear()
        self.event({"event": "done", "status": full["status"], "reason": full["reason"]})

    def fail(self, reason: str, **known: Any) -> None:
        """Record a failure with its place, and what was measured before it; it is not cached, the next run tries again."""
        self.finish({"status": "failed", "reason": reason, "where": self.place, "scores": self._scores.whole, **known})

    def _mend(self, damage: Damaged | None) -> None:
        """Say what is computed again because a file of it is damaged; nothing where it is only not there."""
        if damage is not None:
            self.emit({"event": "note", "text": f"{damage.path.parent.name}/{damage}; computed again"})

    def _keys(self) -> dict[str, Any]:
        """The pre-images that the plan stored beside it."""
        return read_json(self.folder / "key.json") or {}

    def _read_trained(self) -> tuple[dict[Any, Any] | None, Mapping[str, Any], int]:
        found = read_state(self.folder / "state.safetensors")
        if not found:
            self._mend(found)
            return None, {}, 0
        if found[1].get("key") != self.trial.key:
            return None, {}, 0
        spec, note = self.trial.spec, found[1]
        if note["measure"] != self.trial.measure and (spec.frames or spec.budget.evaluate_every):
            return None, {}, 0  # these metrics also look at training itself, which is not stored
        return found[0], note["extra"], note["lines"]

    def _read_checkpoint(self) -> tuple[dict[str, Checkpoint], int]:
        found = read_state(self.folder / "checkpoint.safetensors")
        if not found:
            self._mend(found)
            return {}, 0
        if found[1].get("key") != self.trial.key:
            return {}, 0
        tree, note = found
        return {
            name: Checkpoint(entry["round"], tree[name]["states"], tree[name]["memories"], entry["extra"])
            for name, entry in note["stages"].items()
        }, note["lines"]


def _file_name(silo: str) -> str:
    """The silo's name where it is a safe folder name, else a quoted form of it, no two alike; long ones end in a digest."""
    safe = "".join(
        c if c.isalnum() or c in "-_" or (c == "." and at) else f"%{ord(c):x}" for at, c in enumerate(silo)
    ) or json.dumps(silo)
    return safe if len(safe.encode()) <= LONGEST_NAME else f"{safe[:20]}-{digest(silo)[:12]}"
