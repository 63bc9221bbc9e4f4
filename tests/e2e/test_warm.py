"""Warm processes give the table of fresh interpreters, bit for bit: every kind of trial, one job and two, whole or killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

SUITE = """version: 1
name: warm
seeds: [0]
frames: true
datasets:
  - {name: phantom, patients: 48, silos: 2, missing: 0.2, absent: 0.2, modalities: [table, series, text, image], image_size: 8}
partition: natural
budget: {rounds: 2, local_steps: 1, sampling_rate: 0.3, encoder_rounds: 1, evaluate_every: 1}
methods:
  fpmg:
    encoders:
      table: {name: autoencoder, dim: 4}
      series: pca
      text: {name: transformer-ae, dim: 4}
      image: pca
    generator: parallel-cgan
    topology: ring
    aggregator: fedavg
  pooled: {extends: fpmg, partition: pooled}
  faulty: {extends: fpmg, faults: [{kind: sign-flip, scale: 3, stage: both}]}
  encoders: {extends: fpmg, generator: null}
  private:
    extends: fpmg
    encoders: {table: {name: pca}}
    privacy: {epsilon: 8, delta: 1.0e-3}
    audit: {canaries: 10}
  copy: {control: copy}
  planted: {extends: fpmg, generator: null, control: bootstrap-noise}
metrics: [fc, co, neighbour]
"""
DRAWN = """version: 1
name: drawn
seeds: [0]
datasets: [{name: phantom, patients: 260, silos: 2, absent: 0.2, modalities: [table, series]}]
partition: natural
budget: {rounds: 1, local_steps: 1, sampling_rate: 0.3, encoder_rounds: 1}
methods:
  fpmg:
    encoders: {table: pca, series: pca}
    generator: parallel-cgan
    topology: ring
    aggregator: fedavg
  alone: {extends: fpmg, topology: isolated}
  planted: {extends: fpmg, generator: null, control: oracle}
metrics: [latent, c2st]
"""
TRIALS = 7


def numbers(out: Path) -> pd.DataFrame:
    """The table without what clocks and the system say."""
    table = pd.read_parquet(out / "results.parquet")
    return table[~table["metric"].str.startswith("cost")].reset_index(drop=True)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("warm") / "suite.yaml"
    file.write_text(SUITE)
    return file


@pytest.fixture(scope="module")
def fresh(program: Any, suite: Path) -> Path:
    return run(program, suite, "fresh", "--isolate", "fresh", "--jobs", "1")


def run(program: Any, suite: Path, name: str, *words: str, trials: int = TRIALS) -> Path:
    out = suite.parent / name
    code, printed = program("run", suite, "--out", out, "--no-report", *words)
    assert code == 0, printed
    assert f"\n{trials} ok\n" in printed, printed
    return out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_forks_of_warm_processes_give_the_numbers_of_fresh_interpreters(
    jobs: str, program: Any, suite: Path, fresh: Path
) -> None:
    warm = run(program, suite, f"warm-{jobs}", "--jobs", jobs)
    assert (warm / "warm.log").exists() and not (fresh / "warm.log").exists()
    pd.testing.assert_frame_equal(numbers(warm), numbers(fresh), check_exact=True)


def test_drawn_vectors_are_the_same_from_a_warm_sampler(program: Any, tmp_path: Path) -> None:
    suite = tmp_path / "drawn.yaml"
    suite.write_text(DRAWN)
    one, two = (numbers(run(program, suite, how, "--isolate", how, "--jobs", "1", trials=3)) for how in ("warm", "fresh"))
    found = one[one["metric"].str.startswith("latent") & (one["status"] == "ok")]
    assert set(found["method"]) == {"fpmg", "alone", "planted"}
    pd.testing.assert_frame_equal(one, two, check_exact=True)
