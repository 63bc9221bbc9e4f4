"""Suites that ship: found by name, valid, and located errors for what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpmg_bench.errors import SuiteError
from fpmg_bench.registry import Registry
from fpmg_bench.suite import load_suite, packaged_suites, validate


def test_the_main_suites_ship():
    assert {"smoke", "multimodal", "calibration"} <= set(packaged_suites())


@pytest.mark.parametrize("name", packaged_suites())
def test_a_packaged_suite_is_valid_and_named_like_its_file(name):
    registry = Registry.discover()
    if not registry.entries():
        pytest.skip("fpmg-bench is not installed: no entry points (a checkout needs a dist-info folder on PYTHONPATH)")
    suite = load_suite(name, registry)
    validate(suite, registry)
    assert suite.name == name


def test_the_main_suite_compares_what_it_says():
    suite = load_suite("multimodal")
    assert list(suite.methods) == [
        "fpmg",
        "fpmg-sites",
        "fpmg-dp",
        "fedavg",
        "centralized",
        "local-only",
        "single-modal",
        "mixture",
        "untrained",
        "decoded",
    ]
    assert suite.methods["centralized"].partition == {"kind": "pooled"}
    assert suite.methods["local-only"].topology.name == "isolated"
    assert suite.methods["fpmg-dp"].privacy.epsilon == 8.0
    assert [entry.optional for entry in suite.datasets] == [False, False, True]


def test_rivals_differ_in_their_federation_alone():
    """Same networks, public encoders and patients: who sends what to whom, how it is merged, and what pulls a silo back."""
    methods = load_suite("rivals").methods
    fpmg = methods["fpmg"]
    for method in methods.values():
        assert method.encoders == fpmg.encoders
        assert method.generator.name == fpmg.generator.name
        assert set(method.generator.params) <= {"send", "proximal"}
    assert methods["fedprox"].generator.params["proximal"] > 0
    assert methods["generator-only"].generator.params["send"] == "generator"
    federations = [(m.topology, m.aggregator, m.generator, m.partition) for m in methods.values()]
    assert all(federations.count(each) == 1 for each in federations)


def test_a_file_wins_over_a_packaged_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = "version: 1\nseeds: [4]\ndatasets: [a]\nmetrics: [rg]\nmethods: {copy: {control: copy}}\n"
    (tmp_path / "own.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    suite = load_suite("own.yaml")
    assert (suite.seeds, suite.name, suite.text) == ((4,), "own", text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smok", "no packaged suite 'smok'. Did you mean 'smoke'?"),
        ("absent.yaml", "absent.yaml: no such file"),
        ("x/y", "x/y: no such file"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(name, message):
    with pytest.raises(SuiteError) as caught:
        load_suite(name)
    assert caught.value.message == message
    assert "multimodal" in caught.value.hint


def test_a_suite_that_is_not_utf8_names_the_line(tmp_path: Path):
    (tmp_path / "latin.yaml").write_bytes("version: 1\nname: caf\u00e9\n".encode("latin-1"))
    with pytest.raises(SuiteError, match=r"latin\.yaml:2:10: not UTF-8 \(byte 0xe9\)"):
        load_suite(tmp_path / "latin.yaml")


def test_a_folder_is_no_suite(tmp_path: Path):
    with pytest.raises(SuiteError, match="no such file"):
        load_suite(tmp_path)
