"""A class in a file of one's own, in the place of a component's name."""

import pytest

from fpmg_bench.errors import PluginError, SuiteError, UnknownComponent
from fpmg_bench.registry import Registry, local
from fpmg_bench.spec import Choice
from fpmg_bench.suite import parse_suite

RULE = '''
"""A module."""
import torch

class Half:
    """Half the mean. by: what it is divided by."""
    needs, uses_own = "sum", False
    def __init__(self, by: float = 2.0) -> None:
        self.by = by
    def min_inputs(self):
        return 1
    def merge(self, inputs, weights, reference, own, memory):
        return (weights.to(inputs.dtype) @ inputs) / self.by

nothing = 3
'''
METRIC = """
from typing import ClassVar
from fpmg_bench.types import Scale, Score

class Count:
    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = True
    scales: ClassVar = {"records": Scale(0.0, None, low=0.0, unit="records", source="counted")}
    def __init__(self) -> None: ...
    def __call__(self, evidence, rng):
        return [Score("records", float(len(release))) for release in evidence.released.values()][:1]
"""


@pytest.fixture
def registry():
    return Registry.discover()


@pytest.fixture
def rule(tmp_path):
    (tmp_path / "rules.py").write_text(RULE)
    return f"{tmp_path}/rules.py:Half"


def test_it_is_built_with_its_parameters_and_says_where_it_is(registry, rule, tmp_path):
    assert registry.build("aggregator", Choice(rule, {"by": 3.0})).by == 3.0
    assert registry.parameters("aggregator", rule)["by"].default == 2.0
    assert registry.origin("aggregator", rule) == f"{tmp_path}/rules.py:5"
    assert "Half the mean" in registry.card("aggregator", rule)
    assert local.shown(registry.find("aggregator", rule).full_name) == "local file rules.py:Half"


def test_its_version_is_what_its_file_says(registry, rule, tmp_path):
    before = registry.version(registry.find("aggregator", rule))
    (tmp_path / "rules.py").write_text(RULE + "\n# a remark\n")
    assert registry.version(registry.find("aggregator", rule)) != before


def test_two_files_of_one_name_are_two_components(registry, rule, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "rules.py").write_text(RULE.replace("2.0", "5.0"))
    assert registry.build("aggregator", Choice(rule)).by == 2.0
    assert registry.build("aggregator", Choice(f"{other}/rules.py:Half")).by == 5.0


def test_a_relative_name_begins_at_the_suites_file(registry, rule, tmp_path):
    text = """
version: 1
seeds: [0]
datasets: [{name: phantom, patients: 300}]
methods:
  mine:
    encoders: {table: frozen}
    generator: gaussian-copula
    topology: star
    aggregator: {name: ./rules.py:Half, by: 4.0}
metrics: [rg]
"""
    suite = parse_suite(text, tmp_path / "suite.yaml", registry)
    assert suite.methods["mine"].aggregator == Choice(rule, {"by": 4.0})
    with pytest.raises(SuiteError, match=r"suite.yaml:10:.*unknown parameter 'bye'"):
        parse_suite(text.replace("by:", "bye:"), tmp_path / "suite.yaml", registry)
    with pytest.raises(SuiteError, match="there is no such file"):
        parse_suite(text.replace("rules.py", "rule.py"), tmp_path / "suite.yaml", registry)


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("aggregator", ("Half", "Halve"), "its file has no class 'Half'. Did you mean 'Halve'? (it has Halve)"),
        ("generator", ("", ""), "has no method sample and no train"),
        ("aggregator", ("import torch", "import beside"), "one file"),
        ("aggregator", ("import torch", "raise SystemExit(3)"), "SystemExit: 3"),
    ],
)
def test_what_is_wrong_with_it_is_said(registry, rule, tmp_path, kind, change, said):
    (tmp_path / "beside.py").write_text("")
    (tmp_path / "rules.py").write_text(RULE.replace(*change))
    with pytest.raises(PluginError) as caught:
        registry.load(kind, rule)
    assert said in f"{caught.value} {caught.value.hint}"


def test_what_is_no_class_and_what_is_no_file(registry, rule, tmp_path):
    with pytest.raises(PluginError, match="not a class"):
        registry.load("aggregator", rule.replace("Half", "nothing"))
    with pytest.raises(UnknownComponent, match="no such file"):
        registry.find("aggregator", f"{tmp_path}/none.py:Half")


def test_scores_of_a_metric_in_a_file_are_called_after_its_class(tmp_path, program, monkeypatch):
    import fpmg_bench as fb

    (tmp_path / "mine.py").write_text(METRIC)
    (tmp_path / "s.yaml").write_text("""
version: 1
seeds: [0]
datasets: [{name: phantom, patients: 200, silos: 2, modalities: [table]}]
methods: {copy: {control: copy}}
metrics: [./mine.py:Count, rg]
""")
    monkeypatch.chdir(tmp_path)
    assert program("run", "s.yaml", "--jobs", "1", "--out", "out")[0] == 0
    table = fb.load("out").table()
    assert set(table.metric) > {"Count.records"}
    assert not table.metric.str.contains("/").any()
