"""Every file of a run directory is damaged in every way: readers name the trial and go on, `run` computes again what is affected."""

from __future__ import annotations

import errno
import shutil
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import fpmg_bench as fb
from fpmg_bench import runner
from fpmg_bench.cli import main
from fpmg_bench.errors import ExitCode, MachineError
from fpmg_bench.registry import Registry
from fpmg_bench.results import Results
from fpmg_bench.runner import outcome, planning
from fpmg_bench.runner.one import build
from fpmg_bench.store import RunDir, TrialSink, read_json, read_table, write_json
from fpmg_bench.trial import run_trial

SUITE = """version: 1
name: tiny
seeds: [0]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
budget: {rounds: 2, local_steps: 1, sampling_rate: 0.3, encoder_rounds: 1}
methods:
  fpmg: {encoders: {table: pca}, generator: parallel-cgan, topology: ring, aggregator: fedavg}
  private: {extends: fpmg, privacy: {epsilon: 8, delta: 1.0e-3}}
  centralized: {extends: fpmg, partition: pooled}
metrics: [rg, co]
"""
PRIVATE = "phantom/private/0"


@dataclass
class Here:
    """The runner's `Execution`, in this process."""

    run: RunDir
    queue: Any
    tell: Any
    preimages: Any
    status: dict[str, str] = field(default_factory=dict)
    running: tuple[()] = ()
    started: list[str] = field(default_factory=list)
    used: dict[str, float] = field(default_factory=dict)
    lost: tuple[()] = ()

    def __call__(self) -> bool:
        registry = Registry.discover()
        while (trial := self.queue.take([])) is not None:
            write_json(self.run.trial(trial.key) / "key.json", self.preimages[trial.key])
            self.tell({"event": "start", "trial": trial.id})
            sink = TrialSink(self.run, trial, True, lambda event, id=trial.id: self.tell({**event, "trial": id}))
            run_trial(trial.spec, build(trial.spec, registry), sink)
            self.status[trial.key] = "ok"
        return True


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """go(root) -> outcome, ids of the trials that were started, notes."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "suite.yaml").write_text(SUITE)
    registry = Registry.discover()
    made = runner.plan(folder / "suite.yaml", registry)

    def run(root: Path) -> tuple[Any, list[str], list[str]]:
        events: list[dict[str, Any]] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(planning, "environment", dict)  # it asks git
            patch.setattr(outcome, "Execution", lambda jobs, processes, seats, stop_on_error, memory, **more: Here(**more))
            ended = outcome.carry_out(made, RunDir(root), registry, 1, events.append)
        started = [event["trial"] for event in events if event["event"] == "start"]
        return ended, started, [f"{event['trial']}: {event['text']}" for event in events if event["event"] == "note"]

    return run


@pytest.fixture(scope="module")
def whole(go: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with its report."""
    root: Path = tmp_path_factory.mktemp("whole") / "run"
    ended, started, notes = go(root)
    assert (ended.code, len(started), notes) == (ExitCode.OK, 3, [])
    assert main_code("report", root) == 0
    return root


def main_code(*words: Any) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return int(left.value.code or 0)


def folder_of(root: Path, id: str = PRIVATE) -> Path:
    run = RunDir(root)
    return next(run.trial(trial.key) for trial in run.trials() if trial.id == id)


def numbers(root: Path) -> pd.DataFrame:
    """The table without what clocks say."""
    table = read_table(RunDir(root).results)
    assert isinstance(table, pd.DataFrame)
    return table[~table["unit"].isin(["s", "seconds"])].reset_index(drop=True)


FILES: dict[str, Callable[[Path], Path]] = {
    "plan.json": lambda root: root / "plan.json",
    "suite.yaml": lambda root: root / "suite.yaml",
    "environment.json": lambda root: root / "environment.json",
    "results.parquet": lambda root: root / "results.parquet",
    "report.html": lambda root: root / "report.html",
    "stage1.json": lambda root: stage1_of(root) / "stage1.json",
    "stage1/state.safetensors": lambda root: stage1_of(root) / "state.safetensors",
    "trial.json": lambda root: folder_of(root) / "trial.json",
    "rounds.jsonl": lambda root: folder_of(root) / "rounds.jsonl",
    "ledger.json": lambda root: folder_of(root) / "ledger.json",
    "key.json": lambda root: folder_of(root) / "key.json",
    "state.safetensors": lambda root: folder_of(root) / "state.safetensors",
    "manifest.parquet": lambda root: folder_of(root) / "synthetic" / "all" / "manifest.parquet",
    "cohort.yaml": lambda root: folder_of(root) / "synthetic" / "all" / "cohort.yaml",
}
KINDS = ("lost", "empty", "cut", "garbage", "flipped", "wrong type", "deep")
MENDED = ("trial.json", "rounds.jsonl", "ledger.json")  # what a trial's numbers hang on
BESIDE = (  # no number hangs on them
    "suite.yaml",
    "report.html",
    "key.json",
    "environment.json",
    "results.parquet",
    "manifest.parquet",
    "cohort.yaml",
)
READ = [
    (file, kind) for file in FILES for kind in (KINDS if file in (*MENDED, "plan.json") else ("cut",))
]  # of others, readers read nothing
CASES = [(file, kind) for file in FILES for kind in (KINDS if file not in BESIDE else ("cut", "wrong type"))]


