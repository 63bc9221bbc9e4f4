"""The tutorial's code runs as it stands, passes the kit, and does what the example distribution does."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from fpmg_bench.errors import NotApplicable
from fpmg_bench.hookspecs import Component
from fpmg_bench.registry import Registry
from fpmg_bench.testing import checks_for

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """What the tutorial's Python blocks define, run one after the other."""
    names: dict[str, Any] = {}
    for block in _blocks("python"):
        exec(compile(block, "docs/tutorial.md", "exec"), names)
    return names


def test_the_class_passes_every_check(written: dict[str, Any]) -> None:
    rule = written["NormBoundedMean"]
    for check in checks_for(rule()):
        with suppress(NotApplicable):
            check(rule())


def test_the_class_computes_what_the_example_computes(written: dict[str, Any]) -> None:
    from fpmg_plugin_example.aggregator import NormBoundedMean

    inputs, weights = torch.randn(4, 9, generator=torch.Generator().manual_seed(1)), torch.tensor([0.1, 0.2, 0.3, 0.4])
    arguments = inputs, weights, torch.zeros(9), None, {}
    torch.testing.assert_close(written["NormBoundedMean"]().merge(*arguments), NormBoundedMean().merge(*arguments))


def test_the_hook_and_the_entry_point_are_what_the_registry_reads(written: dict[str, Any]) -> None:
    (component,) = written["fpmg_aggregators"]()
    assert isinstance(component, Component)
    assert component.name == "norm-bounded-mean"
    (entry,) = _blocks("toml")
    assert tomllib.loads(entry)["project"]["entry-points"] == {"fpmg_bench": {"example": component.target.partition(".")[0]}}


def test_the_suite_of_the_generator_is_read(tmp_path: Path) -> None:
    import fpmg_plugin_example

    from fpmg_bench.suite import parse_suite

    registry = Registry.discover()
    offered = [component.name for component in fpmg_plugin_example.fpmg_generators()]
    (methods,) = _blocks("yaml")
    assert f"name: {offered[0]}," in methods
    known = methods.replace(f"{{name: {offered[0]}, latent: 16}}", "single-modal-cgan")  # the example is not installed here
    head = "version: 1\nname: tutorial\nseeds: [0]\ndatasets: [{name: phantom, patients: 300}]\nmetrics: [rg]\n"
    suite = parse_suite(head + known, tmp_path / "suite.yaml", registry)
    assert list(suite.methods) == ["mine", "fpmg", "untrained", "decoded", "private"]
    assert suite.methods["untrained"].budget == {"rounds": 0}
