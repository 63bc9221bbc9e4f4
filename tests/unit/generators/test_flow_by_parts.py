"""A long sample of the flow is what its parts are, bit for bit, whatever the length."""

import pytest
import torch
from fpmg_plugins.generators.flow import velocity


@pytest.mark.parametrize("rows", [0, 1, 4096, 4097, 9001])
def test_parts_do_not_change_a_bit(rows, monkeypatch):
    torch.manual_seed(0)
    net = velocity.Velocity(16, 2, 6, 64)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    noise, given = torch.randn(rows, 16), torch.randn(rows, 6)
    found = velocity.transport(net, noise, given, 3)
    monkeypatch.setattr(velocity, "AT_ONCE", 10**9)
    assert torch.equal(found, velocity.transport(net, noise, given, 3))
    assert found.shape == (rows, 16)
