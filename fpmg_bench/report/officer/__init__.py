"""One page a method for a hospital's data officer: may this be handed out, and what is known of the risk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def officer(runs: Sequence[Path], out: Path) -> Path:
    """Write one page a method and cohort, and return the path. Raises StoreError where no method releases anything."""
    from fpmg_bench.report.officer.sheet import write

    return write(runs, out)
