"""Results.synthetic: one release is given, of several the error names what there is to choose from."""

import shutil

import pytest

import fpmg_bench as fb
from fpmg_bench.errors import StoreError

SUITE = """version: 1
name: two
seeds: [0]
datasets:
  - {name: phantom, as: first, patients: 120, silos: 2, modalities: [table]}
  - {name: phantom, as: second, patients: 120, silos: 2, modalities: [table], seed: 1}
budget: {rounds: 1, local_steps: 1, sampling_rate: 0.3, encoder_rounds: 1}
methods:
  shared: {encoders: {table: autoencoder}, generator: gaussian-copula, topology: star, aggregator: fedavg}
  alone: {extends: shared, topology: isolated}
  decoded: {extends: shared, generator: null}
metrics: [co]
"""


@pytest.fixture(scope="module")
def results(run_here):
    return fb.load(run_here(SUITE))


def test_of_one_release_a_cohort_is_enough(results):
    folder = results.synthetic_path("shared", seed=0, dataset="second")
    assert (folder.name, (folder / "cohort.yaml").is_file()) == ("all", True)
    cohort = results.synthetic("shared", seed=0, dataset="second")
    assert (len(cohort), list(cohort.schemas)) == (_trained(results, "second/shared/0"), ["table"])


def _trained(results, id):
    return next(trial["split"]["train"]["records"] for trial in results.trials() if trial["id"] == id)


def test_silos_that_share_nothing_have_a_release_each(results):
    with pytest.raises(StoreError, match="first/alone/0 is 2 releases") as caught:
        results.synthetic_path("alone", seed=0, dataset="first")
    silos = [folder.name for folder in results.synthetic_path("alone", 0, "first", "site-1").parent.iterdir()]
    assert sorted(silos) == ["site-1", "site-2"]
    assert "dataset='first', silo='site-1' or 'site-2'" in caught.value.hint
    assert results.synthetic_path("alone", 0, "first", "site-2").name == "site-2"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"method": "shared"}, "shared/0 is 2 releases"),
        ({"method": "shared", "dataset": "third"}, "third/shared/0 is none of the releases"),
        ({"method": "alone", "silo": "site-9"}, "alone/0/silo site-9 is none of the releases"),
    ],
)
def test_what_is_ambiguous_or_absent_is_told_with_every_choice(results, call, message):
    with pytest.raises(StoreError) as caught:
        results.synthetic_path(seed=0, **call)
    assert caught.value.message == f"{results.path}: {message}"
    assert "dataset='first', silo=" in caught.value.hint
    assert "dataset='second', silo=" in caught.value.hint


def test_a_method_that_stores_none_and_one_that_never_ran_say_so(results):
    for dataset in ("first", "second"):
        shutil.rmtree(results.synthetic_path("decoded", 0, dataset, "decoded").parent)
    with pytest.raises(StoreError, match="decoded/0 stored no synthetic patients"):
        results.synthetic_path("decoded", seed=0)
    with pytest.raises(StoreError, match="no trial of method 'absent' with seed 0"):
        results.synthetic_path("absent", seed=0)
