"""Trials on the workers of a Dask cluster, which only decides where; this process alone writes the run directory (decision 37).

Imported only when asked for (`--scheduler`, `worker`); needs the extra `[cluster]`.
"""

from fpmg_bench.cluster.place import connected
from fpmg_bench.cluster.worker import serve

__all__ = ["connected", "serve"]
