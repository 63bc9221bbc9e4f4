"""The house: no circle of imports, type-checking ones included, no room or file that has grown too large."""

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[3]
ROOTS = {"fpmg_bench": ROOT / "fpmg_bench", "fpmg_plugins": ROOT / "plugins" / "fpmg_plugins"}


def modules():
    """Dotted name -> file."""
    found = {}
    for top, folder in ROOTS.items():
        for file in folder.rglob("*.py"):
            parts = [top, *file.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(file, known):
    """What a module imports anywhere in its text, as the module that is meant: a submodule where the name is one."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else node.module


def circle(files):
    """The modules of one circle; () where there is none."""
    graph = {name: {other for other in imports(file, files) if other in files and other != name} for name, file in files.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        return tuple(found.args[1])
    return ()


def test_no_module_imports_itself_by_way_of_others():
    assert circle(modules()) == ()


def test_a_circle_would_be_seen(tmp_path):
    (tmp_path / "a.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from b import B\n")
    (tmp_path / "b.py").write_text("def late():\n    from a import A\n")
    assert set(circle({"a": tmp_path / "a.py", "b": tmp_path / "b.py"})) == {"a", "b"}


def test_rooms_and_files_stay_small():
    files = list(modules().values())
    rooms = Counter(file.parent for file in files)
    assert {str(room): n for room, n in rooms.items() if n > 25} == {}
    assert {str(file): n for file in files if (n := len(file.read_text().splitlines())) > 400} == {}
