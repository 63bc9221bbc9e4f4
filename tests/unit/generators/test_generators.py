import math

import numpy as np
import pytest
import torch
from fpmg_plugins.generators import conditions
from fpmg_plugins.generators.flow.latent_flow import LatentFlow
from fpmg_plugins.generators.gan.adversarial_round import AdversarialRound, match_rows
from fpmg_plugins.generators.gan.networks import rescale, spectral_norm
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from fpmg_plugins.generators.gan.single_modal_cgan import SingleModalCgan
from fpmg_plugins.generators.statistics.gaussian_copula import GaussianCopula
from fpmg_plugins.generators.statistics.gaussian_start import Start

from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Column, Representation, SiloContext, Space

LABEL = Column("label", "category", ("well", "ill"))
SEVERITY = Column("severity", "number", low=0.0, high=10.0)
SPACE = Space({"a": slice(0, 3), "b": slice(3, 5)}, (LABEL, SEVERITY, Column("flag", "flag")))
MEANS = torch.tensor([[0.0, 1.0, -1.0, 0.5, 0.0], [2.0, 0.0, 1.0, -0.5, 1.0]])


def patients(n=2000, seed=0):
    """Two classes with different means, and entry 0 of block a tied to entry 3 of block b."""
    g = torch.Generator().manual_seed(seed)
    label = (torch.rand(n, generator=g) < 0.3).float()
    z = MEANS[label.long()] + 0.5 * torch.randn(n, 5, generator=g)
    z[:, 3] = MEANS[label.long(), 3] + 0.9 * (z[:, 0] - MEANS[label.long(), 0]) + 0.1 * torch.randn(n, generator=g)
    severity, flag = 10 * torch.rand(n, generator=g), (torch.rand(n, generator=g) < 0.5).float()
    present = torch.ones(n, 2, dtype=torch.bool)
    return Representation(z, present, torch.stack([label, severity, flag], 1), torch.arange(n), SPACE)


def fitted(generator, rounds=0, rows=None, ledger=None, steps=20):
    rows = rows or patients()
    shard = LocalShard(rows, rows.patient.numpy(), 0.1, "stage2", ledger).begin(1)
    ctx = SiloContext(0, -1, steps, rng_for(0, "t"), schema=SPACE)
    state = generator.init(SPACE, generator.statistics(SPACE, shard, ctx), rng_for(0, "init"))
    memory = {}
    for round in range(rounds):
        ctx = SiloContext(0, round, steps, rng_for(0, "t", round), memory=memory, schema=SPACE)
        state = state | generator.train(state, shard.begin(round), ctx).state
    return state


def requested(n=4000):
    return torch.tensor([[float(i % 2), 5.0, 1.0] for i in range(n)])


@pytest.mark.parametrize(
    ("generator", "rounds"),
    [
        (GaussianCopula(), 0),
        (ParallelCgan(), 0),
        (ParallelCgan(), 5),
        (SingleModalCgan(), 5),
        (LatentFlow(), 0),
        (LatentFlow(), 5),
    ],
)
def test_samples_have_the_class_means_asked_for(generator, rounds):
    drawn = generator.sample(SPACE, fitted(generator, rounds), requested(), rng_for(0, "s"))
    for label in (0, 1):
        found = drawn.z[label::2].mean(0)
        torch.testing.assert_close(found, MEANS[label], atol=0.3 if rounds else 0.08, rtol=0)
    assert drawn.present.all()


@pytest.mark.parametrize(
    ("generator", "tied"), [(GaussianCopula(), True), (ParallelCgan(), True), (SingleModalCgan(), False), (LatentFlow(), True)]
)
def test_only_the_joint_generators_keep_the_tie_between_modalities(generator, tied):
    drawn = generator.sample(SPACE, fitted(generator), requested(), rng_for(0, "s")).z[::2]
    correlation = float(torch.corrcoef(drawn.T)[0, 3])
    assert correlation == pytest.approx(0.9 * 0.5 / math.hypot(0.45, 0.1) if tied else 0.0, abs=0.06)


