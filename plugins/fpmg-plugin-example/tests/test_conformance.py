"""The contracts, checked by fpmg-bench's own kit: one test id a check."""

from __future__ import annotations

from typing import Any

import torch
from fpmg_plugin_example.aggregator import NormBoundedMean
from fpmg_plugin_example.metric import CategoryCoverage

from fpmg_bench.testing import parametrize_with_checks


@parametrize_with_checks([NormBoundedMean(), NormBoundedMean(bound=1.0), CategoryCoverage()])
def test_contract(component: Any, check: Any) -> None:
    check(component)


def test_a_long_update_counts_as_much_as_the_others() -> None:
    reference = torch.zeros(2)
    inputs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [100.0, 0.0]])
    merged = NormBoundedMean(bound=1.0).merge(inputs, torch.full((3,), 1 / 3), reference, None, {})
    torch.testing.assert_close(merged, torch.tensor([2 / 3, 1 / 3]))
