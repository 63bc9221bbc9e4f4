"""A component in one file of its user's, without a distribution: "./my_generator.py:Mine" (docs/tutorial.md)."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from fpmg_bench.errors import UnknownComponent
from fpmg_bench.registry.entry import ComponentKind, Entry

VERSION = "local file"
_WRITTEN = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")


def is_local(name: str) -> bool:
    """Is this a class in a file, not a component by name?"""
    return _WRITTEN.fullmatch(name) is not None


def beginning_in(folder: Path, name: str) -> str:
    """The same name with its file's absolute path, whose relative one begins in `folder`; any other name as it is."""
    found = _WRITTEN.fullmatch(name)
    return f"{(folder / Path(found['file']).expanduser()).resolve()}:{found['name']}" if found else name


def shown(name: str) -> str:
    """A name or a file as reports show it: of a path the last part, since where a file lies is nobody's business."""
    return f"local file {Path(name).name}" if name.endswith(".py") or is_local(name) else name


def entry(kind: ComponentKind, name: str) -> Entry | None:
    """What such a name means; None for any other name. UnknownComponent where there is no such file.

    From here on its module can be imported, and found by whoever hashes it, in this process.
    """
    found = _WRITTEN.fullmatch(name)
    if found is None:
        return None
    file = Path(found["file"]).expanduser().resolve()
    if not file.is_file():
        raise UnknownComponent(
            f"{kind} '{name}': there is no such file", "relative names begin at the suite's file, on the command line here"
        )
    return Entry(found["name"], kind, f"{_module(file)}:{found['name']}", f"in {file.name}", str(file), VERSION, VERSION)


def classes(entry: Entry) -> list[str]:
    """Those that an imported local file defines; none where it was not imported to its end."""
    module = sys.modules.get(entry.module)
    return (
        [name for name, each in vars(module).items() if isinstance(each, type) and each.__module__ == entry.module]
        if module
        else []
    )


class _Files(MetaPathFinder):
    """Finds the modules of these files, and nothing else: what lies beside one is not imported, so that the hash of the file is all."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        file = self.files.get(fullname)
        return spec_from_file_location(fullname, file) if file else None


_FILES = _Files()


def _module(file: Path) -> str:
    """Its module's name, one a path."""
    from fpmg_bench.keys import digest

    if _FILES not in sys.meta_path:
        sys.meta_path.append(_FILES)
    name = re.sub(r"\W", "_", file.stem) + "_" + digest(str(file))[:8]
    _FILES.files[name] = file
    return name
