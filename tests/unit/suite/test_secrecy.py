"""Secure aggregation is refused where somebody needs single models, or where the sum is one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from suite_toys import HEAD, METHODS

from fpmg_bench.suite import expand

SECURE = "topology: {name: star, masked: true}"


@pytest.fixture
def reason(suite, registry, info):
    """reason(method, cohort): why the method "tried" is refused on a cohort of three silos, or ""."""

    def refused(method: str, cohort=None) -> str:
        planned = expand(suite(f"  tried: {{extends: base, {method}}}\n"), registry, {"toy": cohort or info()}, "tried and /0")
        return planned.refusals[0].reason if planned.refusals else ""

    return refused


def test_a_sum_over_three_silos_is_planned(reason):
    assert reason(SECURE) == ""


def test_an_aggregator_that_needs_individuals_is_refused(reason, info):
    five = info(sites=dict.fromkeys("ABCDE", 200))
    assert reason("topology: star, aggregator: krum", five) == ""
    said = reason(f"{SECURE}, aggregator: krum", five)
    assert said.startswith("aggregator 'krum' needs individual models, secure aggregation over 'star' shows only their sum;")
    assert "write masked: false, or an aggregator with needs: sum" in said


def test_one_silo_is_refused(reason):
    assert "hides nothing of one silo, whose model is the sum; use a partition" in reason(f"{SECURE}, partition: pooled")


def test_a_modality_of_one_silo_is_refused(reason, info):
    cohort = info()
    first, *others = cohort.silos
    only = replace(cohort, silos=(first, *(replace(silo, present={"labs": silo.records}) for silo in others)))
    assert reason("topology: star", only) == ""
    said = reason(SECURE, only)
    assert said.startswith("modality 'notes' is held by silo 'A' alone")
    assert said.endswith("leave the modality out, or write masked: false")


def test_a_modality_skew_that_may_leave_one_holder_is_refused(reason):
    skewed = f"{SECURE}, partition: {{kind: modality, lack: %s, of: {{kind: iid, silos: 4}}}}"
    assert reason(skewed % 0.3).startswith(
        "a modality skew may leave a modality to one silo alone, secure aggregation over 'star'"
    )
    assert reason(skewed % 0) == ""


@pytest.mark.parametrize(
    ("to", "said"), [("next", "masks what goes to silo 1"), ("relay", "never cancel"), ("hold", "never cancel")]
)
def test_a_plan_in_which_masks_do_not_cancel_is_refused(reason, to, said):
    assert said in reason(f"topology: {{name: whisper, to: {to}}}")


def test_other_topologies_have_no_such_parameter(problems):
    (line,) = problems(HEAD + METHODS.replace("topology: ring", "topology: {name: ring, masked: true}"))
    assert line.endswith("unknown parameter 'masked' of topology 'ring'. It has hops, relay")
