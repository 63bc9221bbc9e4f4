"""Which modalities drawn records have: as often as patients of their label, and together as they have them."""

import numpy as np
import pytest
import torch
from fpmg_plugins.generators import patterns
from fpmg_plugins.generators.flow.latent_flow import LatentFlow
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from fpmg_plugins.generators.mixture.gaussian_mixture import GaussianMixture
from fpmg_plugins.generators.statistics.gaussian_copula import GaussianCopula

from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges, Column, Representation, SiloContext, Space

SPACE = Space({"a": slice(0, 1), "b": slice(1, 2), "c": slice(2, 3)}, (Column("y", "flag"),))
LAWS = {
    0: {(1, 1, 1): 0.6, (1, 0, 0): 0.4},
    1: {(1, 1, 0): 0.3, (0, 1, 1): 0.7},
}  # b and c come together for healthy patients only
EVERY = [GaussianCopula(), GaussianMixture(components=2, rounds=1, pursuit=0), ParallelCgan(hidden=8), LatentFlow(hidden=8)]


def patients(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    present = np.empty((n, 3), bool)
    for y, law in LAWS.items():
        mine = label == y
        present[mine] = np.array(list(law), bool)[rng.choice(2, mine.sum(), p=list(law.values()))]
    z = torch.as_tensor(rng.normal(size=(n, 3))).float() * torch.as_tensor(present)
    return Representation(z, torch.as_tensor(present), torch.as_tensor(label[:, None]).float(), torch.arange(n), SPACE)


def context(silo=0, lacks=frozenset()):
    return SiloContext(silo, -1, 1, rng_for(0, "t"), schema=SPACE, lacks=lacks)


def begun(generator, parts, contexts):
    """The state that generators start from, by sums over silos."""
    total = {}
    for part, ctx in zip(parts, contexts, strict=True):
        shard = LocalShard(part, part.patient.numpy(), 0.1, "stage2").begin(0)
        for key, value in generator.statistics(SPACE, shard, ctx).items():
            total[key] = total.get(key, 0) + value
    return generator.init(SPACE, total, rng_for(0, "i"))


def shares(generator, state, label, n=4000):
    requested = torch.full((n, 1), float(label))
    found, counts = np.unique(
        generator.sample(SPACE, state, requested, rng_for(0, "s")).present.numpy(), axis=0, return_counts=True
    )
    return {tuple(int(x) for x in row): count / n for row, count in zip(found, counts, strict=True)}


@pytest.mark.parametrize("generator", EVERY, ids=lambda g: type(g).__name__)
def test_every_generator_draws_patterns_by_label(generator):
    rows = patients()
    state = begun(generator, [rows.take(np.arange(1000)), rows.take(np.arange(1000, 4000))], [context(0), context(1)])
    for label, law in LAWS.items():
        assert shares(generator, state, label) == pytest.approx(law, abs=0.04)


def test_a_silo_without_a_modality_does_not_say_that_its_patients_would_lack_it():
    rows, bare = patients(), patients(4000, 1)
    bare.present[:, 2] = False
    state = begun(GaussianCopula(), [rows, bare], [context(0), context(1, frozenset({"c"}))])
    assert shares(GaussianCopula(), state, 1) == pytest.approx(LAWS[1], abs=0.04)


def test_where_no_silo_has_all_each_modality_is_as_frequent_as_where_it_is_had():
    one, two = patients(), patients(4000, 1)
    one.present[:, 2], two.present[:, 0] = False, False
    state = begun(GaussianCopula(), [one, two], [context(0, frozenset({"c"})), context(1, frozenset({"a"}))])
    assert patterns.PATTERNS not in state
    had = [
        one.present[:, 0].float().mean(),
        torch.cat([one.present, two.present])[:, 1].float().mean(),
        two.present[:, 2].float().mean(),
    ]
    torch.testing.assert_close(state[patterns.HAD], torch.stack(had))


@pytest.mark.parametrize("generator", [GaussianCopula(), ParallelCgan(hidden=8)], ids=lambda g: type(g).__name__)
def test_under_privacy_each_modality_is_as_frequent_as_noised_counts_say_and_nothing_more_is_asked(generator):
    rows = patients()
    charged = Charges(counts=1, moments=1) if isinstance(generator, GaussianCopula) else Charges(counts=1)
    book = Ledger(0, "s", len(rows), 0.1, Privacy(8.0, 1e-5), Noise(1.0, 1e-6, 1.0), {"stage2": charged})
    shard = LocalShard(rows, rows.patient.numpy(), 0.1, "stage2", book).begin(0)
    state = generator.init(SPACE, generator.statistics(SPACE, shard, context()), rng_for(0, "i"))
    assert book.spent[("stage2", "counts")] == 1
    assert patterns.PATTERNS not in state
    torch.testing.assert_close(state[patterns.HAD], rows.present.float().mean(0), atol=0.02, rtol=0)


def test_a_private_copula_of_few_patients_draws_no_empty_records():
    """Its moments have the noise of whole vectors, and the number of patients that they say may be many times too large."""
    rows, generator = patients(400), GaussianCopula()
    book = Ledger(0, "s", len(rows), 0.1, Privacy(8.0, 1e-3), Noise(1e-6, 1e-6, 1e-6), {"stage2": generator.charges(SPACE, 1)})
    shard = LocalShard(rows, rows.patient.numpy(), 0.1, "stage2", book).begin(0)
    stats = generator.statistics(SPACE, shard, context())
    state = generator.init(SPACE, stats | {"copula/second": 6 * stats["copula/second"]}, rng_for(0, "i"))
    torch.testing.assert_close(state[patterns.HAD], rows.present.float().mean(0), atol=0.02, rtol=0)


def test_of_more_modalities_than_patterns_are_counted_of_each_is_drawn_alone():
    names = [str(i) for i in range(patterns.MOST + 1)]
    space = Space({name: slice(i, i + 1) for i, name in enumerate(names)}, (Column("y", "flag"),))
    present = torch.rand(3000, len(names), generator=rng_for(0, "p")) < torch.linspace(0.1, 0.9, len(names))
    rows = Representation(torch.zeros(3000, len(names)), present, torch.zeros(3000, 1), torch.arange(3000), space)
    told = {patterns.LACKING: patterns.lacking(space, 3000.0, frozenset()), patterns.COUNTS: patterns.bins(rows).sum(0)}
    state = patterns.prior(space, 3000.0, present.double().sum(0), told)
    drawn = patterns.drawn(space, state, torch.zeros(3000, 1), rng_for(0, "d"))
    torch.testing.assert_close(drawn.float().mean(0), present.float().mean(0), atol=0.05, rtol=0)


def test_a_class_that_nobody_has_gets_everyones_patterns():
    rows = patients()
    healthy = rows.take(rows.condition[:, 0].numpy() == 0)
    state = begun(GaussianCopula(), [healthy], [context()])
    assert shares(GaussianCopula(), state, 1) == pytest.approx(LAWS[0], abs=0.04)


def test_what_noise_explains_is_no_gap():
    told = {
        patterns.LACKING: patterns.lacking(SPACE, 100.0, frozenset()),
        patterns.VARIANCE: torch.tensor([25.0, 25.0, 25.0]).double(),
    }
    had = patterns.prior(SPACE, 100.0, torch.tensor([91.0, 89.0, 104.0]).double(), told)[patterns.HAD]
    torch.testing.assert_close(had, torch.tensor([1.0, 0.89, 1.0]))
