"""Tables by `pca`: columns and pairs survive with fewer numbers than columns, and come back to the letter with as many."""

import numpy as np
import pandas as pd
import pytest
import torch
from fpmg_plugins.encoders import dither
from fpmg_plugins.encoders.pca.pca import Pca

from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Column, Schema, Table

SCHEMA = Schema(
    "table",
    (
        Column("age", "number", low=18.0, high=100.0, step=1.0),
        Column("dose", "number", low=0.0, high=1000.0, step=0.1),
        Column("vessels", "number", low=0.0, high=3.0, step=1.0),
        Column("stage", "category", ("a", "b", "c")),
        Column("smoker", "flag"),
        Column("visits", "number", low=0.0, high=60.0, step=1.0),
    ),
)


def patients(n, seed=0):
    """Skewed, heaped and rare: half of the doses are 0, one patient in 25 is at stage c, vessels are missing by stage."""
    rng = np.random.default_rng(seed)
    sick = rng.normal(size=n)
    stage = np.where(sick > 1.75, "c", np.where(sick > 0, "b", "a")).astype(object)
    dose = np.where(rng.random(n) < 0.5, 0.0, np.round(np.exp(sick + rng.normal(size=n)).clip(0, 1000), 1))
    vessels = np.where(rng.random(n) < np.where(stage == "a", 0.6, 0.1), np.nan, rng.binomial(3, 1 / (1 + np.exp(-sick))))
    frame = pd.DataFrame(
        {"age": np.round(60 + 8 * sick + 8 * rng.normal(size=n)).clip(18, 100), "dose": dose, "vessels": vessels}
    )
    frame["stage"], frame["smoker"] = stage, (rng.random(n) < 0.3).astype(float)
    frame["visits"] = rng.poisson(np.exp(0.5 * sick + 1)).clip(0, 60).astype(float)
    return Table(frame)


def fitted(table, dim, silos=1, ledger=None):
    encoder, parts = Pca(dim=dim, scores=True), np.array_split(np.arange(len(table)), silos)
    told = [encoder.statistics(SCHEMA, LocalShard(table.take(at), at, 0.5, "s", ledger).begin(0), None) for at in parts]
    stats = {name: sum(each[name] for each in told) for name in told[0]}
    return encoder, encoder.init(SCHEMA, stats, None)


def distance(one, other):
    """Largest difference of distribution functions of a number, of shares of a level; and of the shares of gaps."""
    worst = [float((one.isna().mean() - other.isna().mean()).abs().max())]
    for column in SCHEMA.columns:
        a, b = one[column.name].dropna(), other[column.name].dropna()
        values = sorted(set(a) | set(b))
        if column.type == "number":
            worst.append(max(abs((a <= v).mean() - (b <= v).mean()) for v in values))
        else:
            worst.append(max(abs((a == v).mean() - (b == v).mean()) for v in values))
    return max(worst)


@pytest.fixture(scope="module")
def table():
    return patients(800)


def test_as_many_numbers_as_columns_bring_every_cell_back(table):
    encoder, state = fitted(table, 16)
    pd.testing.assert_frame_equal(encoder.decode(SCHEMA, state, encoder.encode(SCHEMA, state, table)).frame, table.frame)


def test_fewer_numbers_keep_columns_and_their_correlation(table):
    encoder, state = fitted(table, 5, silos=3)
    z = encoder.encode(SCHEMA, state, table)
    made = encoder.decode(SCHEMA, state, z).frame
    assert distance(made, table.frame) < 0.08
    assert abs(made["age"].corr(made["visits"]) - table.frame["age"].corr(table.frame["visits"])) < 0.2
    again = encoder.decode(SCHEMA, state, z[:7]).frame
    pd.testing.assert_frame_equal(made[:7], again)  # what is filled in is a function of the vector


def test_vectors_drawn_from_a_gaussian_have_the_columns_of_patients(table):
    encoder, state = fitted(table, 5)
    z = torch.randn(2000, 5, generator=torch.Generator().manual_seed(0))
    made = encoder.decode(SCHEMA, state, z).frame
    assert distance(made, table.frame) < 0.09
    assert 0.015 < (made["stage"] == "c").mean() < 0.08  # the largest score would give it to nobody


def test_a_noised_exchange_makes_records_whose_columns_are_those_of_patients():
    table = patients(3000)
    planned = {"s": Pca(dim=8, scores=True).charges(SCHEMA, 0)}
    ledger = Ledger(0, "a", 3000, 0.5, Privacy(8.0, 1e-4), Noise(1.0, 1.5, 1.0), planned)
    encoder, state = fitted(table, 8, ledger=ledger)
    made = encoder.decode(SCHEMA, state, encoder.encode(SCHEMA, state, table)).frame
    assert distance(made, table.frame) < 0.15
    assert not made[["age", "dose", "stage", "smoker", "visits"]].isna().to_numpy().any()


def test_what_is_filled_in_is_normal_and_has_no_correlation():
    z = torch.randn(4000, 6, generator=torch.Generator().manual_seed(0))
    drawn = torch.cat([dither.normal(z, 5), z.double()], dim=1)
    torch.testing.assert_close(torch.cov(drawn.T), torch.eye(11, dtype=torch.float64), atol=0.09, rtol=0)
    assert dither.normal(z, 0).shape == (4000, 0)
