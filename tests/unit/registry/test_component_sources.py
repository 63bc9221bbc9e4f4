"""A component's version follows its own source and what it shares of its package; origins need no import."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fpmg_bench.registry import Registry, sources
from fpmg_bench.registry.entry import Entry
from fpmg_bench.registry.sources import data_files, definition, family, module_file


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "pkg_of_rules"
    (root / "inner").mkdir(parents=True)
    (root / "__init__.py").write_text("raise AssertionError('imported')\n")
    (root / "inner" / "__init__.py").write_text("")
    (root / "inner" / "rule.py").write_text(
        "import json\nfrom .shared import helper\nfrom pkg_of_rules import far\n\nclass Rule: ...\n"
    )
    (root / "inner" / "shared.py").write_text("def helper():\n    from pkg_of_rules.inner import deep\n")
    (root / "inner" / "deep.py").write_text("")
    (root / "inner" / "unrelated.py").write_text("")
    (root / "far.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    return root


def test_the_family_of_a_module_is_what_it_imports_of_its_own_package(package):
    found = family("pkg_of_rules.inner.rule")
    expected = ["", ".far", ".inner", ".inner.deep", ".inner.rule", ".inner.shared"]
    assert list(found) == [f"pkg_of_rules{name}" for name in expected]
    assert "pkg_of_rules" not in sys.modules


def test_a_module_that_is_not_python_source_has_no_file(package):
    assert module_file("sys") is None
    assert module_file("pkg_of_rules.nowhere") is None
    assert module_file("pkg_of_rules.far.below") is None
    assert module_file("pkg_of_rules.far") == package / "far.py"


def test_the_line_of_a_class_is_read_from_its_source_also_through_a_re_export(package):
    rule = (package / "inner" / "rule.py", 5)
    assert definition("pkg_of_rules.inner.rule", "Rule") == rule
    (package / "inner" / "__init__.py").write_text("from .rule import Rule as Renamed\n")
    assert definition("pkg_of_rules.inner", "Renamed") == rule
    assert definition("pkg_of_rules.inner.rule", "Elsewhere") == (package / "inner" / "rule.py", 1)
    assert definition("sys", "Elsewhere") is None


def test_versions_change_with_shared_source_and_with_nothing_else(install, discover, tmp_path):
    install("good-dist", "good_rules", SOURCE, version="1.5")
    (tmp_path / "unrelated_rules.py").write_text("x = 1\n")
    entry = discover().find("aggregator", "rule")
    before = discover().version(entry)
    assert before.startswith("1.5+")
    assert len(before) == len("1.5+") + 12
    (tmp_path / "unrelated_rules.py").write_text("x = 2\n")
    assert discover().version(entry) == before
    with (tmp_path / "good_rules.py").open("a") as file:
        file.write("# changed\n")
    assert discover().version(entry) != before


BASE = """
    @hookimpl
    def fpmg_aggregators():
        return [Component("base", "base_rules:Base")]

    class Base:
        share = 0.5
"""
CHILD = """
    from base_rules import Base

    @hookimpl
    def fpmg_aggregators():
        return [Component("child", "child_rules:Rule")]

    class Rule(Base): ...
"""


def test_a_change_in_another_plug_ins_class_changes_the_version_of_who_extends_it(install, discover, tmp_path):
    install("base-dist", "base_rules", BASE)
    install("child-dist", "child_rules", CHILD, version="2.0")
    found = discover()
    entry = found.find("aggregator", "child")
    before = found.version(entry)
    (tmp_path / "base_rules.py").write_text((tmp_path / "base_rules.py").read_text().replace("0.5", "0.9"))
    assert discover().version(entry) != before


def test_a_new_version_of_a_distribution_that_is_imported_changes_the_version(install, discover, monkeypatch, tmp_path):
    install("good-dist", "good_rules", SOURCE)
    with (tmp_path / "good_rules.py").open("a") as file:
        file.write("def late():\n    import timm_like\n")
    entry = discover().find("aggregator", "rule")
    monkeypatch.setattr(sources, "_installed", lambda: {"timm_like": ["pluggy"]})
    before = discover().version(entry)
    monkeypatch.setattr(sources.metadata, "version", lambda name: "99")
    assert discover().version(entry) != before


def test_package_data_is_part_of_the_version_and_bytecode_is_not(tmp_path, monkeypatch, discover):
    package = tmp_path / "pkg_with_words"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "rule.py").write_text("class Rule:\n    pass\n")
    (package / "words.txt").write_text("effusion\n")
    (package / "data" / "more.json").write_text("[1]")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "rule.pyc").write_bytes(b"x")
    monkeypatch.syspath_prepend(str(tmp_path))
    files = data_files(family("pkg_with_words.rule"))
    assert files == [package / "data" / "more.json", package / "words.txt"]
    registry = discover()
    entry = Entry("rule", "aggregator", "pkg_with_words.rule:Rule", "", "pkg", "1.0", "main")
    before = registry.version(entry)
    (package / "__pycache__" / "rule.pyc").write_bytes(b"y")
    assert registry.version(entry) == before
    (package / "words.txt").write_text("no effusion\n")
    changed = registry.version(entry)
    assert changed != before
    (package / "data" / "more.json").write_text("[2]")
    assert registry.version(entry) not in (before, changed)


def test_data_in_a_package_of_its_own_and_in_the_packages_around_a_module_count(tmp_path, monkeypatch):
    """`importlib.resources.files("pkg.data")` needs an `__init__.py` there; a module below reads what lies at the top."""
    package = tmp_path / "pkg_of_layers"
    for folder in (package, package / "data", package / "other", package / "encoders"):
        folder.mkdir()
        (folder / "__init__.py").write_text('"""Documented."""\n')
        (folder / "words.txt").write_text("effusion\n")
    (package / "other" / "code.py").write_text("x = 1\n")
    (package / "encoders" / "rule.py").write_text("class Rule: ...\n")
    (tmp_path / "beside.txt").write_text("not the package's\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = data_files(family("pkg_of_layers.encoders.rule"))
    assert found == [package / "data" / "words.txt", package / "encoders" / "words.txt", package / "words.txt"]


def test_the_words_that_ship_are_part_of_the_versions_of_who_reads_them():
    registry = Registry.discover()
    if not registry.entries():
        pytest.skip("fpmg-bench is not installed")
    names = {
        kind: [file.name for file in data_files(family(registry.find(kind, name).module))]
        for kind, name in (("encoder", "transformer-ae"), ("metric", "reconstruction"), ("dataset", "covid-cxr"))
    }
    assert {"vocabulary.txt", "finding_words.txt"} <= set(names["encoder"])
    assert "finding_words.txt" in names["metric"]
    assert "covid_cxr.yaml" in names["dataset"]


def test_the_origin_of_every_shipped_component_is_a_class_in_a_file():
    registry = Registry.discover()
    if not registry.entries():
        pytest.skip("fpmg-bench is not installed: no entry points (a checkout needs a dist-info folder on PYTHONPATH)")
    for entry in registry.entries():
        file, _, line = registry.origin(entry.kind, entry.name).rpartition(":")
        assert Path(file).read_text().splitlines()[int(line) - 1].startswith(f"class {entry.attribute}")


SOURCE = """
    @hookimpl
    def fpmg_aggregators():
        return [Component("rule", "good_rules:Rule")]

    class Rule: ...
"""
