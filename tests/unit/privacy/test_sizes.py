"""Numbers of patients that are not public: counted once with noise, and nothing else divides or weighs by the true ones."""

import json

import numpy as np
import pytest
import torch

from fpmg_bench.cli import main
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.store import read_json
from fpmg_bench.testing import fakes
from fpmg_bench.trial import sizes
from fpmg_bench.types import Charges

COHORT = fakes.cohort(400, modalities=("table", "series"), silos=2)
SUITE = """
version: 1
name: sizes
seeds: [0]
datasets: [{name: phantom, patients: 300, silos: 2, modalities: [table]}]
partition: natural
budget: {rounds: 2, local_steps: 2, sampling_rate: 0.2, encoder_rounds: 0}
methods:
  told:
    encoders: {table: {name: frozen, dim: 8}}
    generator: {name: parallel-cgan, hidden: 16}
    topology: ring
    aggregator: fedavg
    privacy: {epsilon: 8, delta: 1.0e-5, public_sizes: true}
  hidden: {extends: told, privacy: {epsilon: 8, delta: 1.0e-5}}
metrics: [rg]
"""


def counted(sigma):
    shards = {}
    for silo in (0, 1):
        of = np.flatnonzero(COHORT.silo == silo)
        book = Ledger(silo, "s", len(of), 0.1, Privacy(8.0, 1e-4), Noise(1.0, sigma, 1.0), {"sizes": Charges(counts=1)})
        shards[silo] = LocalShard(sizes.rows(COHORT, of), COHORT.patient[of], 0.1, "sizes", book)
    return sizes.reported(COHORT, sizes.counted(COHORT, shards, 0))


def test_with_little_noise_the_sizes_are_the_true_ones():
    found = counted(1e-9)
    for silo in (0, 1):
        of = COHORT.silo == silo
        assert found[silo].at("stage2") == of.sum()
        assert found[silo].at("stage1:series") == (of & COHORT.present["series"]).sum()
    assert np.array_equal(sizes.labels(COHORT, found), np.sort(COHORT.label))
    assert np.array_equal(sizes.labels(COHORT, {}), np.sort(COHORT.label))


def test_noise_can_empty_a_silo_but_never_divides_by_zero():
    nobody = sizes.reported(COHORT, {0: np.full(len(COHORT.classes) + 2, -3.0)})
    assert nobody[0].at("stage2") == nobody[0].at("stage1:table") == 1
    assert np.array_equal(sizes.labels(COHORT, nobody), np.arange(len(COHORT.classes)))


def test_a_shard_divides_by_the_declared_number():
    x = torch.ones(100, 3)
    book = Ledger(0, "s", 100, 0.1, Privacy(8.0, 1e-4), Noise(1.0, 1e-9, 1.0), {"stage2": Charges(moments=1)})
    shard = LocalShard({"x": x}, np.arange(100), 0.1, "stage2", book, declared=50).begin(0)
    assert shard.patients == 50 and shard._expected() == pytest.approx(5.0)
    assert torch.allclose(shard.moments(lambda rows: rows["x"], 2.0).mean, torch.full((3,), 2.0, dtype=torch.float64))


@pytest.fixture(scope="module")
def run(run_here):
    return run_here(SUITE)


def test_a_trial_charges_the_count_and_stays_within_its_budget(run):
    books = {}
    for path in run.glob("trials/*/ledger.json"):
        books[read_json(path.parent / "trial.json")["method"]] = (read_json(path), read_json(path.parent / "trial.json"))
    for reported, hidden in zip(books["told"][0]["silos"], books["hidden"][0]["silos"], strict=True):
        assert "sizes" not in {entry["stage"] for entry in reported["entries"]}
        assert [e["count"] for e in hidden["entries"] if e["stage"] == "sizes"] == [1]
        assert hidden["epsilon"] <= 8.0 and hidden["noise_multiplier_statistics"] > reported["noise_multiplier_statistics"]
        assert hidden["patients"] != reported["patients"]  # whoever reads the ledger learns the noisy number
    assert books["hidden"][1]["bytes"]["sizes"]["statistics"] > 0


def test_the_audit_of_such_a_run_finds_nothing(run, capsys):
    with pytest.raises(SystemExit) as left:
        main(["audit", str(run), "--json"])
    assert not left.value.code and json.loads(capsys.readouterr().out)["violations"] == 0


def test_rates_from_public_counts_are_refused_where_counts_are_private(tmp_path, capsys):
    (tmp_path / "suite.yaml").write_text(SUITE.replace("delta: 1.0e-5}", "delta: 1.0e-5, balanced: true}"))
    with pytest.raises(SystemExit) as left:
        main(["plan", str(tmp_path / "suite.yaml")])
    assert left.value.code == 2
    assert "label counts that are public" in capsys.readouterr().err
