"""A copula of noised sums: few patients tell nothing that explodes, many tell what exact sums tell."""

import numpy as np
import pandas as pd
import pytest
import torch
from fpmg_plugins import correlations
from fpmg_plugins.encoders.pca.pca import Pca
from fpmg_plugins.generators.statistics.gaussian_copula import BINS, GaussianCopula

from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.testing.fakes import context
from fpmg_bench.types import Charges, Column, Representation, Schema, Space, Table

D = 6
SPACE = Space({"table": slice(0, D)}, (Column("label", "category", ("well", "ill")),))
MIXED = torch.linalg.cholesky(torch.full((D, D), 0.5, dtype=torch.float64) + 0.5 * torch.eye(D, dtype=torch.float64))


def patients(n, seed=0):
    g = torch.Generator().manual_seed(seed)
    label = (torch.rand(n, generator=g) < 0.4).float()
    z = (torch.randn(n, D, generator=g, dtype=torch.float64) @ MIXED.T).float() + 0.3 * label[:, None]
    return Representation(z, torch.ones(n, 1, dtype=torch.bool), label[:, None], torch.arange(n), SPACE)


def learnt(rows, sigma):
    """State and draws under every row's own condition; sigma: noise multiplier of statistics, 0 for exact sums."""
    ledger = Ledger(0, "a", len(rows), 1.0, Privacy(1.0, 1e-3), Noise(1.0, sigma, 1.0), {"s": Charges(moments=1, counts=1)})
    shard = LocalShard(rows, np.arange(len(rows)), 1.0, "s", ledger if sigma else None).begin(0)
    copula = GaussianCopula()
    state = copula.init(SPACE, copula.statistics(SPACE, shard, context(SPACE)), rng_for(0))
    return state, copula.sample(SPACE, state, rows.condition, rng_for(1)).z


@pytest.mark.parametrize("seed", range(3))
def test_sixty_patients_at_epsilon_1_draw_correlations_and_values_that_can_be(seed):
    state, z = learnt(patients(60, seed), sigma=6.0)
    factor = state["copula/factor"].double()
    correlation = factor @ factor.transpose(1, 2)
    torch.testing.assert_close(correlation.diagonal(dim1=1, dim2=2), torch.ones(2, D, dtype=torch.float64), atol=1e-3, rtol=0)
    assert correlation.abs().max() <= 1 + 1e-4
    assert float(z.square().mean().sqrt()) < 3  # noise alone filled bins up to 100


def test_many_patients_tell_what_exact_sums_tell():
    rows = patients(20_000)
    (noised, _), (exact, _) = learnt(rows, sigma=3.0), learnt(rows, sigma=0.0)
    both = [factor @ factor.transpose(1, 2) for factor in (noised["copula/factor"], exact["copula/factor"])]
    torch.testing.assert_close(*both, atol=0.06, rtol=0)
    torch.testing.assert_close(noised["copula/cdf"], exact["copula/cdf"], atol=0.03, rtol=0)
    assert exact["copula/cdf"].shape[-1] == BINS + 1


def test_draws_of_sixty_patients_stay_in_the_declared_range():
    rng = np.random.default_rng(0)
    columns = (Column("age", "number", low=18.0, high=90.0, step=1.0), Column("dose", "number", low=0.0, high=5.0, step=0.1))
    schema = Schema("table", columns)
    frame = pd.DataFrame({"age": rng.integers(30, 80, 60).astype(float), "dose": np.round(rng.uniform(0, 2, 60), 1)})
    planned, encoder = {"t": Pca(scores=True, dim=2).charges(schema, 0)}, Pca(scores=True, dim=2)
    ledger = Ledger(0, "a", 60, 1.0, Privacy(1.0, 1e-3), Noise(1.0, 6.0, 1.0), planned)
    state = encoder.init(
        schema, encoder.statistics(schema, LocalShard(Table(frame), np.arange(60), 1.0, "t", ledger).begin(0), None), None
    )
    z = 30 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    made = encoder.decode(schema, state, z).frame
    for column in columns:
        assert made[column.name].dropna().between(column.low, column.high).all()
    assert not made.isna().to_numpy().any()  # nobody lacks a cell here, and noise is no reason to
    assert made.nunique().min() > 10


def test_exact_covariances_stay_as_they_are_and_noised_ones_become_correlations():
    covariance = 4.0 * (MIXED @ MIXED.T)
    torch.testing.assert_close(correlations.correlation(covariance, torch.zeros(D, D, dtype=torch.float64)), covariance / 4)
    noise = 50 * torch.randn(D, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drowned = correlations.correlation(covariance + (noise + noise.T) / 2**0.5, torch.full((D, D), 2500.0, dtype=torch.float64))
    assert float((drowned - torch.eye(D)).abs().max()) < 0.6
    odd = correlations.nearest(torch.tensor([[1.0, 3.0, -0.9], [3.0, 1.0, 0.9], [-0.9, 0.9, 1.0]], dtype=torch.float64))
    assert float(torch.linalg.eigvalsh(odd)[0]) > -1e-9
    torch.testing.assert_close(odd.diagonal(), torch.ones(3, dtype=torch.float64))