def stage1_of(root: Path) -> Path:
    run = RunDir(root)
    return next(run.stage1(trial.stage1 or "") for trial in run.trials() if trial.id == PRIVATE)


def damage(path: Path, kind: str) -> None:
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 3] ^= 16
    text = b"{}" if path.suffix != ".jsonl" else b"[]\n"
    made = {
        "empty": b"",
        "cut": data[: len(data) // 2],
        "garbage": bytes(range(256)) * (len(data) // 256) + bytes(len(data) % 256),
        "flipped": bytes(flipped),
        "wrong type": struct.pack("<Q", 2) + text if path.suffix == ".safetensors" else text,
        "deep": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    }
    path.unlink() if kind == "lost" else path.write_bytes(made[kind])


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    copied: Path = shutil.copytree(whole, tmp_path / "run")
    return copied


@pytest.mark.parametrize(("file", "kind"), CASES, ids=[f"{file}-{kind}" for file, kind in CASES])
def test_run_computes_again_exactly_what_is_affected(file: str, kind: str, root: Path, whole: Path, go: Any) -> None:
    damage(FILES[file](root), kind)
    ended, started, notes = go(root)
    assert ended.code == ExitCode.OK
    in_release = file in ("manifest.parquet", "cohort.yaml") and kind not in ("garbage", "flipped")  # of the same size
    assert started == ([PRIVATE] if file in MENDED or in_release else [])
    pd.testing.assert_frame_equal(numbers(root), numbers(whole))
    told = [note for note in notes if note.startswith(f"{PRIVATE}: ") and note.endswith("; computed again")]
    assert bool(told) == bool(started) or (file, kind) == ("trial.json", "lost")  # that one has not run, for all one can know
    assert go(root)[1:] == ([], [])
    assert (folder_of(root) / "key.json").read_bytes() == (folder_of(whole) / "key.json").read_bytes()


@pytest.mark.parametrize(("file", "kind"), READ, ids=[f"{file}-{kind}" for file, kind in READ])
def test_readers_name_what_is_damaged_and_go_on(file: str, kind: str, root: Path, whole: Path, capsys: Any) -> None:
    damage(FILES[file](root), kind)
    if file == "plan.json":
        assert [main_code(command, root) for command in ("report", "audit")] == [2, 2]
        assert main_code("compare", root, whole) == 2
        assert "plan.json" in capsys.readouterr().err
        return
    hurt = file in MENDED and (file, kind) != ("trial.json", "lost")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        results = fb.load(root)
    assert [str(each.message) for each in told] == (
        [f"{root}: 1 of 3 trials have no numbers: 1 damaged (Results.problems() says why)"] if hurt else []
    )
    assert list(results.problems()) == ([PRIVATE] if hurt else [])
    assert ("1 damaged" in repr(results)) == hurt
    if hurt:
        assert results.problems()[PRIVATE].startswith(f"damaged: {file}: ")
        assert not (results.table().query("method == 'private'")["status"] == "ok").any()
    assert main_code("audit", root) == (1 if hurt else 0)
    assert (f"not audited, damaged: {PRIVATE}: {file}: " in capsys.readouterr().out) == hurt
    assert main_code("compare", whole, root, "--metric", "rg") == 0
    told = capsys.readouterr()
    assert ("damaged: " + file in told.out) == hurt
    assert (f"{root}: 1 of 3 trials are damaged" in told.err) == hurt
    assert (f"damaged, left out: {PRIVATE}: {file}: " in told.err) == hurt


@pytest.mark.parametrize("file", [name for name in FILES if name != "plan.json"])
def test_the_report_shows_the_rest(file: str, root: Path) -> None:
    damage(FILES[file](root), "garbage")
    assert main_code("report", root, "--markdown", root / "words.md", "--out", root / "page.html") == 0
    words = (root / "words.md").read_text()
    assert ("1 of them damaged on disk and left out" in words) == (file in MENDED)
    if file in MENDED:
        assert f"{PRIVATE} | damaged on disk | {file}: " in words
    assert ("Stored patients that cannot be read" in words) == (file in ("manifest.parquet", "cohort.yaml"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "lost"])
def test_damaged_states_are_trained_again_when_they_are_needed(kind: str, root: Path, whole: Path, go: Any) -> None:
    """The trial is to be measured again, and neither its own state nor the shared stage 1 can be believed."""
    for file in ("trial.json", "state.safetensors", "stage1/state.safetensors"):
        damage(FILES[file](root), kind)
    ended, started, notes = go(root)
    assert (ended.code, started) == (ExitCode.OK, [PRIVATE])
    assert sum("state.safetensors: " in note for note in notes) == 2
    pd.testing.assert_frame_equal(numbers(root), numbers(whole))


@pytest.mark.parametrize(
    "text", ['{"key": "KEY"}', '{"key": "KEY", "status": "ok", "scores": 3}', '{"key": "KEY", "status": "great"}']
)
def test_a_result_of_another_form_does_not_end_the_suite(text: str, root: Path, go: Any) -> None:
    folder = folder_of(root)
    (folder / "trial.json").write_text(text.replace("KEY", folder.name))
    ended, started, _ = go(root)
    assert (ended.code, started) == (ExitCode.OK, [PRIVATE])


def test_an_empty_stage_1_record_is_computed_again(root: Path, go: Any) -> None:
    (stage1_of(root) / "stage1.json").write_text("{}")
    shutil.rmtree(folder_of(root))
    ended, started, notes = go(root)
    assert (ended.code, started) == (ExitCode.OK, [PRIVATE])
    assert any("stage1.json: the whole: no 'rounds'; computed again" in note for note in notes)


def test_what_interrupted_writers_left_is_swept_and_is_no_release(root: Path, go: Any) -> None:
    left = [root / ".plan.json.7.tmp", folder_of(root) / "synthetic" / ".all.7.tmp" / "x", root / "stage1" / ".k.7.tmp" / "x"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("{")
    assert fb.load(root).synthetic_path("private", seed=0).name == "all"
    shutil.rmtree(folder_of(root) / "synthetic" / "all")
    assert go(root)[1] == [PRIVATE]
    assert not any(path.exists() for path in left)


def test_a_plan_is_not_written_into_a_run_in_progress(root: Path, go: Any, tmp_path: Path, capsys: Any) -> None:
    from fpmg_bench.store import only_writer

    (tmp_path / "suite.yaml").write_text(SUITE)
    before = (root / "plan.json").read_bytes()
    with only_writer(root, wait=False):
        assert main_code("plan", tmp_path / "suite.yaml", "-k", "fpmg", "--out", root) == 2
    assert "is writing here" in capsys.readouterr().err
    assert (root / "plan.json").read_bytes() == before


@pytest.mark.parametrize(("hurt", "code"), [(True, ExitCode.SOME_FAILED), (False, ExitCode.USAGE)])
def test_a_disk_that_is_full_at_the_end(hurt: bool, code: ExitCode, root: Path, go: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table cannot be written: 1 where a trial ran before, 2 where none did."""
    if hurt:
        damage(folder_of(root) / "trial.json", "cut")

    def full(path: Path, table: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(outcome, "write_table", full)
    with pytest.raises(MachineError, match=r"results\.parquet: No space left on device") as raised:
        go(root)
    assert raised.value.exit_code == code
    monkeypatch.undo()
    assert go(root)[0].code == ExitCode.OK


def test_the_command_that_repeats_a_run_works_elsewhere(whole: Path) -> None:
    from fpmg_bench.suite import load_suite, name_elsewhere

    assert RunDir(whole).plan()["command"] == "fpmg-bench run suite.yaml"
    assert name_elsewhere(load_suite("smoke")) == "smoke"
    assert name_elsewhere(load_suite(whole / "suite.yaml")) == "suite.yaml"


def test_a_loaded_run_shows_its_trials(whole: Path) -> None:
    loaded = fb.load(whole)
    assert (loaded.code, loaded.problems()) == (ExitCode.OK, {})
    assert {what: n for what, n in loaded.counts.items() if n} == {"ok": 3}
    assert repr(loaded) == f"<Results of {whole}: 3 ok>"


def test_a_stage_1_under_another_key_is_trained_again(root: Path, go: Any) -> None:
    mine = stage1_of(root)
    other = next(each for each in sorted((root / "stage1").iterdir()) if each != mine)
    for file in ("stage1.json", "state.safetensors"):
        shutil.copy(other / file, mine / file)
        shutil.rmtree(folder_of(root))
        ended, started, notes = go(root)
        assert (ended.code, started) == (ExitCode.OK, [PRIVATE])
        assert any(f"{file}: is of another stage 1; computed again" in note for note in notes)


def test_rounds_and_ledgers_that_are_whole_but_of_another_trial_are_told_and_computed_again(root: Path, go: Any) -> None:
    folder = folder_of(root)
    other = next(each for each in sorted((root / "trials").iterdir()) if each != folder)
    ledger = read_json(folder / "ledger.json")
    assert ledger
    ledger["silos"][0]["epsilon"] = 0.5
    for file, damage in (
        ("rounds.jsonl", lambda: shutil.copy(other / "rounds.jsonl", folder / "rounds.jsonl")),
        ("ledger.json", lambda: write_json(folder / "ledger.json", ledger)),
    ):
        damage()
        assert Results(root).problems() == {PRIVATE: f"damaged: {file}: is not what this trial wrote"}
        ended, started, notes = go(root)
        assert (ended.code, started) == (ExitCode.OK, [PRIVATE])
        assert any(f"{file}: is not what this trial wrote" in note for note in notes)
