"""Tests that need a real device: skipped where torch sees none."""

from __future__ import annotations

import pytest
import torch

from fpmg_bench.devices import settle


@pytest.fixture
def device() -> str:
    """The first cuda device, set as a trial sets it."""
    if not torch.cuda.is_available():
        pytest.skip("torch sees no cuda device")
    settle("cuda:0")
    return "cuda:0"
