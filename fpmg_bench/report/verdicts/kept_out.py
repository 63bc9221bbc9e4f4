"""Methods whose training was kept out: they release what an untrained generator releases."""

from __future__ import annotations

from collections.abc import Iterator

from fpmg_bench.comparison.alike import same_release, start_nearer
from fpmg_bench.report.blocks import Finding
from fpmg_bench.report.verdicts.headroom import untrained
from fpmg_bench.report.view import Group
from fpmg_bench.report.wording import listing, plural


def kept_out(group: Group) -> Iterator[Finding]:
    """One finding where methods release the start's patients, record by record, in some of the seeds that both finished."""
    start = untrained(group)
    first = {trial.seed: trial for trial in start.done} if start else {}
    said = []
    for method in group.ranked:
        both = (
            [trial for trial in method.done if trial.seed in first]
            if method is not start and method.spec.get("generator")
            else []
        )
        same = [trial for trial in both if same_release(trial.folder, first[trial.seed].folder)]
        if same:
            nearer = sum(start_nearer(trial.rounds, trial.record.get("silos") or ()) for trial in same)
            asked = f"; patients found the start nearer in {nearer} of {len(same)}" if nearer else ""
            said.append(f"{method.name} ({len(same)} of {plural(len(both), 'seed')}{asked})")
    if said and start:
        text = f"Training was kept out: the same patients, record by record, as {start.name} releases, from {listing(said)}."
        yield Finding("Kept at its start", f"{text} Its scores there are those of the exchanged statistics.", "warn")
