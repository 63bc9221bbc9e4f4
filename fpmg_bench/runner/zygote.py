"""The process from which all of a warm run are forked: `python -P -m fpmg_bench.runner.zygote RUN SOCKET`."""

from __future__ import annotations

import gc
import importlib
import os
import socket
import sys
from pathlib import Path

from fpmg_bench.runner.child import SINGLE_THREADED
from fpmg_bench.runner.forking import live
from fpmg_bench.runner.one import die_with_parent
from fpmg_bench.store import RunDir, chosen

# What trials come to import late, deep in libraries: an optimizer takes torch._dynamo, and with it sympy and triton.
PRELOAD = (
    "torch._dynamo",
    "scipy.stats",
    "sklearn.linear_model",
    "safetensors.torch",
    "pydantic",
    "pyarrow.parquet",
    "PIL.Image",
)
PRIVATE = "opacus.accountants"


def main(arguments: list[str]) -> None:
    """RUN, and the file descriptor of the socket on which orders come."""
    for name, value in SINGLE_THREADED.items():
        os.environ.setdefault(name, value)
    die_with_parent()
    run, orders = RunDir(Path(arguments[0])), socket.socket(fileno=int(arguments[1]))

    import torch

    from fpmg_bench.registry import Registry
    from fpmg_bench.runner.lives import Zygote

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    registry, trials = Registry.discover(), run.trials()
    for kind, name in dict.fromkeys(pair for trial in trials for pair in chosen(trial.spec)):
        registry.load(kind, name)
    for module in (*PRELOAD, *([PRIVATE] if any(trial.spec.privacy for trial in trials) else [])):
        importlib.import_module(module)
    gc.collect()
    zygote = Zygote(orders, run, registry)
    gc.freeze()  # what is here for ever stays on pages that all share
    live(zygote)


if __name__ == "__main__":
    main(sys.argv[1:])
