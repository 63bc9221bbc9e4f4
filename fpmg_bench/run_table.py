"""The long table of a run, from the files of its trials: results.parquet is a copy of it for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from fpmg_bench.store import RunDir


def rebuilt(run: RunDir) -> pd.DataFrame:
    """The long table of a run from its trials' files, with the AMP rows, which need several trials."""
    import pandas as pd

    from fpmg_bench.stats import amp, references
    from fpmg_bench.store import collect

    table = collect(run)
    added = amp(table, references([trial["spec"] for trial in run.plan()["trials"]]))
    return pd.concat([table, added], ignore_index=True) if len(added) else table
