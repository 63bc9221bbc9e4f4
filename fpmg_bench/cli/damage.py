"""What readers of run directories say of trials that are damaged on disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def tell(runs: Iterable[Path]) -> None:
    """A note for each damaged trial, which is left out, and how it is mended."""
    from fpmg_bench.cli import console
    from fpmg_bench.results import Results
    from fpmg_bench.store import DAMAGED

    for run in dict.fromkeys(runs):
        records = Results(run).records()
        damaged = [record for record in records if record.status == DAMAGED]
        for record in damaged:
            console.note(f"damaged, left out: {record.trial.id}: {record.reason}")
        if damaged:
            console.note(
                f"{run}: {len(damaged)} of {len(records)} trials are damaged; the command that made it computes them again"
            )
