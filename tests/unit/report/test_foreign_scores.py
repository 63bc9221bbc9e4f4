"""A column's verdict is that of the distribution that gave its numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fpmg_bench.report.measures import AMP, TSTR

from .small_view import rows, small


def given_by(distribution: str | None) -> tuple[Any, Any]:
    view, group = small([*rows("a", "tstr", [0.8] * 5), *rows("a", "amp.gap.tstr", [0.1] * 5)])
    metric = {"kind": "metric", "name": "tstr"} | ({"distribution": distribution} if distribution else {})
    generator = {"kind": "generator", "name": "tstr", "distribution": "elsewhere"}
    return view, replace(group, run=replace(group.run, plan={**group.run.plan, "components": [generator, metric]}))


@pytest.mark.parametrize("measure", [TSTR, AMP], ids=["tstr", "amp"])
def test_what_ships_has_the_verdict_of_the_reference_run(measure: Any) -> None:
    for distribution in ("fpmg-bench", None):
        assert measure.verdict(*given_by(distribution)).word == "passed"


@pytest.mark.parametrize("measure", [TSTR, AMP], ids=["tstr", "amp"])
def test_a_third_partys_score_of_the_same_name_has_none(measure: Any) -> None:
    found = measure.verdict(*given_by("third-party"))
    assert (found.word, found.sign) == ("not calibrated", " °")
    assert "third-party" in measure.head(*given_by("third-party")).hint
