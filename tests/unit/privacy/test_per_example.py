"""Per-example gradients by hand against torch.func's, one layer of every kind in every form that is taken."""

import pytest
import torch
from torch import nn

from fpmg_bench.errors import PrivacyError
from fpmg_bench.privacy import dpsgd, per_example

N, CLIP = 7, 0.05


class Looked(nn.Module):
    """Words looked up, some of them twice in a text, and averaged."""

    def __init__(self):
        super().__init__()
        self.words, self.out = nn.Embedding(5, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.words((x[:, :6].abs() * 2).long().clamp(max=4))).sum(1)


def pictures(*layers, shape=(2, 4, 6)):
    return lambda: nn.Sequential(nn.Unflatten(1, shape), *(make() for make in layers), nn.Tanh(), nn.Flatten())


MODULES = {
    "linear": lambda: nn.Sequential(nn.Linear(48, 6), nn.Tanh(), nn.Linear(6, 3, bias=False)),
    "linear over many places": lambda: nn.Sequential(nn.Unflatten(1, (16, 3)), nn.Linear(3, 2), nn.Tanh(), nn.Flatten()),
    "linear over few places": lambda: nn.Sequential(nn.Unflatten(1, (2, 24)), nn.Linear(24, 20), nn.Tanh(), nn.Flatten()),
    "layer norm": lambda: nn.Sequential(nn.Unflatten(1, (6, 8)), nn.LayerNorm(8), nn.Flatten(), nn.Tanh()),
    "layer norm of two axes": lambda: nn.Sequential(nn.Unflatten(1, (6, 8)), nn.LayerNorm((6, 8)), nn.Flatten(), nn.Tanh()),
    "group norm": pictures(lambda: nn.GroupNorm(2, 4), shape=(4, 3, 4)),
    "conv1d, dilated": pictures(lambda: nn.Conv1d(4, 3, 3, padding=2, dilation=2), shape=(4, 12)),
    "conv2d, strided": pictures(lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1), lambda: nn.Conv2d(3, 2, 1)),
    "conv2d, groups": pictures(lambda: nn.Conv2d(2, 4, (2, 3), groups=2, bias=False)),
    "conv3d": pictures(lambda: nn.Conv3d(2, 3, (1, 3, 3), (1, 2, 2), (0, 1, 1)), shape=(2, 2, 3, 4)),
    "transposed conv2d": pictures(lambda: nn.ConvTranspose2d(2, 3, 4, 2, 1), lambda: nn.ConvTranspose2d(3, 2, 3, stride=2, output_padding=1)),
    "transposed conv1d, groups": pictures(lambda: nn.ConvTranspose1d(4, 6, 3, groups=2), shape=(4, 12)),
    "embedding": Looked,
}  # fmt: skip


def losses_of(module, batch):
    out = module(batch)
    return (out * torch.linspace(-1, 2, out.shape[1])).sum(1)


def made(name):
    torch.manual_seed(0)
    return MODULES[name](), torch.randn(N, 48)


def by_func(module, rows):
    """parameter -> [n, ...] gradients."""
    state = {name: p.detach() for name, p in module.named_parameters()}

    def one(parameters, row):
        out = torch.func.functional_call(module, parameters, row[None])
        return (out * torch.linspace(-1, 2, out.shape[1])).sum()

    return torch.func.vmap(torch.func.grad(one), in_dims=(None, 0))(state, rows)


@pytest.mark.parametrize("name", MODULES)
def test_norms_and_clipped_sums_are_those_of_torch_func(name):
    module, rows = made(name)
    layers = per_example.layers_of(module)
    norms, _ = per_example.norms(module, layers, losses_of, rows)
    each = by_func(module, rows)
    expected = sum(found.flatten(1).square().sum(1) for found in each.values()).sqrt()
    torch.testing.assert_close(norms, expected, rtol=1e-5, atol=1e-6)
    assert float(norms.min()) > CLIP
    sums, _ = dpsgd.clipped_sum(module, losses_of, rows, CLIP, list(module.parameters()))
    for found, (key, gradient) in zip(sums, each.items(), strict=True):
        wanted = torch.einsum("n,n...->...", CLIP / expected, gradient)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-7, msg=key)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.filterwarnings("ignore:Full backward hook")
def test_norms_are_those_of_opacus(name):
    module, rows = made(name)
    ours, _ = per_example.norms(module, per_example.layers_of(module), losses_of, rows)
    torch.testing.assert_close(ours, dpsgd.ghost_norms(module, losses_of, rows)[1], rtol=1e-4, atol=1e-6)


def test_what_is_frozen_has_no_part_in_a_norm():
    module, rows = made("linear")
    module[0].weight.requires_grad_(False)
    norms, _ = per_example.norms(module, per_example.layers_of(module), losses_of, rows)
    each = by_func(module, rows)
    expected = sum(found.flatten(1).square().sum(1) for key, found in each.items() if key != "0.weight").sqrt()
    torch.testing.assert_close(norms, expected, rtol=1e-5, atol=1e-6)


class Own(nn.Module):
    """A layer that only its author knows."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(48))

    def forward(self, x):
        return x * self.scale


@pytest.mark.parametrize(
    "make",
    [Own, lambda: nn.Embedding(3, 2, padding_idx=0), lambda: nn.RMSNorm(48), lambda: nn.Conv1d(2, 2, 3, padding="same")],
)
def test_layers_without_a_rule_are_left_to_opacus(make):
    assert per_example.layers_of(nn.Sequential(make(), nn.Linear(4, 2))) is None


@pytest.mark.filterwarnings("ignore:Full backward hook")
def test_opacus_sums_what_has_no_rule():
    torch.manual_seed(0)
    module, rows = nn.Sequential(nn.RMSNorm(48), nn.Linear(48, 3)), torch.randn(N, 48)
    sums, _ = dpsgd.clipped_sum(module, losses_of, rows, CLIP, list(module.parameters()))
    each = by_func(module, rows)
    norms = sum(found.flatten(1).square().sum(1) for found in each.values()).sqrt()
    for found, gradient in zip(sums, each.values(), strict=True):
        torch.testing.assert_close(found, torch.einsum("n,n...->...", CLIP / norms, gradient), rtol=1e-4, atol=1e-7)


def test_tied_weights_have_no_rule():
    one, two = nn.Linear(4, 4), nn.Linear(4, 4)
    two.weight = one.weight
    assert per_example.layers_of(nn.Sequential(one, two)) is None


def test_a_layer_that_sees_two_rows_of_a_record_as_two_records_is_refused():
    module = nn.Sequential(nn.Unflatten(1, (2, 24)), nn.Flatten(0, 1), nn.Linear(24, 3), nn.Unflatten(0, (N, 2)), nn.Flatten())
    with pytest.raises(PrivacyError, match="one leading row a record"):
        per_example.norms(module, per_example.layers_of(module), losses_of, torch.randn(N, 48))
