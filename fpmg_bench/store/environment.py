"""Where numbers were made: interpreter, libraries, CPU, sources, commit."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from fpmg_bench.keys import digest

LIBRARIES = (
    "torch", "numpy", "pandas", "scipy", "scikit-learn", "pyarrow", "opacus", "transformers",
    "torchxrayvision", "safetensors",
)  # fmt: skip
# Everything else in the package counts as able to change a number: a module forgotten here costs a rerun, never a wrong reuse.
INERT = frozenset({
    "calibration", "cli", "report", "runner", "store", "stats", "registry", "suite", "tune", "testing", "hookspecs", "errors", "__init__",
    "__main__", "api", "comparison", "planning", "results", "cluster", "peers", "starters", "submission",
})  # fmt: skip


def core_hash() -> str:
    """Hash of the core's sources that can change a number, by their paths within the package."""
    package = Path(__file__).parent.parent
    files = {file.relative_to(package): file for file in sorted(package.rglob("*.py"))}
    return digest(
        {
            name.as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for name, file in files.items()
            if _top(name) not in INERT
        }
    )


def _top(name: Path) -> str:
    return name.parts[0].removesuffix(".py")


def libraries() -> dict[str, str]:
    """Versions of the libraries whose arithmetic or random streams a number can depend on."""
    return {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


def cpu_type() -> str:
    """The processor's model name, as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def setting() -> dict[str, Any]:
    """The part of the environment that enters the keys."""
    return {
        "core": core_hash(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "libraries": libraries(),
        "cpu": cpu_type(),
        "threads": 1,
        "device": "cpu",
    }


def environment() -> dict[str, Any]:
    """environment.json: the setting and what helps to reproduce it."""
    return {
        **setting(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": cores(),
        "fpmg_bench": _version("fpmg-bench"),
        "git": _commit(),
    }


def _commit() -> dict[str, Any] | None:
    """Commit of the sources, where they are a clone."""
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    return None if commit is None else {"commit": commit, "dirty": bool(changed)}


def _git(*words: str) -> str | None:
    here = Path(__file__).parent
    if not any((parent / ".git").exists() for parent in here.parents[:2]):
        return None
    try:
        done = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
