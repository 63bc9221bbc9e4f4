"""`fpmg-bench doctor`: is this machine ready, and if not, what is missing."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpmg_bench.document import plural
from fpmg_bench.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

EPILOG = """\b
Examples:
  fpmg-bench doctor
  fpmg-bench doctor --json
"""
LEAST_FREE = 2 * 10**9  # bytes: a run of multimodal.yaml writes less than one tenth of it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ok False makes the exit code 1, or 4 for a plug-in."""

    what: str
    found: str
    ok: bool = True
    hint: str = ""


def command(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check Python, libraries, threads, disk, FPMG_DATA and plug-ins.

    Exit code 4 where a plug-in is broken, 1 where something else is missing.
    """
    from dataclasses import asdict

    from fpmg_bench.cli import console

    machine, plugins = [*_python(), *_libraries(), *_machine(), *_data()], list(_plugins())
    findings = [*machine, *plugins]
    if json:
        console.emit({"findings": [asdict(finding) for finding in findings]})
    else:
        rows = [("ok" if f.ok else "FAIL", f.what, f.found, f.hint) for f in findings]
        console.table("fpmg-bench doctor", ("", "what", "found", "hint"), rows)
    if not all(finding.ok for finding in plugins):
        raise typer.Exit(ExitCode.PLUGIN)
    if not all(finding.ok for finding in machine):
        raise typer.Exit(ExitCode.SOME_FAILED)


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", f"{version}, {sys.executable}", sys.version_info >= (3, 11), "Python 3.11 or newer")


def _libraries() -> Iterator[Finding]:
    """Every dependency that the installed distribution declares (extras left out)."""
    import re
    from importlib import metadata

    try:
        declared = metadata.requires("fpmg-bench") or []
        yield Finding("fpmg-bench", metadata.version("fpmg-bench"))
    except metadata.PackageNotFoundError:
        declared = []
        yield Finding("fpmg-bench", "not installed", False, "python -m pip install .")
    for line in declared:
        if "extra ==" in line:
            continue
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        try:
            yield Finding(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, "missing", False, f"python -m pip install '{line}'")


def _machine() -> Iterator[Finding]:
    from fpmg_bench.store import cores

    threads = {name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ}
    yield Finding("cores", f"{cores()} (one trial each; --jobs changes it)")
    yield Finding("threads", ", ".join(f"{k}={v}" for k, v in threads.items()) or "unset: each trial uses one whatever they say")
    free = shutil.disk_usage(Path.cwd()).free
    yield Finding("disk", f"{free / 1e9:.1f} GB free here", free >= LEAST_FREE, "2 GB are enough for the suites that ship")


def _data() -> Iterator[Finding]:
    """FPMG_DATA is optional: suites mark cohorts that need it as optional."""
    folder = os.environ.get("FPMG_DATA")
    if not folder:
        yield Finding("FPMG_DATA", "unset: only cohorts that ship or come with pip", hint="set it to the folder of your cohorts")
    elif not Path(folder).is_dir():
        yield Finding("FPMG_DATA", f"{folder} is no folder", False, "unset it, or name a folder")
    else:
        cohorts = sorted(each.name for each in Path(folder).iterdir() if each.is_dir())
        yield Finding("FPMG_DATA", f"{folder}: {', '.join(cohorts) or 'empty'}")


def _plugins() -> Iterator[Finding]:
    """Every distribution with its components; importing each one finds what is broken only at use."""
    from fpmg_bench.errors import PluginError
    from fpmg_bench.registry import Registry

    registry = Registry.discover()
    for broken in registry.broken:
        yield Finding(
            f"plug-in {broken.entry_point}",
            broken.error,
            False,
            f"from {broken.distribution}; fpmg-bench list shows the traceback",
        )
    for plugin in registry.plugins:
        for hook in plugin.unmarked:
            hint = "from fpmg_bench.hookspecs import hookimpl"
            yield Finding(f"plug-in {plugin.entry_point}", f"{hook} has no @hookimpl: it is never called", False, hint)
    for kind, name in dict.fromkeys((entry.kind, entry.name) for entry in registry.entries()):
        if registry.note(kind, name):
            yield Finding(f"{kind} {name}", registry.note(kind, name))
    for distribution in dict.fromkeys(entry.distribution for entry in registry.entries()):
        entries = [entry for entry in registry.entries() if entry.distribution == distribution]
        yield Finding(f"plug-in {distribution}", plural(len(entries), "component"))
    for entry in registry.entries():
        try:
            registry.load(entry.kind, entry.full_name)
        except PluginError as error:
            yield Finding(f"{entry.kind} {entry.name}", error.message, False, error.hint)
