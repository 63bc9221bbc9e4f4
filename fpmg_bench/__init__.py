"""fpmg-bench: what it costs to generate multimodal patient data in a federation, measured.

import fpmg_bench as fb
results = fb.run("smoke")
results.table()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpmg_bench.api import load as load
    from fpmg_bench.api import run as run
    from fpmg_bench.hookspecs import Component as Component
    from fpmg_bench.hookspecs import hookimpl as hookimpl
    from fpmg_bench.results import Results as Results

    __version__: str

_HOMES = {  # imported at first use (PEP 562), so that `import fpmg_bench` costs nothing
    "run": "fpmg_bench.api",
    "load": "fpmg_bench.api",
    "Results": "fpmg_bench.results",
    "Component": "fpmg_bench.hookspecs",
    "hookimpl": "fpmg_bench.hookspecs",
}
__all__ = ["Component", "Results", "__version__", "hookimpl", "load", "run"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("fpmg-bench")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'fpmg_bench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
