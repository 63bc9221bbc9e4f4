"""`fpmg-bench verify`: everything in a bundle that follows from something else in it is computed again, and held against it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fpmg_bench.document import plural
from fpmg_bench.errors import StoreError
from fpmg_bench.store import DAMAGED, Planned, RunDir, TrialRecord, core_hash, read_json
from fpmg_bench.submission import archive, derived, layout, origins

TESTED = ("dataset", "metric", "reference", "method")
NO_ENTRY = archive.Packed("", -1)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was computed again. counted: over what; problems: a line for each place where the bundle says otherwise."""

    name: str
    counted: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of a bundle. unknown: what nobody can compute from it, each with the way to know more. bytes: unpacked."""

    suite: str
    files: int
    bytes: int
    checks: tuple[Check, ...]
    unknown: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Nothing in it contradicts anything else."""
        return not any(check.problems for check in self.checks)


def verify(bundle: Path, keep: Path | None = None) -> Verified:
    """Unpack a bundle and check it. keep: a new folder that it stays in, as a run that `report`, `compare` and `audit` read.

    Raises StoreError where it is no bundle, or not one that can be unpacked safely.
    """
    if keep is not None and keep.exists():
        raise StoreError(f"{keep} exists", "name a folder that is not there")
    with TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        packed = archive.unpack(bundle, folder)
        run = RunDir(folder)
        suite, trials = str(run.plan()["suite"]), run.trials()
        checks = (_hashes(folder, packed), *examined(folder))
        size = sum(each.bytes for each in packed.values())
        return Verified(suite, len(packed), size, checks, tuple(_unknown(folder, trials, packed)))


def examined(folder: Path) -> Iterator[Check]:
    """All that can be computed again from the unpacked files."""
    run = RunDir(folder)
    plan = run.plan()
    trials = run.trials()
    by_id = {trial.id: trial for trial in trials}
    records = [run.record(trial) for trial in trials]
    done = [record for record in records if record.status == "ok"]
    twice = [f"{trial.id}: planned twice" for trial in trials if by_id[trial.id] is not trial]
    yield Check("the plan is the suite's", plural(len(trials), "trial"), (*twice, *origins.from_suite(folder, plan, by_id)))
    yield Check("every trial has a result", plural(len(records), "record"), tuple(_whole(records)))
    keys = tuple(line for trial in trials for line in origins.keys_of(run.trial(trial.key), trial))
    yield Check("keys are the digests of specifications", plural(3 * len(trials), "key"), keys)
    yield Check("trials ran in one setting", _settings(run, trials)[0], _settings(run, trials)[1])
    private = [record for record in done if record.trial.spec.privacy]
    yield Check("epsilons follow from ledgers", plural(len(private), "private trial"), tuple(_ledgers(private)))
    yield Check("scores are in their ranges", plural(len(done), "trial"), tuple(line for r in done for line in _ranges(r)))
    yield _same("the table follows from the records", folder, layout.TABLE, derived.table_of, derived.KEYS)
    yield _same("tests and verdicts follow from the table", folder, layout.TESTS, derived.tests_of, TESTED)


def _hashes(folder: Path, packed: Mapping[str, archive.Packed]) -> Check:
    told = read_json(folder / layout.MANIFEST, {"schema_version": int, "files": dict})
    if not told:
        return Check("files have their hashes", "", (f"{layout.MANIFEST} {getattr(told, 'why', 'is not there')}",))
    files = {name: each for name, each in told["files"].items() if isinstance(each, dict)}
    problems = [f"{name}: is listed, and not there" for name in sorted(told["files"].keys() - packed.keys())]
    problems += [f"{name}: is not listed" for name in sorted(packed.keys() - files.keys() - {layout.MANIFEST})]
    for name in sorted(files.keys() & packed.keys()):
        if (files[name].get("sha256"), files[name].get("bytes")) != (packed[name].sha256, packed[name].bytes):
            problems.append(f"{name}: was changed after the bundle was made")
    return Check("files have their hashes", plural(len(files), "file"), tuple(problems))


def _whole(records: list[TrialRecord]) -> Iterator[str]:
    """A trial that failed says why, and counts against its method; one that is not there says nothing."""
    for record in records:
        if record.result is None:
            yield f"{record.trial.id}: {record.reason if record.status == DAMAGED else 'has no result'}"
            continue
        told = record.result
        head = {**record.trial.head(), "measure": record.trial.measure, "spec": record.trial.to_json()["spec"]}
        if other := sorted(name for name, value in head.items() if told.get(name) != value):
            yield f"{record.trial.id}: {', '.join(other)} of its record: not as planned"


