"""The public code of pictures: exact where it has as many numbers as pixels, the same for everybody, of any size."""

import numpy as np
import pytest
import torch
from fpmg_plugins.encoders.frozen.dct import Dct
from scipy.fft import dctn
from sklearn.metrics import roc_auc_score

from fpmg_bench.errors import PluginError
from fpmg_bench.types import Charges, Pixels, Schema


def pictures(n, *shape, seed=0):
    """Smooth ones: noise summed along height and width; frames and colours are mostly alike."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, *(1 for _ in shape[:-2]), *shape[-2:])) + 0.3 * rng.normal(size=(n, *shape))
    for axis in (-1, -2):
        x = np.cumsum(x, axis)
    x -= x.mean((-1, -2), keepdims=True)
    return np.clip(127.5 + 50 * x / x.std(), 0, 255).astype(np.uint8)


def trip(encoder, schema, data):
    state = encoder.init(schema, {}, None)
    z = encoder.encode(schema, state, data)
    return z, encoder.decode(schema, state, z).array().astype(float)


def test_nothing_is_exchanged_learnt_or_charged():
    encoder = Dct()
    assert encoder.rounds == 0
    assert encoder.charges(None, 9) == Charges()
    assert encoder.statistics(None, None, None) == {}
    with pytest.raises(PluginError, match="not trained"):
        encoder.train({}, None, None)


def test_as_many_numbers_as_pixels_give_the_picture_back():
    schema, x = Schema("image", (), (1, 16, 16)), pictures(4, 1, 16, 16)
    _, back = trip(Dct(dim=256, side=16), schema, Pixels.of(x))
    np.testing.assert_allclose(back, x, atol=1)


def test_the_numbers_are_the_slowest_of_scipys_transform():
    schema, x = Schema("image", (), (1, 32, 32)), pictures(6, 1, 32, 32)
    z, _ = trip(Dct(dim=3, side=32), schema, Pixels.of(x))
    theirs = dctn(x[:, 0] / 255 - 0.5, axes=(1, 2), norm="ortho")
    for mine, at in zip(z.T.double().numpy(), ((0, 0), (0, 1), (1, 0)), strict=True):
        other = theirs[:, at[0], at[1]]
        np.testing.assert_allclose(mine / np.abs(mine).max(), other / np.abs(other).max(), atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 20, 30), (3, 64, 64), (1, 200, 128), (5, 3, 24, 24), (1, 1, 8, 8)])
def test_any_size_colour_and_length_comes_back_alike(shape):
    schema = Schema("image" if len(shape) == 3 else "video", (), shape)
    x = pictures(8, *shape)
    z, back = trip(Dct(dim=256), schema, Pixels.of(x))
    assert z.shape == (8, 256)
    assert back.shape == x.shape
    assert ((back - x) ** 2).mean() < 0.2 * x.var()


def test_numbers_have_about_unit_variance_where_energy_falls_as_the_law_says():
    schema, x = Schema("image", (), (1, 64, 64)), pictures(400, 1, 64, 64)
    z, _ = trip(Dct(dim=64), schema, Pixels.of(x))
    assert 0.2 < float(z[:, 1:].var(0).log().mean().exp()) < 5


def test_nobody_is_recognised_by_how_well_a_picture_comes_back():
    x = pictures(400, 1, 32, 32)
    _, back = trip(Dct(), Schema("image", (), (1, 32, 32)), Pixels.of(x))
    miss = ((back - x) ** 2).mean((1, 2, 3))
    assert abs(roc_auc_score(np.arange(400) < 200, -miss) - 0.5) < 0.1


def test_more_numbers_are_nearer_and_the_bits_of_a_record_do_not_depend_on_its_company():
    schema, data = Schema("image", (), (1, 64, 64)), Pixels.of(pictures(300, 1, 64, 64))
    missed = []
    for dim in (16, 64, 256):
        z, back = trip(Dct(dim=dim), schema, data)
        missed.append(((back - data.array()) ** 2).mean())
        assert torch.equal(z[7:8], trip(Dct(dim=dim), schema, data.take(np.array([7])))[0])
    assert missed[0] > missed[1] > missed[2]