@pytest.mark.parametrize("generator", [ParallelCgan(), SingleModalCgan(), LatentFlow()])
def test_the_start_follows_the_other_conditions_too(generator):
    rows = patients()
    severity, flag = rows.condition[:, 1] / 5 - 1, 2 * rows.condition[:, 2] - 1
    rows.z[:, 1] += 0.8 * severity
    rows.z[:, 4] += 0.3 * flag
    state = fitted(generator, rows=rows)
    given = torch.tensor([[0.0, 0.0, 0.0], [0.0, 10.0, 1.0]]).repeat(2000, 1)
    drawn = generator.sample(SPACE, state, given, rng_for(0, "s")).z
    moved = drawn[1::2].mean(0) - drawn[::2].mean(0)
    torch.testing.assert_close(moved, torch.tensor([0.0, 1.6, 0.0, 0.0, 0.6]), atol=0.12, rtol=0)


def test_made_conditions_look_like_real_ones():
    space = Space({"a": slice(0, 1)}, (LABEL, SEVERITY, Column("flag", "flag"), Column("ward", "category", ("x", "y", "z"))))
    label, mean = torch.ones(4000, dtype=torch.long), torch.tensor([0.2, 0.5, 0.2, 0.3, 0.5]).expand(4000, -1)
    made = conditions.drawn(space, label, mean, torch.full((5,), 0.1), rng_for(0, "d"))
    assert made.shape == (4000, conditions.width(space)) and set(made[:, 3].tolist()) == {-1.0, 1.0}
    assert set(made[:, 4:].unique().tolist()) == {0.0, 1.0} and bool((made[:, 4:].sum(1) == 1).all())
    torch.testing.assert_close(made[:, 2:].mean(0), mean[0], atol=0.05, rtol=0)
    assert float(made[:, 2].std()) == pytest.approx(0.1, rel=0.1) and bool((made[:, 1] == 1).all())


def test_the_copula_reproduces_a_skewed_marginal():
    rows = patients()
    rows.z[:, 1] = rows.z[:, 1].exp()
    drawn = GaussianCopula().sample(SPACE, fitted(GaussianCopula(), rows=rows), rows.condition, rng_for(0, "s"))
    for q in (0.05, 0.5, 0.95):
        assert float(drawn.z[:, 1].quantile(q)) == pytest.approx(float(rows.z[:, 1].quantile(q)), rel=0.15)


