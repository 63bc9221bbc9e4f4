"""What `fpmg-bench new` writes passes the checks of its kind as it stands, under the name that was asked for."""

from pathlib import Path

import pytest

import fpmg_bench
from fpmg_bench import contracts
from fpmg_bench.registry import COMPONENT_KINDS

STARTERS = Path(fpmg_bench.__file__).parent / "starters"


@pytest.mark.parametrize("kind", [*COMPONENT_KINDS, "stepwise"])
def test_a_starter_passes_every_check(kind, program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = program("new", kind, "made/own.py:Own")
    assert code == 0 and "fpmg-bench check ./made/own.py:Own" in said
    code, said = program("check", "./made/own.py:Own")
    assert code == 0 and f"{'generator' if kind == 'stepwise' else kind} Own" in said and " 0 FAILED" in said, said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("metrics", "own.py"), "unknown kind 'metrics'"),
        (("metric", "own"), "no FILE.py"),
        (("metric", "own.py:1"), "no FILE.py"),
        (("metric", "there.py"), "there.py exists"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_is(words, said, program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.py").write_text("mine")
    code, text = program("new", *words)
    assert code in (2, 4) and said in text
    assert [file.name for file in tmp_path.iterdir()] == ["there.py"] and (tmp_path / "there.py").read_text() == "mine"


DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "starter"), [*((f"plugins/{kind}", kind) for kind in COMPONENT_KINDS), ("your-generator", "stepwise")]
)
def test_a_page_shows_its_starter(page, starter):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    assert f"```python\n{(STARTERS / f'{starter}.py').read_text(encoding='utf-8')}```" in text


@pytest.mark.parametrize("kind", COMPONENT_KINDS)
def test_a_page_names_every_method_that_its_kind_must_have(kind):
    """Those of the Protocol, its bases among them."""
    protocol = getattr(contracts, kind.capitalize())
    text = (DOCS / "plugins" / f"{kind}.md").read_text(encoding="utf-8")
    own = [each for each in protocol.__mro__ if each.__module__.startswith("fpmg_bench")]
    methods = {name for each in own for name in (*vars(each), *each.__annotations__) if not name.startswith("_")}
    assert methods
    assert {name for name in methods if f"`{name}" not in text} == set()
