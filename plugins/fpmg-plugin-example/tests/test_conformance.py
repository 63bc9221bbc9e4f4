"""The contracts, checked by fpmg-bench's own kit: one test id a check."""

from __future__ import annotations

from typing import Any

import torch
from fpmg_plugin_example.aggregator import NormBoundedMean
from fpmg_plugin_example.generator import JointVae
from fpmg_plugin_example.metric import CategoryCoverage

from fpmg_bench.keys import rng_for
from fpmg_bench.testing import parametrize_with_checks
from fpmg_bench.testing.fakes import context, space, vectors
from fpmg_bench.testing.shards import local_shard


@parametrize_with_checks([NormBoundedMean(), NormBoundedMean(bound=1.0), JointVae(latent=3, hidden=8), CategoryCoverage()])
def test_contract(component: Any, check: Any) -> None:
    check(component)


def test_a_long_update_counts_as_much_as_the_others() -> None:
    reference = torch.zeros(2)
    inputs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [100.0, 0.0]])
    merged = NormBoundedMean(bound=1.0).merge(inputs, torch.full((3,), 1 / 3), reference, None, {})
    torch.testing.assert_close(merged, torch.tensor([2 / 3, 1 / 3]))


def test_what_was_learnt_has_the_means_of_each_label_and_the_link_between_modalities() -> None:
    rows, vae = vectors(400), JointVae(latent=4, hidden=32)
    state = vae.init(space(), {}, rng_for(0, "init"))
    for round in range(10):
        update = vae.train(state, local_shard(rows, round), context(space(), 0, round, 50))
        state = update.state
    made = vae.sample(space(), state, rows.condition, rng_for(0, "sample")).z
    label = rows.condition[:, 0]
    for c in label.unique():
        assert (made[label == c].mean(0) - rows.z[label == c].mean(0)).abs().max() < 0.25
    across = slice(8, 16)  # the second modality
    real, found = (torch.corrcoef(z.T)[:8, across] for z in (rows.z, made))
    assert (found - real).norm() < 0.5 * real.norm()  # 1: nothing is associated
