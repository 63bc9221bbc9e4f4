"""Two diseases that never meet: whose turn it is, what waits, what is summed, what the exchange does not tell."""

from dataclasses import replace

import pytest
import torch
from fpmg_plugins.generators import conditions, turns
from fpmg_plugins.generators.flow.latent_flow import LatentFlow
from fpmg_plugins.generators.flow.velocity import composed
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from fpmg_plugins.generators.statistics.gaussian_start import Start, statistics

from fpmg_bench.errors import PluginError
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import LocalShard
from fpmg_bench.types import Column, Representation, SiloContext, Space

FLAGS = ("asthma", "fibrosis")
SPACE = Space({"a": slice(0, 3)}, (Column("label", "category", ("well", "ill")), *(Column(name, "flag") for name in FLAGS)))


def patients(n=400, shift=2.0):
    """Asthma moves the first number, fibrosis the second, by `shift`; nobody has both."""
    g = torch.Generator().manual_seed(0)
    kind = torch.arange(n) % 3
    flags = torch.stack([kind == 1, kind == 2], 1).float()
    z = 0.5 * torch.randn(n, 3, generator=g) + shift * torch.cat([flags, torch.zeros(n, 1)], 1)
    condition = torch.cat([(torch.arange(n) % 2)[:, None].float(), flags], 1)
    return Representation(z, torch.ones(n, 1, dtype=torch.bool), condition, torch.arange(n), SPACE)


def context(round=-1, memory=None):
    return SiloContext(0, round, 5, rng_for(0, "t", round), memory={} if memory is None else memory, schema=SPACE)


def begun(generator, rows):
    shard = LocalShard(rows, rows.patient.numpy(), 0.5, "stage2").begin(1)
    memory = {}
    return shard, memory, generator.init(SPACE, generator.statistics(SPACE, shard, context(memory=memory)), rng_for(0, "init"))


def test_a_turn_lasts_its_rounds_and_the_last_one_stays():
    columns = conditions.flags(SPACE, FLAGS)
    assert columns == [2, 3]
    assert [turns.waiting(SPACE, FLAGS, 2, r) for r in (0, 1, 2, 5)] == [[3], [3], [2], [2]]
    assert turns.waiting(SPACE, (), 2, 0) == []
    given = conditions.features(SPACE, torch.tensor([[0.0, 1, 0], [0, 0, 1], [0, 0, 0], [0, float("nan"), 1]]))
    assert turns.in_turn(given, [3]).tolist() == [1, 0, 1, 0]
    assert turns.in_turn(given, []).tolist() == [1, 1, 1, 1]


def test_what_is_no_flag_is_refused_by_name():
    with pytest.raises(PluginError, match=r"gout.*asthma, fibrosis"):
        conditions.flags(SPACE, ["gout"])


@pytest.mark.parametrize("make", [LatentFlow, ParallelCgan])
def test_who_waits_teaches_nothing(make):
    generator = make(hidden=8, order=FLAGS, each=1)
    rows = patients()
    shard, memory, state = begun(generator, rows)
    moved = rows.z + 50.0 * (rows.condition[:, 2:] > 0)  # patients with fibrosis, elsewhere
    other = LocalShard(replace(rows, z=moved), rows.patient.numpy(), 0.5, "stage2")

    def trained(of, round):
        state_of = generator.train(state, of.begin(round), context(round, dict(memory))).state
        return {key: value for key, value in state_of.items() if not key.startswith("watch")}

    first, second = ([trained(of, round) for of in (shard, other)] for round in (0, 1))
    assert all(torch.equal(first[0][key], first[1][key]) for key in first[0])
    assert any(not torch.equal(second[0][key], second[1][key]) for key in second[0])


def test_composed_is_the_sum_over_diseases_and_else_the_networks_own():
    def net(x, angle, present, given):
        return torch.tanh(x + angle * given[:, 2:3] + 3 * given[:, 2:3] * given[:, 3:4] + given[:, 3:4] ** 2 * given[:, :1])

    asked = torch.tensor([[0.0, 1, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1]])
    given = conditions.features(SPACE, asked)
    x, angle, present = torch.randn(4, 1, generator=torch.Generator().manual_seed(0)), torch.full((4, 1), 0.3), torch.ones(4, 1)

    def at(one, two):
        alone = given.clone()
        alone[:, 2], alone[:, 3] = one, two
        return net(x, angle, present, alone)

    found = composed(net, [2, 3], x, angle, present, given)
    torch.testing.assert_close(found[[0, 3]], (at(1, -1) + at(-1, 1) - at(-1, -1))[[0, 3]])
    assert torch.equal(found[1:3], net(x, angle, present, given)[1:3])
    assert torch.equal(composed(net, [], x, angle, present, given), net(x, angle, present, given))


def test_of_what_is_untold_the_means_are_silent_and_the_covariance_is_that_of_all():
    rows = patients(3000)
    shard = LocalShard(rows, rows.patient.numpy(), 0.5, "stage2").begin(1)
    start = Start.of(SPACE, statistics(SPACE, shard, context()))
    told, within = start.given(SPACE)
    silent, whole = replace(start, untold=conditions.flags(SPACE, FLAGS)).given(SPACE)
    torch.testing.assert_close(2 * told[2:, :2], 2.0 * torch.eye(2), atol=0.06, rtol=0)  # flags are -1 and 1
    assert not silent[2:].any()
    torch.testing.assert_close(within, 0.25 * torch.eye(3, dtype=within.dtype), atol=0.03, rtol=0)
    torch.testing.assert_close(whole.float(), torch.cov(rows.z.T, correction=0), atol=0.02, rtol=0)


def test_untold_signs_are_learnt_and_not_restored_away():
    flow = LatentFlow(hidden=32, untold=FLAGS, lr=1e-2)
    shard, memory, state = begun(flow, patients())
    asked = torch.tensor([[0.0, 1, 0]]).repeat(500, 1)
    before = flow.sample(SPACE, state, asked, rng_for(0, "s")).z.mean(0)
    for round in range(40):
        state = state | flow.train(state, shard.begin(round), context(round, memory)).state
    after = flow.sample(SPACE, state, asked, rng_for(0, "s")).z.mean(0)
    assert before[0] < 1.0  # no more than everybody's mean
    assert after[0] > 1.5
    assert after[1] < 0.5
