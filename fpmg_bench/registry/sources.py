"""Where a component's code is, without importing it: the line of its class, and a hash of all it is made of."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

CODE = frozenset({".py", ".pyc", ".pyi", ".so", ".typed"})  # .py files are followed by their imports; py.typed says nothing


def module_file(name: str) -> Path | None:
    """The source file of a module, found without running any package's `__init__`; None for anything but a .py file."""
    top, *rest = name.split(".")
    spec = find_spec(top)  # also asks the finders of editable installs
    for depth, _ in enumerate(rest, start=2):
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(".".join(name.split(".")[:depth]), list(spec.submodule_search_locations))
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def family(module: str, plugins: Collection[str] = ()) -> dict[str, Path]:
    """The module and, transitively, what it imports of its own top-level package and of other plug-ins'; sorted by name.

    Imports are read from the source, so a change in a shared file, or in a class of another plug-in that this one extends, changes
    the version of every component that uses it.
    """
    tops = {module.partition(".")[0], *plugins}
    found: dict[str, Path] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        file = module_file(name) if name not in found else None
        if file is not None:
            found[name] = file
            pending += [other for other in _imports(file, name) if other.partition(".")[0] in tops]
    return dict(sorted(found.items()))


def data_files(modules: Mapping[str, Path]) -> list[Path]:
    """Package data beside these modules, in the packages around them, and below in folders without code. Sorted.

    Lists of words, descriptions, weights. A folder with an `__init__.py` that says nothing is one of data too.
    """
    folders = {
        folder for name, file in modules.items() for folder in file.parents[: name.count(".") + (file.name == "__init__.py")]
    }
    return sorted({file for folder in folders for file in _data(folder)})


def _data(folder: Path) -> Iterator[Path]:
    for each in folder.iterdir():
        if each.name.startswith(".") or each.name == "__pycache__":
            continue
        if each.is_dir() and not any(_says_something(file) for file in each.glob("*.py")):
            yield from _data(each)
        elif each.is_file() and each.suffix not in CODE:
            yield each


def _says_something(file: Path) -> bool:
    """Whether a source file holds more than its documentation."""
    body = ast.parse(file.read_bytes()).body
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)


def distributions(modules: Mapping[str, Path]) -> list[str]:
    """ "name==version" of every distribution that these modules import from, sorted; one that nobody installed is left out."""
    tops = {other.partition(".")[0] for name, file in modules.items() for other in _imports(file, name)}
    found = {dist for top in tops - sys.stdlib_module_names for dist in _installed().get(top, ())}
    return sorted(f"{name}=={metadata.version(name)}" for name in found)


@cache
def _installed() -> Mapping[str, Iterable[str]]:
    return metadata.packages_distributions()


def definition(module: str, name: str) -> tuple[Path, int] | None:
    """File and line of a class, followed through `from x import Name`; the module's first line where it is made otherwise."""
    file = module_file(module)
    if file is None:
        return None
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return file, node.lineno
        if isinstance(node, ast.ImportFrom):
            source = next((alias.name for alias in node.names if name == (alias.asname or alias.name)), None)
            if source is not None:
                return definition(absolute(node, module, file.name == "__init__.py"), source)
    return file, 1


def _imports(file: Path, module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, module, file.name == "__init__.py")
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The full name of the module that a `from ... import` in `module` names."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parents = parts[: len(parts) - node.level + is_package]
    return ".".join([*parents, node.module] if node.module else parents)
