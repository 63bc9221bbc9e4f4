import numpy as np
import pandas as pd
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.encoders import dither, quantiles
from fpmg_plugins.encoders.table import marginals, together
from fpmg_plugins.encoders.table.autoencoder import Autoencoder
from fpmg_plugins.encoders.table.tabular import Layout
from fpmg_plugins.metrics import table_fidelity
from fpmg_plugins.topologies.ring import Ring

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.privacy import LocalShard
from fpmg_bench.types import Column, Schema, Table

HEAPED = Column("dose", "number", low=0.0, high=1000.0, step=0.01)


@pytest.fixture(scope="module")
def trip():
    """(schema, real frame, decoded frame) of 200 unseen phantom patients."""
    cohort = Phantom(patients=600, silos=3).load()
    schema, table, encoder = cohort.schemas["table"], cohort.data["table"], Autoencoder(dim=10)
    shard = LocalShard(table.take(np.arange(400)), np.arange(400), 0.1, "s")
    state = run(encoder, schema, {0: shard}, Plan("s", Ring(), FedAvg(), 10, {0: SiloPlan(40)}, 0), lambda *_: None).states[0]
    real = table.take(np.arange(400, 600))
    return schema, real.frame, encoder.decode(schema, state, encoder.encode(schema, state, real)).frame


def test_columns_keep_their_shapes_with_half_as_many_numbers_as_encoded_columns(trip):
    schema, real, made = trip
    assert (len(Layout.of(schema).numbers) + sum(Layout.of(schema).sizes)) / 2 >= 10
    assert table_fidelity.shapes(schema.columns, real, made) >= 0.965
    assert table_fidelity.invalid(schema.columns, made) == 0


def test_gaps_come_back_where_they_were(trip):
    _, real, made = trip
    assert float((real.isna() == made.isna()).to_numpy().mean()) > 0.98
    assert float((real.isna().mean() - made.isna().mean()).abs().max()) < 0.03


def test_a_heap_among_a_hundred_thousand_values_keeps_its_value():
    values = np.concatenate([np.full(300, 400.0), np.linspace(0.37, 977.13, 100)])
    grid = quantiles.Grid((HEAPED,), fine=True)
    place = values[:, None] / 1000
    cdf = grid.distribution(grid.histogram(place).double().sum(0))
    scores = quantiles.standardise((HEAPED,), cdf, place).astype(float)
    wrong = scores + np.linspace(-0.1, 0.1, 400)[:, None]  # as a decoder would be
    assert (quantiles.restore((HEAPED,), cdf, wrong)[:300, 0] == 400.0).mean() > 0.9
    np.testing.assert_allclose(quantiles.restore((HEAPED,), cdf, scores)[300:, 0], values[300:], atol=0.1)


