"""Where two methods release the same patients, record by record, as a method does that is kept at its start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpmg_bench.comparison.sides import Side
    from fpmg_bench.store import TrialRecord

WATCHED = "trained less start"  # how a generator's loss is named that its patients measure each round
BESIDE = "held-out"  # folder of real patients, stored for the page beside what a method made of them


def same_release(a: Path, b: Path) -> bool:
    """Whether these trial folders hold the same releases, silo by silo and file by file; False where one stored none."""
    left, right = _files(a), _files(b)
    return (
        bool(left) and left.keys() == right.keys() and all(left[name].read_bytes() == right[name].read_bytes() for name in left)
    )


def _files(trial: Path) -> dict[str, Path]:
    """synthetic/<silo>/... -> file, of what silos release."""
    root = trial / "synthetic"
    found = [(path.relative_to(root), path) for path in sorted(root.rglob("*")) if path.is_file()]
    return {str(name): path for name, path in found if name.parts[0] != BESIDE}


def start_nearer(rounds: Sequence[Mapping[str, Any]], silos: Sequence[Mapping[str, Any]]) -> bool:
    """Whether patients found the start nearer than what was trained when they were last asked; False where nobody was.

    rounds: round records; silos: entries of trial.json, whose patients weigh. With several groups of modalities: in all of them.
    """
    asked = [record["losses"] for record in rounds if record.get("losses") and _names(record["losses"])]
    if not asked:
        return False
    weight = {str(silo["index"]): float(silo["patients"]) for silo in silos}
    last = asked[-1]
    return all(
        sum(weight.get(silo, 1.0) * losses[name] for silo, losses in last.items() if name in losses) > 0 for name in _names(last)
    )


def _names(losses: Mapping[str, Mapping[str, float]]) -> set[str]:
    return {name for each in losses.values() for name in each if name.endswith(WATCHED)}


def alike(a: Side, b: Side) -> Iterator[str]:
    """A sentence for every dataset and method where B releases the same patients as A in some of their shared seeds."""
    named = a.method is not None and b.method is not None
    pairs: dict[tuple[str, str], list[tuple[Path, TrialRecord, Path, TrialRecord]]] = {}
    left, right = _trials(a, named), _trials(b, named)
    for key in left.keys() & right.keys():
        if left[key][0].resolve() != right[key][0].resolve():
            pairs.setdefault(key[:2], []).append((*left[key], *right[key]))
    for (dataset, method), found in sorted(pairs.items()):
        same = [(x, y) for one, x, other, y in found if same_release(one, other)]
        if same:
            where = f"{dataset}/{f'{a.method} -> {b.method}' if named else method}"
            yield f"{where}: B releases the same patients as A, record by record, in {len(same)} of {len(found)} seeds{_why(same)}"


def _trials(side: Side, named: bool) -> dict[tuple[str, str, int], tuple[Path, TrialRecord]]:
    from fpmg_bench.store import RunDir

    run = RunDir(side.run)
    mine = [run.record(trial) for trial in run.trials() if side.method in (None, trial.spec.method)]
    return {
        (r.trial.spec.dataset_name, "" if named else r.trial.spec.method, r.trial.spec.seed): (run.trial(r.trial.key), r)
        for r in mine
        if r.status == "ok"
    }


def _why(same: Sequence[tuple[TrialRecord, TrialRecord]]) -> str:
    """Where one side never trained: that the other's training was kept out, and what its patients said."""
    trained = [[r for r in pair if r.trial.spec.budget.rounds] for pair in same]
    if any(len(one) != 1 for one in trained):
        return ""
    nearer = sum(start_nearer(one.rounds, (one.result or {}).get("silos") or ()) for (one,) in trained)
    return f": training was kept out, patients found the start nearer in {nearer} of these"