def test_starts_from_sums_over_silos_as_from_pooled_rows():
    rows, generator = patients(), ParallelCgan()
    ctx = SiloContext(0, -1, 1, rng_for(0, "t"), schema=SPACE)
    parts = [rows.take(np.arange(0, 700)), rows.take(np.arange(700, 2000))]
    stats = [generator.statistics(SPACE, LocalShard(p, p.patient.numpy(), 0.1, "stage2").begin(0), ctx) for p in parts]
    summed = {k: stats[0][k] + stats[1][k] for k in stats[0]}
    whole = generator.statistics(SPACE, LocalShard(rows, rows.patient.numpy(), 0.1, "stage2").begin(0), ctx)
    one, two = Start.of(SPACE, summed), Start.of(SPACE, whole)
    torch.testing.assert_close(one.mean, two.mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(one.factor, two.factor, atol=1e-5, rtol=0)


def test_private_training_spends_exactly_what_was_declared():
    generator = SingleModalCgan()
    planned = {"stage2": generator.charges(SPACE, 3 * 20)}
    ledger = Ledger(0, "a", 2000, 0.1, Privacy(8.0, 1e-5), Noise(1.0, 1.0, 1.0), planned)
    fitted(generator, rounds=3, ledger=ledger)
    assert ledger.spent == {("stage2", "counts"): 1, ("stage2", "step"): 120}
    assert planned["stage2"].private_steps == 120


def test_the_same_seed_gives_the_same_bits_and_inputs_stay():
    rows = patients(300)
    before = rows.z.clone()
    one, two = (fitted(ParallelCgan(), 2, rows) for _ in range(2))
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert torch.equal(rows.z, before)


def test_absent_modalities_are_masked_and_as_often_absent_in_what_is_drawn():
    rows = patients(500)
    rows.present[:250, 1] = False
    state = fitted(ParallelCgan(), 1, rows)
    assert state["prior/presence"].tolist() == pytest.approx([1.0, 0.5])
    drawn = ParallelCgan().sample(SPACE, state, requested(1000), rng_for(0, "s")).present
    assert drawn.float().mean(0).tolist() == pytest.approx([1.0, 0.5], abs=0.05)


def test_conditions_are_scaled_and_unknown_ones_are_zero():
    given = torch.tensor([[1.0, 10.0, 1.0], [0.0, float("nan"), float("nan")]])
    assert conditions.features(SPACE, given).tolist() == [[0.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0]]


def test_rescaling_bounds_the_spectral_norm():
    g = torch.Generator().manual_seed(0)
    layer = torch.nn.Linear(30, 20)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(20, 30, generator=g))
    exact = float(torch.linalg.matrix_norm(layer.weight.detach(), 2))
    assert spectral_norm(layer.weight.detach(), 50) == pytest.approx(exact, rel=1e-3)
    rescale(torch.nn.Sequential(layer), 1.0)
    assert float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) < 1.15


def test_a_discriminator_that_stays_at_home_is_trained_on_and_never_sent():
    generator, rows = ParallelCgan(send="generator"), patients(500)
    shard = LocalShard(rows, rows.patient.numpy(), 0.1, "stage2").begin(1)
    start = fitted(generator, rows=rows)
    memory, seen = {}, []
    for round in range(2):
        ctx = SiloContext(0, round, 5, rng_for(0, "t", round), memory=memory, schema=SPACE)
        update = generator.train(start, shard.begin(round), ctx)
        assert not [key for key in update.state if key.startswith("discriminator")]
        seen.append({k: v.clone() for k, v in memory.items() if k.startswith("discriminator.a+b/")})
    assert seen[0].keys() == seen[1].keys() == {k for k in start if k.startswith("discriminator")}
    changed = [not torch.equal(seen[0][k], start[k]) and not torch.equal(seen[1][k], seen[0][k]) for k in seen[0]]
    assert all(changed)


def test_classes_that_are_drawn_evenly_meet_generated_rows_of_even_labels():
    """Under privacy nothing is weighted: labels of generated rows follow what the shard draws."""
    rows = patients(400)
    rates = np.where(rows.condition[:, 0].numpy() == 1, 0.3, 0.1)
    shares = {}
    for name, rate in (("even", rates), ("as they are", 0.1)):
        planned = {"stage2": ParallelCgan().charges(SPACE, 1)}
        ledger = Ledger(0, "a", 400, 0.3, Privacy(8.0, 1e-5), Noise(1.0, 1e-6, 1.0), planned)
        shard = LocalShard(rows, rows.patient.numpy(), rate, "stage2", ledger).begin(1)
        ctx = SiloContext(0, 0, 1, rng_for(0, "t"), schema=SPACE)
        generator = ParallelCgan(fakes=4000)
        state = generator.init(SPACE, generator.statistics(SPACE, shard, ctx), rng_for(0, "init"))
        match = AdversarialRound(generator, ("a", "b"), state, ctx, private=True)
        match.play(shard.prepared("vectors", match_rows))
        shares[name] = float(match.drawn[3].float().mean())
    assert shares["even"] == pytest.approx(0.5, abs=0.03)
    assert shares["as they are"] == pytest.approx(0.3, abs=0.05)
