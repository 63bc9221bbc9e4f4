"""Finished trials whose key has changed: why, and where their results stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fpmg_bench.document import plural
from fpmg_bench.errors import StoreError
from fpmg_bench.store import Planned, RunDir, read_json

SHOWN = 4  # reasons in a line
LONG = 24  # characters of a value that is worth showing: a version, not a hash


def outdated(trials: Sequence[Planned], run: RunDir) -> list[Planned]:
    """Trials of this run directory's last plan, and of those before, that have results under keys that the new plan does not have.

    Only of ids that it still has: what a suite no longer asks for is not shown.
    """
    keys, ids = {_keys(trial) for trial in trials}, {trial.id for trial in trials}
    earlier = {_keys(entry): entry for entry in _read(run.former) + _read(run.trials)}
    return [e for e in earlier.values() if e.id in ids and _keys(e) not in keys and run.record(e).status == "ok"]


def _keys(trial: Planned) -> tuple[str, str]:
    return trial.key, trial.measure


def why(trials: Sequence[Planned], preimages: Mapping[str, Mapping[str, Any]], run: RunDir) -> str:
    """A line each on the finished trials of the last plan that have to be computed, or only measured, again; "" where there are none."""
    last = {trial.id: trial for trial in _read(run.trials) if run.record(trial).status == "ok"}
    pairs = [(last[trial.id], trial) for trial in trials if trial.id in last]
    lost = [(old, new) for old, new in pairs if _keys(old) != _keys(new) and not run.finished(new)]
    trained = [_parts(run, old, preimages[new.key], "trial") for old, new in lost if old.key != new.key]
    measured = [_parts(run, old, preimages[new.key], "measure") for old, new in lost if old.key == new.key]
    again = {
        "compute again, since their keys changed": (trained, "their results stay in the table with status 'stale'"),
        "measure again, since their metrics changed": (measured, "until then their results have status 'stale'"),
    }
    return "\n".join(_line(what, found, stay) for what, (found, stay) in again.items() if found)


def _line(what: str, found: Sequence[set[str]], stay: str) -> str:
    parts = Counter(part for each in found for part in each)
    said = [f"{part} ({plural(count, 'trial')})" for part, count in parts.most_common(SHOWN)]
    more = [f"{len(parts) - SHOWN} more"] if len(parts) > SHOWN else []
    return f"{plural(len(found), 'finished trial')} to {what}: {', '.join(said + more)}; {stay}"


def _read(entries: Callable[[], list[Planned]]) -> list[Planned]:
    """Trials of the plan that lies there; none where there is no plan, or a damaged one."""
    try:
        return entries()
    except StoreError:
        return []


def _parts(run: RunDir, old: Planned, new: Mapping[str, Any], which: str) -> set[str]:
    """What differs between the pre-images of a trial's two keys; which: "trial" or "measure"."""
    before = read_json(run.trial(old.key) / "key.json")
    return set(differences(before[which], new[which])) if before and which in before else {"unknown (no key.json)"}


def differences(old: Any, new: Any, at: str = "", long: int = LONG) -> Iterator[str]:
    """Dotted places at which two JSON values differ, with both values where they are short. Lists of components go by their names."""
    old, new = _named(old), _named(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from differences(old.get(name), new.get(name), f"{at}.{name}" if at else name, long)
    elif old != new:
        pair = [str(value) for value in (old, new)]
        yield f"{at} {pair[0]} -> {pair[1]}" if max(map(len, pair)) <= long else at


def _named(value: Any) -> Any:
    """Components of a list as name -> component, where every one has a name of its own."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) and "name" in each for each in value):
        return value
    found = {each["name"]: each for each in value}
    return found if len(found) == len(value) else value
