"""A small run of five modalities, and a study of it."""

import pytest

from fpmg_bench.reader_study import make
from fpmg_bench.registry import Registry

SUITE = """version: 1
name: small
seeds: [0]
datasets: [{name: phantom, patients: 120, silos: 2}]
budget: {rounds: 1, local_steps: 2, sampling_rate: 0.2, encoder_rounds: 1}
methods:
  fpmg:
    encoders: {table: pca, text: transformer-ae, series: transformer-ae, image: dct, video: {name: cnn-ae, net: fine, start: moments}}
    generator: gaussian-copula
    topology: star
    aggregator: fedavg
  decoded: {extends: fpmg, generator: null}
metrics: [co]
"""


@pytest.fixture(scope="session")
def run(run_here):
    return run_here(SUITE)


@pytest.fixture(scope="session")
def registry():
    return Registry.discover()


@pytest.fixture(scope="session")
def study(run, registry, tmp_path_factory):
    """Of twelve synthetic, six real and six decoded cases."""
    to = tmp_path_factory.mktemp("study") / "study"
    return make(run, "fpmg", to, registry, cases=24, against="decoded")