def _settings(run: RunDir, trials: list[Planned]) -> tuple[str, tuple[str, ...]]:
    """Core, libraries, Python and processor: one for all trials, and that of environment.json but for the last digit of Python."""
    found = {json.dumps(origins.setting_of(run.trial(trial.key)) | {"device": ""}, sort_keys=True) for trial in trials}
    here = read_json(run.root / "environment.json") or {}
    problems = [f"{len(found)} different settings in the keys"] if len(found) > 1 else []
    for one in map(json.loads, sorted(found)[:1]):
        other = [name for name in ("core", "libraries", "cpu") if one.get(name) != here.get(name)]
        problems += [f"{', '.join(other)}: in the keys other than in environment.json"] if other else []
    return plural(len(found), "setting"), tuple(problems)


def _ledgers(private: list[TrialRecord]) -> Iterator[str]:
    """Entries cost what is stated (three accountants), and record, ledger and scores state the same."""
    from fpmg_bench.audit.recompute import recompute

    for record in private:
        told = record.result or {}
        for audit in recompute(told, record.ledger, record.rounds):
            yield from (f"{record.trial.id}, silo {audit.silo}: {violation}" for violation in audit.violations)
        stated = {str(silo["name"]): float(silo["epsilon"]) for silo in (record.ledger or {}).get("silos", ())}
        said = {str(silo["silo"]): float(silo["epsilon"]) for silo in (told.get("privacy") or {}).get("silos", ())}
        if stated != said:
            yield f"{record.trial.id}: epsilons of its record {sorted(said.values())} are not its ledger's {sorted(stated.values())}"
        yield from _scored(record, stated)


def _scored(record: TrialRecord, stated: Mapping[str, float]) -> Iterator[str]:
    for score in (record.result or {}).get("scores", ()):
        silo = str(score.get("scope") or "all").removeprefix("silo:")
        if score.get("key") == "pg.epsilon" and score.get("value") is not None:
            spent = max(stated.values(), default=math.inf) if silo == "all" else stated.get(silo, math.inf)
            if not math.isclose(float(score["value"]), spent, rel_tol=1e-9):
                yield f"{record.trial.id}: pg.epsilon {score['value']} of {silo}, {spent} by its ledger"


def _ranges(record: TrialRecord) -> Iterator[str]:
    """Values outside of the range that their own row declares; not a number where the status is ok."""
    for score in (record.result or {}).get("scores", ()):
        if (score.get("status") or "ok") != "ok":
            continue
        low, high = (
            math.inf * sign if score.get(end) is None else float(score[end]) for end, sign in (("lowest", -1), ("highest", 1))
        )
        value = score.get("value")
        if value is None or not low - 1e-9 <= float(value) <= high + 1e-9:
            yield f"{record.trial.id}: {score.get('key')} is {value}, which is not in [{low:g}, {high:g}]"


def _same(name: str, folder: Path, file: str, make: Callable[[Path], list[dict[str, Any]]], keys: tuple[str, ...]) -> Check:
    """Rows of a file beside those that the trials give."""
    told = read_json(folder / file)
    if told is None or (not told and not isinstance(told, dict)):
        return Check(name, "", (f"{file} {getattr(told, 'why', 'is not there')}",))
    found = make(folder)
    try:
        problems = tuple(sorted(derived.differences(derived.as_rows(told), found, keys)))
    except (ValueError, TypeError, AttributeError) as error:
        problems = (f"{file}: has another form: {error}",)
    return Check(name, plural(len(found), "row"), problems)


def _unknown(folder: Path, trials: list[Planned], packed: Mapping[str, archive.Packed]) -> Iterator[str]:
    """What a bundle cannot show."""
    example = trials[0].id if trials else "ID"
    yield (
        "whether training and measuring gave these numbers: only running again can tell, bit for bit on the same processor and libraries: "
        f"fpmg-bench run suite.yaml -k '{example}'"
    )
    core = {origins.setting_of(RunDir(folder).trial(trial.key)).get("core") for trial in trials}
    here = read_json(folder / "environment.json") or {}
    git = here.get("git") or {}
    if core == {core_hash()}:
        yield "whether the program was this one: its keys say so (the same core), and whoever changes it can write so"
    else:
        changed = ", with changes that were not committed" if git.get("dirty") else ""
        yield f"what its program did: another version than this one (commit {git.get('commit') or 'not told'}{changed})"
    own = sorted({c["name"] for c in RunDir(folder).plan().get("components") or () if c.get("distribution") != "fpmg-bench"})
    if own:
        yield f"what these components do, which do not ship: {', '.join(own)}; ask for their sources, whose hashes are in the keys"
    if any(trial.spec.privacy for trial in trials):
        yield "whether noise was drawn as the ledgers say: `fpmg-bench audit` on a run of one's own, with canaries, can refute it"
    if not any(map(layout.is_release, packed)):
        yield "the synthetic patients: they are not in the bundle"
