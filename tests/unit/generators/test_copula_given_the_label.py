"""The copula draws vectors given the number that the label stands for, also within a stratum."""

import numpy as np
import pytest
import torch
from fpmg_plugins.generators.conditions import drawn, features, width
from fpmg_plugins.generators.statistics.gaussian_copula import GaussianCopula, _correlated, _score, edges

from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import LocalShard
from fpmg_bench.strata import label_of, stratum
from fpmg_bench.testing import fakes
from fpmg_bench.types import Column, Representation

NUMBER = Column("days", "number", low=0.0, high=10.0)
CUTS = (2.0, 5.0)
SPACE = fakes.space(2, (label_of(NUMBER, CUTS), NUMBER))


def patients(n, seed=0):
    """Two modalities of two entries: the first follows the number, the last has nothing to do with it."""
    rng = np.random.default_rng(seed)
    days = rng.uniform(0, 10, n)
    z = np.column_stack([days + rng.normal(0, 0.5, n), rng.normal(0, 1, n), -days + rng.normal(0, 2, n), rng.normal(0, 1, n)])
    condition = torch.tensor(np.column_stack([stratum(days, CUTS), days]), dtype=torch.float32)
    return Representation(
        torch.tensor(z, dtype=torch.float32), torch.ones(n, 2, dtype=torch.bool), condition, torch.arange(n), SPACE
    )


def sampled(condition):
    copula, rows = GaussianCopula(), patients(3000)
    shard = LocalShard(rows, rows.patient.numpy(), 0.1, "stage2").begin(0)
    state = copula.init(SPACE, copula.statistics(SPACE, shard, fakes.context(SPACE)), rng_for(0))
    return copula.sample(SPACE, state, condition, rng_for(1)).z.numpy()


def test_vectors_follow_the_number_within_every_stratum():
    asked = patients(2000, 1).condition
    real, made = patients(2000, 1).z.numpy(), sampled(asked)
    for c in range(3):
        mine = asked[:, 0].numpy() == c
        for entry in range(4):
            there, here = (np.corrcoef(z[mine, entry], asked[mine, 1].numpy())[0, 1] for z in (real, made))
            assert here == pytest.approx(there, abs=0.12), (c, entry)
    assert made.mean(0) == pytest.approx(real.mean(0), abs=0.2) and made.std(0) == pytest.approx(real.std(0), rel=0.1)


def test_scores_are_those_of_the_histogram():
    grid = edges()
    cdf = torch.distributions.Normal(0.0, 1.0).cdf(grid).float()[None].expand(5, -1)
    values = torch.tensor([-1.5, -0.2, 0.0, 0.7, 1.8])
    assert _score(cdf, values).numpy() == pytest.approx(values.numpy(), abs=0.02)


def test_conditions_of_made_up_rows_lie_in_their_stratum():
    label = torch.arange(300) % 3
    rest = width(SPACE) - 3
    made = drawn(SPACE, label, torch.zeros(300, rest), torch.full((rest,), 0.8), rng_for(0))
    days = (made[:, -1].double().numpy() + 1) / 2 * 10
    low, high = np.array([0.0, 2.0, 5.0])[label], np.array([2.0, 5.0, 10.0])[label]
    assert np.all(days >= low - 1e-5) and np.all(days <= high + 1e-5) and np.ptp(days) > 5
    assert features(SPACE, patients(4).condition)[:, 3].numpy() == pytest.approx(patients(4).condition[:, 1].numpy() / 5 - 1)


def test_rows_are_correlated_by_their_own_classs_factor():
    normal, label = torch.randn(40, 5, generator=rng_for(0, "normal")), torch.arange(40) % 3
    factor = torch.randn(3, 5, 5, generator=rng_for(0, "factor"))
    expected = torch.stack([factor[at] @ row for at, row in zip(label.tolist(), normal, strict=True)])
    torch.testing.assert_close(_correlated(normal, factor, label), expected)
