"""A worker is asked for the pre-images of the keys; what differs is named, with both values."""

import copy

import pytest

from fpmg_bench import runner
from fpmg_bench.cluster.check import refusals
from fpmg_bench.registry import Registry
from fpmg_bench.store import plain
from fpmg_bench.suite import parse_suite

SUITE = """version: 1
name: tiny
seeds: [0]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
methods:
  ring: {encoders: {table: pca}, generator: parallel-cgan, topology: ring, aggregator: fedavg}
metrics: [rg]
"""


@pytest.fixture(scope="module")
def made():
    return runner.plan(parse_suite(SUITE), Registry.discover())


def changed(made, *path, to):
    images = copy.deepcopy(plain(made.preimages))
    (image,) = images.values()
    for name in path[:-1]:
        image = image[name]
    old, image[path[-1]] = image[path[-1]], to
    return images, old


def test_this_machine_computes_its_own_plan(made):
    assert refusals(list(made.trials), plain(made.preimages)) == []


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (("trial", "generator", "version"), "generator 'parallel-cgan': version 0.0 -> {}"),
        (("trial", "stage1", "encoders", "table", "version"), "encoders.table 'pca': version 0.0 -> {}"),
        (("trial", "stage1", "dataset", "fingerprint"), "dataset 'phantom': fingerprint 0.0 -> {}"),
        (("trial", "stage1", "setting", "cpu"), "setting.cpu 0.0 -> {}"),
        (("trial", "stage1", "setting", "libraries", "torch"), "setting.libraries.torch 0.0 -> {}"),
        (("measure", "metrics", 0, "version"), "metrics.rg.version 0.0 -> {}"),
    ],
)
def test_what_differs_is_named_with_both_values(made, path, named):
    images, here = changed(made, *path, to="0.0")
    assert refusals(list(made.trials), images) == [named.format(here)]


def test_a_component_that_is_not_there_is_said(made, monkeypatch):
    monkeypatch.setattr(Registry, "discover", classmethod(lambda cls: Registry()))
    (text,) = refusals(list(made.trials), plain(made.preimages))
    assert "unknown dataset 'phantom'" in text
