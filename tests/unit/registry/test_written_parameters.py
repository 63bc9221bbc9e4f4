"""What the source says of a constructor is what its import says, or nothing; and saying it imports nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fpmg_bench.registry import Entry, Registry
from fpmg_bench.registry.parameters import signature_of
from fpmg_bench.registry.written import written

REGISTRY = Registry.discover()
ENTRIES = [pytest.param(entry, id=f"{entry.kind}-{entry.full_name}") for entry in REGISTRY.entries()]
PLAIN = """
from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
import annotated_types as at

RATE: float = 0.5
Share = Annotated[float, at.Gt(0)]

class Plain:
    words: int = 3

    def __init__(self, root: str, share: Share = RATE, *, kind: Literal["a", "b"] = "a", by: Mapping[str, int] | None = None) -> None:
        pass

class Below(Plain):
    def fit(self) -> None: ...

class Bare:
    pass
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """module(source): the name of a module that nobody has imported."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(source: str, name: str = "written_here") -> str:
        (tmp_path / f"{name}.py").write_text(source)
        return name

    return make


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_shipped_component_says_in_its_source_what_its_import_says(entry: Entry) -> None:
    found = written(entry.module, entry.attribute)
    assert found is None or list(found.items()) == list(signature_of(REGISTRY.load(entry.kind, entry.name)).items())


def test_whatever_imports_torch_says_it_plainly() -> None:
    heavy = [entry for entry in REGISTRY.entries() if entry.kind in ("encoder", "generator", "metric", "dataset")]
    assert len(heavy) > 40
    assert [entry.full_name for entry in heavy if written(entry.module, entry.attribute) is None] == []


def test_constants_aliases_bases_and_keywords_are_followed(module: Callable[..., str]) -> None:
    module(PLAIN)
    other = module("from written_here import Below as Mine, Bare\n", "written_beside")
    found = written(other, "Mine")
    assert found is not None
    import written_here  # type: ignore[import-not-found]

    assert found == signature_of(written_here.Plain)
    assert [(p.required, p.default) for p in found.values()] == [(True, None), (False, 0.5), (False, "a"), (False, None)]
    assert written(other, "Bare") == {}


@pytest.mark.parametrize(
    "source",
    [
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int = 1\n",
        "class C(metaclass=type):\n    pass\n",
        "class C:\n    def __init__(self, *a: int) -> None: ...\n",
        "class C:\n    def __init__(self, a=1) -> None: ...\n",
        "class C:\n    def __init__(self, a: Unknown = 1) -> None: ...\n",
        "class C:\n    if True:\n        def __init__(self, a: int = 1) -> None: ...\n",
        "class C:\n    def __new__(cls, a: int = 1): ...\n",
        "class C:\n    pass\nC = print(C)\n",
        "try:\n    from x import C\nexcept ImportError:\n    class C:\n        pass\n",
        "import torch\nclass C(torch.nn.Module):\n    pass\n",
        "import torch\nclass C:\n    def __init__(self, a: torch.dtype) -> None: ...\n",
        "class A: ...\nclass B: ...\nclass C(A, B):\n    pass\n",
        "class C:\n    __init__ = print\n",
        "class C(C):\n    pass\n",
        "class C(:\n",
        "",
    ],
)
def test_what_only_an_import_can_tell_is_not_told(module: Callable[..., str], source: str) -> None:
    assert written(module(source), "C") is None


def test_reading_imports_nothing() -> None:
    code = (
        "import sys\nfrom fpmg_bench.registry import Registry\nfound = Registry.discover().parameters('generator', 'parallel-cgan')\n"
        "assert 'lr' in found\nprint([name for name in ('numpy', 'torch', 'pandas', 'fpmg_plugins.generators') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