def test_noise_in_empty_bins_does_not_become_patients():
    column = Column("age", "number", low=0.0, high=1e6)
    grid = quantiles.Grid((column,), fine=False)
    counts = torch.zeros(64, dtype=torch.float64)
    counts[30:34] = 100.0
    noisy = counts + 5 * torch.randn(64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (edge, ranks), *_ = grid.functions(grid.distribution(noisy))
    inside = np.interp(34 / 64, edge, ranks) - np.interp(30 / 64, edge, ranks)
    assert inside > 0.9


def test_rare_levels_keep_their_rate():
    """Where every record says 4 % for a level, one in 25 gets it; the largest probability would give it to nobody."""
    probability = torch.tensor([[0.96, 0.04]]).repeat(2000, 1)
    phase = torch.rand(2000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert float(dither.level(probability, phase).double().mean()) == pytest.approx(0.04, abs=0.015)


def test_records_drawn_from_margins_have_these_margins():
    schema = Schema("table", (HEAPED, Column("stage", "category", ("a", "b", "c"))))
    layout, n = Layout.of(schema), 400
    dose = np.where(np.arange(n) % 4 == 0, np.nan, 400.0)
    frame = pd.DataFrame({"dose": dose, "stage": np.array(["a", "a", "b", "c"], dtype=object)[np.arange(n) % 4]})
    table, grid = Table(frame), quantiles.Grid(layout.numbers, fine=True)
    counts = marginals.bins(layout, grid, layout.places(table.frame), layout.codes(table.frame)).double().sum(0)
    made = marginals.drawn(layout, marginals.frozen(layout, counts), 4000, torch.Generator().manual_seed(0))
    assert float(made["seen"].mean()) == pytest.approx(0.75, abs=0.03)
    share = np.bincount(made["codes"][:, 0].numpy(), minlength=4) / 4000
    np.testing.assert_allclose(share, [0.5, 0.25, 0.25, 0.0], atol=0.03)


def test_a_table_of_levels_alone_or_of_numbers_alone_makes_the_trip():
    for columns in ((Column("stage", "category", ("a", "b")),), (Column("dose", "number", low=0.0, high=9.0, step=1.0),)):
        schema = Schema("table", columns)
        values = np.array(["a", "b"] * 20, dtype=object) if columns[0].type == "category" else np.arange(40.0) % 10
        table, encoder = Table(pd.DataFrame({columns[0].name: values})), Autoencoder(dim=2)
        shard = LocalShard(table, np.arange(40), 0.5, "s")
        plan = Plan("s", Ring(), FedAvg(), 3, {0: SiloPlan(40)}, 0)
        state = run(encoder, schema, {0: shard}, plan, lambda *_: None).states[0]
        made = encoder.decode(schema, state, encoder.encode(schema, state, table)).frame
        assert (made[columns[0].name] == values).mean() > 0.9


def gasses(n=240, seed=0):
    """Complete but for three blood gases, which are measured together for some, and a stage that everybody has."""
    rng = np.random.default_rng(seed)
    columns = {name: np.round(rng.uniform(0, 10, n), 1) for name in ("age", "weight", "ph", "po2", "pco2")}
    none = rng.random(n) < 0.4
    for name in ("ph", "po2", "pco2"):
        columns[name][none] = np.nan
    frame = pd.DataFrame(columns | {"stage": rng.choice(np.array(["a", "b"], dtype=object), n)})
    numbers = [Column(name, "number", low=0.0, high=10.0, step=0.1) for name in columns]
    return Schema("table", (*numbers, Column("stage", "category", ("a", "b")))), Table(frame)


@pytest.mark.parametrize("rounds", [0, 2])
def test_nobody_lacks_what_nobody_lacked_however_little_was_learnt(rounds):
    schema, table = gasses()
    shard, encoder = LocalShard(table, np.arange(240), 0.1, "s"), Autoencoder(dim=4)
    plan = Plan("s", Ring(), FedAvg(), rounds, {0: SiloPlan(10)}, 0)
    state = run(encoder, schema, {0: shard}, plan, lambda *_: None).states[0]
    z = torch.randn(2000, 4, generator=torch.Generator().manual_seed(0))
    made = encoder.decode(schema, state, z).frame.isna()
    assert not made[["age", "weight", "stage"]].to_numpy().any()
    assert abs(float(made["ph"].mean()) - 0.4) < 0.2


def test_what_is_measured_together_is_missing_together():
    schema, table = gasses()
    shard, encoder = LocalShard(table, np.arange(240), 0.1, "s"), Autoencoder(dim=4)
    plan = Plan("s", Ring(), FedAvg(), 2, {0: SiloPlan(10)}, 0)
    state = run(encoder, schema, {0: shard}, plan, lambda *_: None).states[0]
    assert state["frozen/together"].tolist() == [0, 1, 2, 2, 2]
    z = torch.randn(2000, 4, generator=torch.Generator().manual_seed(0))
    missing = encoder.decode(schema, state, z).frame[["ph", "po2", "pco2"]].isna().to_numpy()
    assert 0.1 < missing.mean() < 0.7
    assert (missing.all(1) == missing.any(1)).all()


def test_gaps_that_coincide_by_chance_stay_apart_and_noisy_counts_say_nothing_of_pairs():
    schema, table = gasses()
    layout = Layout.of(schema)
    table.frame.loc[np.random.default_rng(5).random(240) < 0.4, "age"] = np.nan
    for fine, group in ((True, [0, 1, 2, 2, 2]), (False, [0, 1, 2, 3, 4])):
        grid = quantiles.Grid(layout.numbers, fine=fine)
        counts = marginals.bins(layout, grid, layout.places(table.frame), layout.codes(table.frame)).double().sum(0)
        assert marginals.frozen(layout, counts)["frozen/together"].tolist() == group


def test_levels_that_nobody_has_together_are_found_and_kept_apart():
    """Two flags that exclude each other, a third that is independent of both, and gaps: known answer, and rates stay."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 2, 400)
    second = np.where(first == 1, 0, rng.integers(0, 2, 400))
    third = rng.integers(0, 3, 400)
    codes = torch.as_tensor(np.stack([first, second, third], axis=1))
    sizes = [3, 3, 3]
    banned = together.never(together.bins(codes, sizes).sum(0), sizes)
    assert banned.nonzero().tolist() == [[1, 4], [4, 1]]
    assert not together.never(torch.zeros(0), sizes).any()
    even = torch.tensor([0.5, 0.5, 0.0]).expand(400, 3)
    shift = torch.as_tensor(rng.random(400))
    a, b, c = together.levels([even, even, even], banned, shift, 0)
    assert not ((a == 1) & (b == 1)).any()
    assert 0.45 < float(a.double().mean()) < 0.55
    assert 0.45 < float(c.double().mean()) < 0.55
    free = together.levels([even, even, even], torch.zeros(9, 9, dtype=torch.bool), shift, 0)
    assert all(torch.equal(x, dither.level(even, shift, j)) for j, x in enumerate(free))


def test_a_rare_pair_that_chance_would_leave_out_is_not_forbidden():
    codes = torch.as_tensor(np.stack([np.r_[np.ones(3), np.zeros(97)], np.r_[np.zeros(3), np.ones(97)]], axis=1).astype(np.int64))
    assert not together.never(together.bins(codes, [3, 3]).sum(0), [3, 3]).any()


def test_pairs_of_levels_are_counted_where_they_are_to_stay_apart_and_never_under_privacy():
    cohort = Phantom(patients=200, silos=1).load()
    schema, table = cohort.schemas["table"], cohort.data["table"]
    layout = Layout.of(schema)
    fine, coarse = (quantiles.Grid(layout.numbers, fine=fine) for fine in (True, False))
    places, codes = layout.places(table.frame), layout.codes(table.frame)
    crossed = together.pairs(layout.sizes).shape[1]
    assert crossed > 0
    known, without = (marginals.bins(layout, fine, places, codes, apart).sum(0) for apart in (True, False))
    assert len(known) - len(without) == crossed
    assert len(marginals.bins(layout, coarse, places, codes).sum(0)) < len(without)
    one, other = (marginals.frozen(layout, counts) for counts in (known, without))
    assert not other.pop("frozen/never").any()
    assert all(torch.equal(one[name], value) for name, value in other.items())
