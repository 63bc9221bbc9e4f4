"""Power and coherence by frequency: closed forms, and faults that keep everything else."""

import numpy as np
import pytest
from fpmg_plugins.metrics.sight import bands
from fpmg_plugins.metrics.sight.spectra import Spectra, apart

from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import fakes
from fpmg_bench.types import Pixels

SIDE = 64


def discs(n, seed, side=SIDE):
    """Bright discs of random place and size on a dark ground: edges at all scales at once."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    at, size = rng.uniform(0.3, 0.7, (n, 2, 1, 1)), rng.uniform(0.1, 0.25, (n, 1, 1))
    inside = np.hypot(y - at[:, 0], x - at[:, 1]) < size
    return Pixels.of((60 + 120 * inside + rng.normal(0, 2, (n, side, side))).astype(np.uint8)[:, None])


def same_power_any_phase(pixels, seed=0):
    """Pictures with the spectrum of these and phases of noise."""
    array = pixels.array()[:, 0].astype(float)
    phase = np.angle(np.fft.fft2(np.random.default_rng(seed).normal(size=array.shape)))
    made = np.fft.ifft2(np.abs(np.fft.fft2(array - array.mean((1, 2), keepdims=True))) * np.exp(1j * phase)).real
    return Pixels.of(np.clip(made + array.mean((1, 2), keepdims=True), 0, 255).astype(np.uint8)[:, None])


def test_white_noise_has_its_variance_at_every_frequency():
    shown = np.random.default_rng(0).normal(100, 7, (200, SIDE, SIDE)).astype(np.float32)
    radius = bands._radius(SIDE)
    found = [bands.ring_mean(bands.power(shown), radius, low, high).mean() for low, high in [(2, 6), (6, 10), (10, 32)]]
    assert found == pytest.approx([49] * 3, rel=0.03)


@pytest.mark.parametrize(("cycles", "band"), [(3, "low"), (8, "middle"), (20, "high")])
@pytest.mark.parametrize("side", [48, 96])
def test_a_wave_is_in_the_band_of_its_cycles_whatever_the_size(cycles, band, side):
    wave = 128 + 60 * np.sin(2 * np.pi * cycles * np.arange(side) / side)
    pixels = Pixels.of(np.broadcast_to(wave, (12, 1, side, side)).astype(np.uint8))
    found = {name: float(power.mean()) for name, power in bands.read(pixels, side).bands.items()}
    assert max(found, key=found.get) == band
    assert found[band] > 50 * max(power for name, power in found.items() if name != band)


def test_a_small_picture_has_no_high_band():
    assert list(bands.there(16)) == ["low", "middle"]
    assert list(bands.there(64)) == ["low", "middle", "high"]


def test_edges_are_together_and_grain_of_the_same_power_is_not():
    real = discs(60, 0)
    grain = same_power_any_phase(real)
    one, other = bands.read(real, SIDE), bands.read(grain, SIDE)
    assert other.bands["middle"].mean() > 0.25 * one.bands["middle"].mean()  # less: the discs are where the window is open
    assert one.together.mean() > 0.4
    assert abs(other.together.mean()) < 0.1


def test_the_distance_is_that_of_a_known_gain():
    real = bands.read(discs(60, 0), SIDE)
    louder = bands.Spectrum(real.bands, real.rings + 6.0, real.together)
    assert apart(real, louder) == pytest.approx(6.0)


def test_a_blank_picture_is_no_error():
    blank = bands.read(Pixels.of(np.zeros((12, 1, 32, 32), np.uint8)), 32)
    assert np.isfinite(blank.rings).all() and (blank.together == 0).all()


def cohort(pixels, offset=0):
    made = fakes.cohort(len(pixels), 0, ("image",), offset=offset)
    schema = type(made.schemas["image"])("image", (), pixels.array().shape[1:])
    return type(made)(
        schemas={"image": schema}, data={"image": pixels}, present=made.present, conditions=made.conditions,
        condition=made.condition, patient=made.patient, silo=made.silo,
    )  # fmt: skip


def scores(control=None, strength=1.0, metric=None):
    train, r1, r2 = (cohort(discs(80, i), 1000 * i) for i in range(3))
    release = CONTROLS[control](train, None, strength, rng_for(0, "c")) if control else train
    seen = Measured(
        train=train, r1=r1, r2=r2, held_out=r1, third=None, space=EvaluationSpace.fit(train, 0), silo_names=("a",), released={0: release},
    )  # fmt: skip
    return {s.key: s for s in (metric or Spectra())(seen, rng_for(0, "m")) if s.scope == "all" and s.modality}


def test_real_pictures_lie_at_their_floor():
    found = scores("copy")
    assert found["spectra.distance"].value < 2 * found["spectra.distance"].floor
    for band in ("low", "middle", "high", "coherence"):
        assert found[f"spectra.{band}"].low < 1 < found[f"spectra.{band}"].high


@pytest.mark.parametrize("control", ["grey-noise", "blur"])
def test_the_distance_grows_with_the_fault(control):
    path = [scores(control, strength)["spectra.distance"].value for strength in (0.1, 0.25, 0.5, 1)]
    assert path == sorted(path) and path[0] > scores("copy")["spectra.distance"].floor
    assert path[-1] > 5 * scores("copy")["spectra.distance"].floor


def test_noise_is_loud_and_without_structure_and_blur_is_quiet():
    noise, blur = scores("grey-noise"), scores("blur")
    assert noise["spectra.high"].value > 3 and abs(noise["spectra.coherence"].value) < 0.1
    assert blur["spectra.high"].value < 0.1


def test_the_size_pictures_are_read_at_is_a_parameter():
    assert scores("blur", metric=Spectra(side=32))["spectra.high"].value < 0.1
