import numpy as np
import pytest
import torch
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.encoders.picture import grain, pixels
from fpmg_plugins.encoders.picture import losses as pixel_losses
from fpmg_plugins.encoders.picture import moves as pixel_moves
from fpmg_plugins.encoders.picture.cnn_ae import CnnAe
from fpmg_plugins.encoders.picture.cnn_transformer_ae import CnnTransformerAe
from fpmg_plugins.encoders.picture.start import LinearPath, moments
from sklearn.decomposition import PCA

from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges, Pixels, Schema, SiloContext

ENCODERS = {
    "fine": lambda **given: CnnAe(net="fine", similarity=0.5, texture=0.6, **given),
    "plain": lambda **given: CnnAe(similarity=0.5, texture=0.6, **given),
    "transformer": lambda **given: CnnTransformerAe(texture=0.6, **given),
}


@pytest.fixture(scope="module")
def cohort():
    return Phantom(patients=120, silos=2, modalities=("image", "video")).load()


def shard_of(cohort, modality, ledger=None):
    return LocalShard(cohort.data[modality], cohort.patient, 0.2, "s", ledger).begin(0)


def trained(encoder, cohort, modality, steps, ledger=None):
    schema, shard = cohort.schemas[modality], shard_of(cohort, modality, ledger)
    generator = torch.Generator().manual_seed(0)
    state = encoder.init(schema, encoder.statistics(schema, shard, None), generator)
    torch.manual_seed(0)
    return encoder.train(state, shard, SiloContext(0, 0, steps, generator, schema=schema)).state


@pytest.mark.parametrize("side", [32, 64])
def test_similarity_is_that_of_scikit_image(side):
    from skimage.metrics import structural_similarity

    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (3, 1, side, side)).astype(np.uint8)
    b = np.clip(a * 0.7 + rng.normal(20, 30, a.shape), 0, 255).astype(np.uint8)
    ours = pixel_losses.similarity(pixels.scaled(torch.from_numpy(a)), pixels.scaled(torch.from_numpy(b)))
    window = 7 if side == 64 else 3
    theirs = [structural_similarity(x[0], y[0], data_range=255, win_size=window) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-4)


def test_energy_of_white_noise_is_twenty_times_its_variance():
    noise = torch.randn(8, 1, 64, 64, generator=torch.Generator().manual_seed(0)) / 2
    assert float(pixel_losses.energy(noise).mean()) == pytest.approx(20 / 4, rel=0.05)


def test_predicted_energy_is_judged_best_at_the_mean_energy():
    noise = torch.randn(64, 1, 64, 64, generator=torch.Generator().manual_seed(0)) / 2
    guesses = torch.linspace(0.5, 2.7, 45)
    losses = [float(pixel_losses.misjudged(torch.full((64, 1, 8, 8), float(g)), noise).mean()) for g in guesses]
    assert float(guesses[int(np.argmin(losses))].exp()) == pytest.approx(5.0, rel=0.1)


def test_grain_makes_up_the_share_that_is_lacking_and_depends_on_the_vector_alone():
    z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    flat, wanted = torch.zeros(6, 2, 64, 64), torch.full((6, 2, 8, 8), 2.0)
    made = grain.added(flat, wanted, z, 0.5)
    assert float(pixel_losses.energy(made).mean()) == pytest.approx(0.5 * np.exp(2.0), rel=0.1)
    assert torch.equal(made[2:4], grain.added(flat[2:4], wanted[2:4], z[2:4], 0.5))
    assert not torch.equal(made[0], made[1]) and not torch.equal(made[0, 0], made[0, 1])


def test_moved_copies_keep_their_size_and_differ_row_by_row():
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).repeat(4, 1, 1, 1)
    torch.manual_seed(0)
    moved = pixel_moves.moved(x)
    assert moved.shape == x.shape
    assert all(not torch.equal(moved[0], moved[i]) for i in range(1, 4))


def test_the_linear_path_starts_at_the_principal_components(cohort):
    encoder, shard = CnnAe(net="fine", start="moments", dim=6), shard_of(cohort, "image")
    raw = pixels.scaled(pixels.reduced(cohort.schemas["image"], cohort.data["image"], 32))
    path = LinearPath(1, 32, 6)
    path.begin(*moments(encoder.statistics(cohort.schemas["image"], shard, None)))
    flat = raw.flatten(1).double().numpy()
    theirs = PCA(6, svd_solver="full").fit(flat)
    with torch.no_grad():
        z = path.code(raw)
        ours = path.draw(z).flatten(1).numpy()
    np.testing.assert_allclose(ours, theirs.inverse_transform(theirs.transform(flat)), atol=2e-3)
    np.testing.assert_allclose(z.var(0, unbiased=False).numpy(), 1.0, atol=1e-3)


def test_only_a_start_from_moments_is_charged_for_them():
    assert CnnAe(net="fine", start="moments").charges(None, 3) == Charges(private_steps=3, moments=1)
    assert CnnTransformerAe(start="moments").charges(None, 3) == Charges(private_steps=3, moments=1)
    assert CnnAe(net="fine").charges(None, 3) == CnnAe(start="moments").charges(None, 3) == Charges(private_steps=3)


