"""Silos share the noise of a total that is all anybody sees: what each adds, what all add, and the two epsilons."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from fpmg_plugins.generators.statistics.gaussian_copula import GaussianCopula
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.privacy import LocalShard, epsilon_of
from fpmg_bench.privacy.ledger import Ledger, Mechanism, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges

PRIVACY = Privacy(3.0, 1e-4, colluding=1)
N, T, SIGMA, WIDTH = 5, 1, 2.0, 2000
NOISE = Noise(SIGMA, SIGMA, 1.0, share=(N - T) ** -0.5, total=(N / (N - T)) ** 0.5)


def ledger(summed=("stage2",)) -> Ledger:
    return Ledger(0, "a", 40, 0.1, PRIVACY, NOISE, {"stage2": Charges(counts=1)}, summed=frozenset(summed))


def added(silo: int, shared: bool = True) -> torch.Tensor:
    shard = LocalShard({"x": torch.zeros(40, WIDTH)}, np.arange(40), 0.1, "stage2", ledger()).begin(3, "silo", silo)
    return (shard.shared() if shared else shard).counts(lambda rows: rows["x"], 1.0)


def test_one_silo_adds_sigma_over_the_root_of_n_less_t_and_all_a_little_more_than_sigma():
    each = [added(silo) for silo in range(N)]
    assert float(each[0].std()) == pytest.approx(SIGMA / 2, rel=5 / (2 * WIDTH) ** 0.5)
    assert float(sum(each[1:]).std()) == pytest.approx(SIGMA, rel=5 / (2 * WIDTH) ** 0.5)  # less the one who colludes
    assert float(sum(each).std()) == pytest.approx(SIGMA * (5 / 4) ** 0.5, rel=5 / (2 * WIDTH) ** 0.5)


def test_what_is_not_only_summed_gets_all_of_the_noise():
    assert float(added(0, shared=False).std()) == pytest.approx(SIGMA, rel=5 / (2 * WIDTH) ** 0.5)


def test_the_noise_that_learners_are_told_is_their_own_part():
    shard = LocalShard({"x": torch.zeros(40, 2)}, np.arange(40), 0.1, "stage2", ledger()).begin(3)
    assert (shard.noise, shard.shared().noise) == (SIGMA, SIGMA / 2)


def test_epsilon_holds_against_colluders_and_is_smaller_against_who_sees_totals():
    found = ledger()
    found.charge("stage2", "counts")
    told = found.summary()
    assert told["epsilon"] == epsilon_of([Mechanism("stage2", "counts", 1.0, SIGMA, 1)], 1e-4)
    assert told["epsilon_of_totals"] == epsilon_of([Mechanism("stage2", "counts", 1.0, SIGMA * (5 / 4) ** 0.5, 1)], 1e-4)
    assert told["epsilon_of_totals"] < told["epsilon"]
    assert (told["colluding"], told["noise_of_one_silo"], told["summed"]) == (1, SIGMA / 2, ["stage2"])
    local = replace(ledger(()), spent=dict(found.spent))
    assert local.summary()["epsilon_of_totals"] == local.summary()["epsilon"]


SUITE = """version: 1
name: shared
seeds: [0]
datasets: [{name: phantom, patients: 300, silos: 5, modalities: [table]}]
partition: natural
methods:
  local: {encoders: {table: frozen}, generator: gaussian-copula, topology: TOPOLOGY, aggregator: fedavg, privacy: {epsilon: 3, delta: 1.0e-3}}
  shared: {extends: local, privacy: {epsilon: 3, delta: 1.0e-3, colluding: 1}}
metrics: [pg]
"""


@pytest.mark.parametrize("topology", ["ring", "star"])
def test_a_trial_adds_a_fifth_of_the_variance_and_says_both_epsilons(program, tmp_path, topology):
    (tmp_path / "shared.yaml").write_text(SUITE.replace("TOPOLOGY", topology))
    code, printed = program("run", tmp_path / "shared.yaml", "--out", tmp_path / "out")
    assert code == 0, printed
    found = {}
    for file in (tmp_path / "out" / "trials").glob("*/trial.json"):
        record = json.loads(file.read_text())
        found[record["method"]] = record["privacy"]
    assert found["shared"]["colluding"] == 1 and "colluding" not in found["local"]
    assert found["shared"]["epsilon_of_totals"] < found["shared"]["epsilon"] <= 3
    assert found["shared"]["epsilon"] == found["local"]["epsilon"]


@pytest.mark.parametrize(
    ("topology", "colluding", "why"),
    [("{name: ring, sums: plain}", 1, "sums that are not hidden"), ("ring", 5, "5 of 5 silos may collude")],
)
def test_noise_that_cannot_be_shared_is_refused_while_planning(program, tmp_path, topology, colluding, why):
    (tmp_path / "shared.yaml").write_text(SUITE.replace("TOPOLOGY", topology).replace("colluding: 1", f"colluding: {colluding}"))
    _, printed = program("plan", tmp_path / "shared.yaml", "--json")
    assert why in printed


def test_only_learners_that_add_up_share_noise():
    from fpmg_bench.trial.account import additive

    assert additive(GaussianCopula()) and not additive(None)
    assert all(getattr(topology, "sums", "") == "masked" for topology in (Ring(), Star()))
