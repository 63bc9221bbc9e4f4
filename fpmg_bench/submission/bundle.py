"""`fpmg-bench submit`: a run directory as one small file, without patients."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fpmg_bench.errors import StoreError
from fpmg_bench.keys import source_hash
from fpmg_bench.store import RunDir, write_json
from fpmg_bench.submission import archive, layout
from fpmg_bench.submission.derived import as_columns, table_of, tests_of

PRIVATE = ("source",)  # of a cohort in plan.json: names and codes of the files that patients came from


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle on disk. sha256: of the file, to be published beside it; releases: files of synthetic patients in it."""

    path: Path
    bytes: int
    files: int
    sha256: str
    releases: int
    withheld: tuple[str, ...]


def submit(run: Path, to: Path, *, releases: bool = False) -> Made:
    """The bundle of a run: plan, suite, environment, records, ledgers, pre-images of keys, table and tests, with their hashes.

    releases: with the synthetic patients of publishable cohorts; of others none ever leaves. Raises StoreError where the folder is no
    run, nothing was measured, the target exists, or what would be bundled could not be verified.
    """
    from fpmg_bench.submission.verifying import examined

    if to.exists():
        raise StoreError(f"{to} exists", "name another file, or delete this one")
    with TemporaryDirectory() as folder:
        stage = Path(folder)
        _copied(RunDir(run), stage)
        write_json(stage / layout.TABLE, as_columns(table_of(stage)))
        write_json(stage / layout.TESTS, as_columns(tests_of(stage)))
        extra, withheld = _releases(RunDir(run)) if releases else ({}, ())
        files = {file.relative_to(stage).as_posix(): file for file in stage.rglob("*") if file.is_file()} | extra
        _manifest(stage, files)
        wrong = [f"{check.name}: {problem}" for check in examined(stage) for problem in check.problems]
        if wrong:
            raise StoreError(f"{run}: would not be verified: " + "; ".join(wrong[:3]), "mend the run: the same command goes on")
        archive.pack(to, files | {layout.MANIFEST: stage / layout.MANIFEST})
    return Made(to, to.stat().st_size, len(files) + 1, source_hash(to), len(extra), withheld)


def _copied(run: RunDir, stage: Path) -> None:
    """What is said of a run and its trials, without states, logs, reports, releases and results of earlier versions."""
    plan = {key: value for key, value in run.plan().items() if key not in ("stale", "schema_version")}
    plan["cohorts"] = {name: _public(info) for name, info in (plan.get("cohorts") or {}).items()}
    for name in layout.RUN_FILES:
        if name != "plan.json":
            _copy(run.root / name, stage / name)
    write_json(stage / "plan.json", {"schema_version": run.plan()["schema_version"], **plan, "stale": []})
    trials = run.trials()
    if not any((run.trial(trial.key) / "trial.json").is_file() for trial in trials):
        raise StoreError(f"{run.root}: no trial has ended", "fpmg-bench run, then submit")
    for key in dict.fromkeys(trial.key for trial in trials):
        for name in layout.TRIAL_FILES:
            if (run.trial(key) / name).exists():
                _copy(run.trial(key) / name, stage / "trials" / key / name)


def _public(info: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in info.items() if key not in PRIVATE}


def _copy(source: Path, target: Path) -> None:
    """Raises StoreError where it is no plain file: a link may lead anywhere."""
    if source.is_symlink() or not source.is_file():
        raise StoreError(f"{source}: is no plain file", "the command that made this run writes it again")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _releases(run: RunDir) -> tuple[dict[str, Path], tuple[str, ...]]:
    """(name in the bundle -> file of synthetic patients, cohorts whose releases stay here)."""
    public = {name: bool(info.get("publishable")) for name, info in (run.plan().get("cohorts") or {}).items()}
    found: dict[str, Path] = {}
    for trial in run.trials():
        root = run.trial(trial.key)
        for file in sorted((root / layout.RELEASES).rglob("*")) if public.get(trial.spec.dataset_name) else ():
            name = f"trials/{trial.key}/{file.relative_to(root).as_posix()}"
            if file.is_file() and not file.is_symlink() and layout.is_release(name):
                found[name] = file
    return found, tuple(sorted(name for name, may in public.items() if not may))


def _manifest(stage: Path, files: Mapping[str, Path]) -> None:
    """bundle.json: every file's hash and size."""
    from fpmg_bench import __version__

    sizes = {name: file.stat().st_size for name, file in files.items()}
    told = {name: {"sha256": source_hash(file), "bytes": sizes[name]} for name, file in sorted(files.items())}
    head = {"schema_version": layout.SCHEMA_VERSION, "fpmg_bench": __version__}
    write_json(stage / layout.MANIFEST, {**head, "bytes": sum(sizes.values()), "files": told})
