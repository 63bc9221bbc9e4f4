"""`fpmg-bench worker`: this machine runs trials for a Dask scheduler."""

from __future__ import annotations

from typing import Annotated

import typer

EPILOG = """\b
Examples:
  fpmg-bench worker tcp://HOST:8786
  fpmg-bench worker tcp://HOST:8786 --slots 8 --name node7
\b
The same versions and data (FPMG_DATA) as where the run is planned are needed: a worker with others gets no trial.
Needs the extra [cluster]; docs/clusters.md shows Slurm, Kubernetes and SSH.
"""


def command(
    scheduler: Annotated[str, typer.Argument(metavar="ADDRESS", help="tcp://HOST:PORT of the scheduler.", show_default=False)],
    slots: Annotated[
        int | None, typer.Option("--slots", min=1, help="Trials at a time. [default: number of cores]", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="How messages call it. [default: its address]", show_default=False)
    ] = None,
) -> None:
    """Take trials from a Dask scheduler, one a slot, until it ends or Ctrl-C; wait for a scheduler that went away."""
    from importlib.util import find_spec

    from fpmg_bench.cli import console
    from fpmg_bench.errors import SuiteError
    from fpmg_bench.store import cores

    if find_spec("distributed") is None:
        raise SuiteError("worker: Dask is not installed", "pip install 'fpmg-bench[cluster]'")
    from fpmg_bench.cluster import serve

    serve(scheduler, slots or cores(), name, console.note)
