"""Old dotted paths of components that moved into rooms in 0.2: they work until 0.3, with a warning that names the new one."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

HERE = "fpmg_plugins"
ROOMS = {
    "encoders.picture": ("cnn_ae", "cnn_transformer_ae", "timm_ae"),
    "encoders.table": ("autoencoder",),
    "generators.flow": ("latent_flow",),
    "generators.gan": ("parallel_cgan", "single_modal_cgan"),
    "generators.statistics": ("gaussian_copula",),
    "metrics.federation": ("co", "fc"),
    "metrics.fidelity": ("c2st", "dg", "frozen_space", "mmd", "prdc", "rg", "sdmetrics_quality", "support"),
    "metrics.privacy": ("membership", "pg", "proxies"),
    "metrics.privacy.inference": ("inference",),
    "metrics.privacy.neighbour": ("neighbour",),
    "metrics.round_trip": ("reconstruction",),
    "metrics.utility": ("augmentation", "fairness", "tstr"),
}
MOVED = {
    f"{HERE}.{room.partition('.')[0]}.{module}": f"{HERE}.{room}.{module}"
    for room, modules in ROOMS.items()
    for module in modules
} | {
    f"{HERE}.metrics.rmia": f"{HERE}.metrics.privacy.density_ratio",
    f"{HERE}.metrics.privacy.rmia": f"{HERE}.metrics.privacy.density_ratio",
}


class Finder(MetaPathFinder, Loader):
    """Asked last, for names that no file bears any more."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        warn(spec.name, MOVED[spec.name])
        return import_module(MOVED[spec.name])

    def exec_module(self, module: ModuleType) -> None:
        """The module has run under its new name."""


def install() -> None:
    """Once a process."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())


def within(package: str, *names: str) -> Callable[[str], Any]:
    """A package's `__getattr__`, where the old module's name is now the package's: its classes, with the same warning."""
    new = f"{package}.{package.rpartition('.')[2]}"

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        warn(f"{package}.{name}", f"{new}.{name}")
        return getattr(import_module(new), name)

    return find


def warn(old: str, new: str) -> None:
    """Says what an old path is called now."""
    warnings.warn(f"{old} is now {new}; the old path goes with 0.3", FutureWarning, stacklevel=3)
