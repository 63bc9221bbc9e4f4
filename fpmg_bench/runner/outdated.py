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
    """Trials of this run directory's last plan, and of those before, that have results under a key that the new plan does not have.

    Only of ids that it still has: what a suite no longer asks for is not shown.
    """
    keys, ids = {trial.key for trial in trials}, {trial.id for trial in trials}
    earlier = {entry.key: entry for entry in _read(run.former) + _read(run.trials)}
    return [e for e in earlier.values() if e.id in ids and e.key not in keys and run.record(e).status == "ok"]


def why(trials: Sequence[Planned], preimages: Mapping[str, Mapping[str, Any]], run: RunDir) -> str:
    """One line on the trials of the last plan that have to be computed again though they were finished; "" where there are none."""
    last = {trial.id: trial for trial in _read(run.trials) if run.record(trial).status == "ok"}
    pairs = [(last[trial.id], trial) for trial in trials if trial.id in last]
    lost = [(old, new) for old, new in pairs if old.key != new.key and not run.finished(new)]
    if not lost:
        return ""
    parts = Counter(part for old, new in lost for part in _parts(run, old, preimages[new.key]))
    said = [f"{part} ({plural(count, 'trial')})" for part, count in parts.most_common(SHOWN)]
    more = [f"{len(parts) - SHOWN} more"] if len(parts) > SHOWN else []
    stay = "their results stay in the table with status 'stale'"
    return f"{plural(len(lost), 'finished trial')} to compute again, since their keys changed: {', '.join(said + more)}; {stay}"


def _read(entries: Callable[[], list[Planned]]) -> list[Planned]:
    """Trials of the plan that lies there; none where there is no plan, or a damaged one."""
    try:
        return entries()
    except StoreError:
        return []


def _parts(run: RunDir, old: Planned, new: Mapping[str, Any]) -> set[str]:
    """What differs between the pre-images of a trial's two keys."""
    before = read_json(run.trial(old.key) / "key.json")
    return set(differences(before["trial"], new["trial"])) if before and "trial" in before else {"unknown (no key.json)"}


def differences(old: Any, new: Any, at: str = "") -> Iterator[str]:
    """Dotted places at which two JSON values differ, with both values where they are short."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from differences(old.get(name), new.get(name), f"{at}.{name}" if at else name)
    elif old != new:
        pair = [str(value) for value in (old, new)]
        yield f"{at} {pair[0]} -> {pair[1]}" if max(map(len, pair)) <= LONG else at