@pytest.mark.parametrize("modality", ["image", "video"])
@pytest.mark.parametrize("name", ENCODERS)
def test_private_steps_pass_the_checks_of_the_shard_with_every_option(cohort, name, modality):
    encoder = ENCODERS[name](augment=True, width=8, side=16)
    planned = {"s": encoder.charges(cohort.schemas[modality], 2)}
    ledger = Ledger(0, "a", 120, 0.2, Privacy(8.0, 1e-3), Noise(1.0, 1.0, 1.0), planned)
    state = trained(encoder, cohort, modality, 2, ledger)
    assert ledger.spent == {("s", "step"): 2}
    assert all(bool(torch.isfinite(value).all()) for value in state.values())


@pytest.mark.parametrize(("name", "modality"), [("fine", "image"), ("transformer", "video")])
def test_a_few_steps_from_the_moments_are_sharper_and_more_alike_than_a_plain_network(cohort, name, modality):
    from fpmg_plugins.metrics.round_trip import pixel_fidelity

    schema = cohort.schemas[modality]
    encoder = ENCODERS[name](start="moments", dim=16, width=8, side=schema.shape[-1], lr=1e-3)
    train, held = (cohort.take(np.arange(*span)) for span in ((0, 80), (80, 120)))
    state = trained(encoder, train, modality, 40)
    made = encoder.decode(schema, state, encoder.encode(schema, state, held.data[modality]))
    plain = CnnAe(dim=16, side=schema.shape[-1])
    blurred = plain.decode(schema, s := trained(plain, train, modality, 40), plain.encode(schema, s, held.data[modality]))
    ours, theirs = (pixel_fidelity.compare(held.data[modality], part) for part in (made, blurred))
    assert ours.ssim > theirs.ssim
    assert ours.sharpness > 1.1 * theirs.sharpness


@pytest.mark.parametrize("name", ENCODERS)
def test_many_decoded_rows_are_decoded_when_read_and_bit_for_bit_the_same(cohort, name, monkeypatch):
    schema, encoder = cohort.schemas["video"], ENCODERS[name](width=8, side=16)
    state = encoder.init(schema, {}, torch.Generator().manual_seed(0))
    z = torch.randn(150, encoder.dim, generator=torch.Generator().manual_seed(1))
    at_once = encoder.decode(schema, state, z).array()
    monkeypatch.setattr(pixels, "KEPT_BYTES", 0)
    later = encoder.decode(schema, state, z)
    rows = np.array([149, 3, 70, 3, 64])
    assert at_once.dtype == np.uint8 and at_once.shape == (150, *schema.shape)
    assert np.array_equal(later.take(rows).array(), at_once[rows])
    assert np.array_equal(later.array(), at_once)


def test_an_enlarged_picture_reduced_again_is_the_picture_that_was_drawn():
    schema, drawn = Schema("image", shape=(1, 256, 256)), Phantom(patients=20, image_size=64, modalities=("image",)).load()
    small = pixels.scaled(torch.from_numpy(drawn.data["image"].array()))
    again = pixels.scaled(pixels.reduced(schema, pixels.enlarged(schema, small), 64))
    assert float((again - small).square().mean()) < 0.05 * float(small.var())
    assert float(pixel_losses.energy(again).mean()) > 0.7 * float(pixel_losses.energy(small).mean())


def test_pictures_come_back_at_256_pixels():
    schema = Schema("image", shape=(1, 256, 256))
    data = Pixels.of(np.random.default_rng(0).integers(0, 256, (3, 1, 256, 256)).astype(np.uint8))
    for encoder in (CnnAe(side=64, net="fine", texture=0.6), CnnTransformerAe(side=64)):
        state = encoder.init(schema, {}, torch.Generator().manual_seed(0))
        made = encoder.decode(schema, state, encoder.encode(schema, state, data)).array()
        assert made.shape == (3, 1, 256, 256) and made.dtype == np.uint8


def test_detail_that_averages_out_is_what_lacking_sees_and_squared_error_does_not():
    """Noise of the right power in the place of another is no fault of power; half of it, or none, is, band by band."""
    draw = torch.Generator().manual_seed(0)
    x, other = (torch.randn(40, 1, 32, 32, generator=draw) for _ in range(2))
    assert float(pixel_losses.lacking(other, x).mean()) < 0.02
    assert float(pixel_losses.lacking(0.5 * x, x).mean()) == pytest.approx(np.log(4) ** 2, rel=0.01)
    assert pixel_losses.lacking(x, x).abs().max() == 0
    wave = torch.cos(torch.arange(32.0) * 2 * torch.pi * 8 / 32).expand(1, 1, 32, 32)
    powers = pixel_losses.powers(wave)[0, 0]
    assert float(powers[0]) > 1 > 1e3 * float(powers[1])


def test_a_weight_on_detail_brings_power_back(cohort):
    schema, real = cohort.schemas["image"], pixels.scaled(torch.from_numpy(cohort.data["image"].array()))
    share = []
    for weight in (0.0, 0.1):
        encoder = CnnAe(net="fine", start="moments", dim=16, detail=weight, lr=1e-3)
        state = trained(encoder, cohort, "image", 60)
        back = encoder.decode(schema, state, encoder.encode(schema, state, cohort.data["image"])).array()
        share.append(
            pixel_losses.powers(pixels.scaled(torch.from_numpy(back))).mean((0, 1)) / pixel_losses.powers(real).mean((0, 1))
        )
    assert float(share[0].max()) < 0.5
    assert float(share[1].min()) > 1.5 * float(share[0].min())
    assert float((share[1].log().abs() < share[0].log().abs()).float().mean()) == 1.0
