"""Checks that any plug-in can run on its own components: `parametrize_with_checks` gives one pytest id a check.

from fpmg_bench.testing import parametrize_with_checks

@parametrize_with_checks([MyMedian()])
def test_contract(component, check):
    check(component)
"""

from fpmg_bench.testing.checks import checks_for, kind_of, parametrize_with_checks

__all__ = ["checks_for", "kind_of", "parametrize_with_checks"]
