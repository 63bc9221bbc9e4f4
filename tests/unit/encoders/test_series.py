import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.encoders import dither
from fpmg_plugins.encoders.series import basis as series_basis
from fpmg_plugins.encoders.transformer_ae import TransformerAe
from fpmg_plugins.metrics.round_trip import series_fidelity
from fpmg_plugins.topologies.ring import Ring

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Column, Schema, Series


@pytest.fixture(scope="module")
def cohort():
    return Phantom(patients=500, silos=3).load()


def trained(cohort, rounds, ledger=None):
    encoder, schema = TransformerAe(dim=48), cohort.schemas["series"]
    shard = LocalShard(cohort.data["series"].take(np.arange(300)), np.arange(300), 0.1, "s", ledger)
    plan = Plan("s", Ring(), FedAvg(), rounds, {0: SiloPlan(20)}, 0)
    return encoder, run(encoder, schema, {0: shard}, plan, lambda *_: None).states[0]


def test_series_come_back_closer_than_carried_forward_or_by_principal_components(cohort):
    encoder, state = trained(cohort, 2)
    schema, series = cohort.schemas["series"], cohort.data["series"]
    real, training = series.take(np.arange(300, 500)), series.take(np.arange(300))
    made = encoder.decode(schema, state, encoder.encode(schema, state, real))
    units = series_fidelity.units(training)
    rivals = series_fidelity.rivals(training, real, units, encoder.dim)
    error = series_fidelity.rmse(real, made, units)
    assert error < 0.9 * rivals["rmse_pca"]
    assert error < 0.8 * rivals["rmse_locf"]
    assert float(made.seen.mean()) == pytest.approx(float(real.seen.mean()), abs=0.03)


def test_codes_solve_for_seen_cells_alone():
    """Values of a rank-2 model come back from the half of the cells that was seen; what stands in unseen cells does not matter."""
    draw = torch.Generator().manual_seed(0)
    loadings = torch.randn(2, 12, generator=draw, dtype=torch.float64)
    basis = torch.cat([loadings, torch.zeros(2, 14, dtype=torch.float64)], dim=1)
    truth = torch.randn(50, 2, generator=draw, dtype=torch.float64) @ loadings
    seen = (torch.rand(50, 12, generator=draw) < 0.5).double()
    rest = torch.zeros(50, 14, dtype=torch.float64)
    found = series_basis.codes(basis, torch.where(seen > 0, truth, 99.0), seen, rest) @ loadings
    known = seen.sum(1) >= 4
    assert float((found - truth)[known].square().mean() / truth[known].square().mean()) < 0.02


def test_as_many_cells_are_seen_as_their_probabilities_sum_to():
    draw = torch.Generator().manual_seed(0)
    probability = torch.rand(400, 10, 3, generator=draw) * 0.5
    phase = torch.rand(400, generator=draw, dtype=torch.float64)
    made = dither.likeliest(probability, phase)
    assert float(made.double().mean()) == pytest.approx(float(probability.mean()), abs=0.01)
    assert float((made.double().sum(1) - probability.double().sum(1)).abs().max()) < 1


def test_under_privacy_series_take_counts_and_no_moments(cohort):
    planned = {"s": TransformerAe().charges(cohort.schemas["series"], 20)}
    ledger = Ledger(0, "a", 300, 0.1, Privacy(8.0, 1e-3), Noise(1.0, 1.0, 1.0), planned)
    _, state = trained(cohort, 1, ledger)
    spent = {kind: count for (_, kind), count in ledger.spent.items()}
    assert spent == {"counts": 1, "step": 20}
    assert bool((state["frozen/unit"] > 0).all())


def vitals(n=200, seed=0):
    """A rate that is always seen at fixed hours; two pressures that are taken together; one channel that nobody ever has."""
    rng = np.random.default_rng(seed)
    values = np.clip(rng.normal(80, 15, (n, 1, 4)) + rng.normal(0, 5, (n, 12, 4)), 1, 200).round()
    seen = np.ones((n, 12, 4), bool)
    seen[:, :, 1] = seen[:, :, 2] = rng.random((n, 12)) < 0.4
    seen[:, :, 3] = False
    columns = tuple(
        Column(name, "number", low=0.0, high=200.0, step=1.0) for name in ("rate", "systolic", "diastolic", "lactate")
    )
    time = np.tile(np.arange(1.0, 48.0, 4.0, dtype=np.float32), (n, 1))
    return Schema("series", columns, (12,)), Series(time, np.where(seen, values, 0).astype(np.float32), seen)


@pytest.fixture(scope="module", params=[0, 2])
def made(request):
    """Series of vectors of nobody, after so many rounds."""
    schema, series = vitals()
    encoder, shard = TransformerAe(dim=8), LocalShard(series, np.arange(200), 0.1, "s")
    plan = Plan("s", Ring(), FedAvg(), request.param, {0: SiloPlan(20)}, 0)
    state = run(encoder, schema, {0: shard}, plan, lambda *_: None).states[0]
    return encoder.decode(schema, state, torch.randn(500, 8, generator=torch.Generator().manual_seed(0)))


def test_what_is_always_or_never_seen_stays_so(made):
    assert made.seen[:, :, 0].all()
    assert not made.seen[:, :, 3].any()


def test_channels_that_are_measured_together_are_seen_together(made):
    assert 0.2 < made.seen[:, :, 1].mean() < 0.6
    assert (made.seen[:, :, 1] == made.seen[:, :, 2]).all()


def test_fixed_times_and_whole_numbers_stay_what_they_are(made):
    np.testing.assert_allclose(made.time, np.tile(np.arange(1.0, 48.0, 4.0), (500, 1)), rtol=1e-5)
    assert (made.values == made.values.round()).all()


def test_a_short_code_keeps_how_much_a_patient_changes_from_step_to_step():
    """Values that wander: eight numbers hold the slow part of 3 x 24 of them, and their steps came back at two thirds."""
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(0, 4, (600, 24, 3)), axis=1) + rng.normal(100, 10, (600, 1, 3)) + rng.normal(0, 2, (600, 24, 3))
    seen = rng.random((600, 24, 3)) < 0.8
    schema = Schema("series", tuple(Column(name, "number", low=0.0, high=200.0) for name in "abc"), (24,))
    time = np.tile(np.arange(24, dtype=np.float32), (600, 1))
    series = Series(time, np.where(seen, np.clip(values, 0, 200), 0).astype(np.float32), seen)
    encoder, shard = TransformerAe(dim=8), LocalShard(series.take(np.arange(400)), np.arange(400), 0.1, "s")
    state = run(encoder, schema, {0: shard}, Plan("s", Ring(), FedAvg(), 1, {0: SiloPlan(20)}, 0), lambda *_: None).states[0]
    held = series.take(np.arange(400, 600))
    z, units = encoder.encode(schema, state, held), series_fidelity.units(series)
    calm, lively = (
        encoder.decode(schema, state | {"frozen/lively": gain}, z) for gain in (torch.ones(3), state["frozen/lively"])
    )
    of = [steps(part) / steps(held) for part in (calm, lively)]
    assert abs(of[1] - 1) < 0.6 * abs(of[0] - 1)
    assert series_fidelity.rmse(held, lively, units) < 1.1 * series_fidelity.rmse(held, calm, units)


def steps(series):
    both = series.seen[:, 1:] & series.seen[:, :-1]
    return float(np.abs(np.diff(series.values, axis=1))[both].mean())
