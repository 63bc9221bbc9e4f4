"""Which checks a component must pass, chosen by its kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import NotApplicable, PluginError
from fpmg_bench.registry.entry import SIGNS
from fpmg_bench.testing import aggregators, datasets, encoders, generators, metrics, topologies
from fpmg_bench.testing.common import Check

if TYPE_CHECKING:
    import pytest

CHECKS: Mapping[str, tuple[Check, ...]] = {
    "aggregator": aggregators.CHECKS,
    "dataset": datasets.CHECKS,
    "encoder": encoders.CHECKS,
    "generator": generators.CHECKS,
    "metric": metrics.CHECKS,
    "topology": topologies.CHECKS,
}


def kind_of(component: Any) -> str:
    """The plug-in kind of an object. PluginError where it looks like none.

    >>> from fpmg_plugins.topologies.star import Star
    >>> kind_of(Star())
    'topology'
    """
    for kind, methods in SIGNS.items():
        if all(callable(getattr(component, method, None)) for method in methods):
            return kind
    raise PluginError(
        f"{type(component).__name__} is no component: it has neither of {' | '.join('+'.join(m) for m in SIGNS.values())}",
        "implement one of the Protocols of fpmg_bench.contracts",
    )


def checks_for(component: Any) -> Iterator[Check]:
    """Every check of the component's kind, common ones first. A check raises AssertionError, or NotApplicable with a reason."""
    yield from CHECKS[kind_of(component)]


def parametrize_with_checks(
    components: Iterable[Any], expected_failures: Mapping[str, str] | None = None
) -> pytest.MarkDecorator:
    """`pytest.mark.parametrize` over ("component", "check"), one id a check: "MyMedian-order_of_inputs_is_irrelevant".

    expected_failures: check name -> reason; such a check must fail (a stale entry is an error). NotApplicable skips.
    """
    import pytest

    expected = dict(expected_failures or {})
    cases = []
    for component in components:
        for check in checks_for(component):
            name = check.__name__.removeprefix("check_")
            marks = [pytest.mark.xfail(reason=expected[name], strict=True, raises=AssertionError)] if name in expected else []
            cases.append(pytest.param(component, _skipping(check), id=f"{type(component).__name__}-{name}", marks=marks))
    return pytest.mark.parametrize(("component", "check"), cases)


def _skipping(check: Check) -> Check:
    import pytest

    @wraps(check)
    def run(component: Any) -> None:
        try:
            check(component)
        except NotApplicable as reason:
            pytest.skip(reason.reason)

    return run
