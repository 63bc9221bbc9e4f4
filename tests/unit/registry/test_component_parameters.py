"""The constructor's signature is the schema: strict types, nearest words, and problems at their path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from fpmg_bench.errors import PluginError, SuiteError
from fpmg_bench.registry.parameters import check, signature_of
from fpmg_bench.spec import Choice


@dataclass(frozen=True)
class Sample:
    rate: float = 0.1
    steps: int = 3
    mode: Literal["a", "b"] = "a"
    clip: Annotated[float, Field(gt=0)] = 1.0
    flag: bool = False
    tau: float | None = None
    sizes: tuple[int, ...] = ()
    names: list[str] | None = None
    weights: Mapping[str, float] | None = None


def wrong(**params: Any) -> list[tuple[str, ...]]:
    return [problem.path for problem in check("sample", signature_of(Sample), params)[1]]


def value(name: str, given: Any) -> Any:
    values, problems = check("sample", signature_of(Sample), {name: given})
    assert problems == []
    return values[name]


@pytest.mark.parametrize(
    ("name", "bad"),
    [("steps", "3"), ("steps", True), ("steps", 3.5), ("rate", "0.1"), ("rate", True), ("mode", "c"), ("clip", 0), ("flag", 1),
     ("flag", "yes"), ("tau", "x"), ("sizes", 3), ("rate", None), ("names", "abc"), ("weights", [1])],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_at_its_name(name, bad):
    assert wrong(**{name: bad}) == [(name,)]


def test_a_wrong_item_is_refused_at_its_place():
    assert wrong(sizes=[1, "x"]) == [("sizes", "1")]
    assert wrong(weights={"a": "x"}) == [("weights", "a")]


def test_yaml_values_become_what_the_constructor_wants():
    assert value("rate", 1) == 1.0
    assert isinstance(value("rate", 1), float)
    assert value("sizes", [1, 2]) == (1, 2)
    assert value("weights", {"a": 1}) == {"a": 1.0}
    assert value("tau", None) is None
    assert value("names", ["x"]) == ["x"]


def test_an_unknown_parameter_suggests_the_nearest_and_lists_all():
    _, (problem,) = check("metric 'm'", signature_of(Sample), {"step": 3})
    assert problem.message.startswith("unknown parameter 'step' of metric 'm'. Did you mean 'steps'? It has rate, steps, mode")


def test_a_missing_required_parameter_is_named():
    class Needs:
        def __init__(self, root: str, *, depth: int = 2) -> None: ...

    _, (problem,) = check("dataset 'folder'", signature_of(Needs), {})
    assert problem.message == "dataset 'folder' needs the parameter 'root' (str)"
    assert not check("dataset 'folder'", signature_of(Needs), {"root": "x", "depth": 1})[1]


def test_a_signature_that_is_no_schema_is_the_plugins_fault():
    class Open:
        def __init__(self, **anything: int) -> None: ...

    class Bare:
        def __init__(self, rate=1): ...

    class Hidden:
        def __init__(self, rate: OnlyForTypeCheckers = 1) -> None: ...  # noqa: F821

    for cls, message in ((Open, "is no schema"), (Bare, "no type annotation"), (Hidden, "OnlyForTypeCheckers")):
        with pytest.raises(PluginError, match=message):
            signature_of(cls)


@settings(deadline=None)
@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.booleans() | st.none())
def test_whatever_is_written_is_taken_or_refused_but_never_changed_in_meaning(anything):
    values, problems = check("sample", signature_of(Sample), {"rate": anything})
    if problems:
        assert isinstance(anything, (str, bool)) or anything is None
    else:
        assert values["rate"] == pytest.approx(anything)


def test_building_refuses_all_wrong_parameters_in_one_error(install, discover):
    install("good-dist", "good_rules", SOURCE)
    with pytest.raises(SuiteError, match=r"unknown parameter 'kep'.*wants int for 'keep'"):
        discover().build("aggregator", Choice("rule", {"kep": 1, "keep": "x"}))
    with pytest.raises(SuiteError, match="aggregator 'rule': ValueError: keep is odd"):
        discover().build("aggregator", Choice("rule", {"keep": 3}))


SOURCE = """
    @hookimpl
    def fpmg_aggregators():
        return [Component("rule", "good_rules:Rule")]

    class Rule:
        def __init__(self, keep: int = 2) -> None:
            if keep % 2:
                raise ValueError("keep is odd")
"""
