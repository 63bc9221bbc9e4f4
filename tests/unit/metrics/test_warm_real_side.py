"""In a scene a release is scored as in a process of its own, and of real patients nothing is computed twice."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import DatasetError
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for
from fpmg_bench.registry import Registry
from fpmg_bench.trial.measure import scores_of

SMALL = {"frozen-space": {"backbone": "lcnet_035", "weights": "", "side": 32}, "mmd": {"permutations": 19}}


def metrics():
    """Everything that ships."""
    registry = Registry.discover()
    names = [entry.name for entry in registry.entries("metric") if entry.distribution == "fpmg-bench"]
    return {name: registry.load("metric", name)(**SMALL.get(name, {})) for name in names}


def rows(evidence):
    return [json.dumps(row) for name, metric in metrics().items() for row in scores_of(name, metric, evidence, 0)]


@pytest.fixture(params=["phantom", "uci-heart"])
def source(request):
    """A data set that is here."""
    if request.param == "phantom":
        return Phantom(patients=1100, silos=3)
    found = Registry.discover().load("dataset", request.param)()
    try:
        found.load()
    except DatasetError as missing:
        pytest.skip(str(missing))
    return found


def test_rows_after_another_release_are_those_of_a_release_alone(source):
    made = split(source.load(), 0)
    train = replace(made.train, silo=np.arange(len(made.train)) % 2, silo_names=("a", "b"))
    parts = {part: getattr(made, part) for part in ("r1", "r2", "held_out", "third")} | {"train": train}
    one, two = (CONTROLS[c](train, source, 0.5, rng_for(0, c)) for c in ("collapse", "bootstrap-noise"))
    given = {"space": EvaluationSpace.fit(train, 0), "silo_names": train.silo_names}
    alone = rows(Measured(**parts, **given, released={0: two, 1: one}))
    scene = Measured(**parts, **given, released={0: train, 1: train})
    rows(scene)
    later = scene.next_release({0: two, 1: one})
    known = later.computed
    assert rows(later) == alone
    new = {what for kind, what, of in later.computed - known if kind == "once" and of == id(None)}
    assert {what[0] for what in new} <= {"bootstrap", "sides"}, new  # of patients drawn for this release


SUITE = """
version: 1
name: warm
seeds: [0]
datasets: [{name: phantom, patients: 260, silos: 2, modalities: [table, series]}]
partition: natural
budget: {rounds: 1, local_steps: 2, sampling_rate: 0.2, encoder_rounds: 1, evaluate_every: null, stop: null}
frames: true
methods:
  one: {encoders: {table: autoencoder, series: transformer-ae}, generator: parallel-cgan, topology: {name: ring, relay: true}, aggregator: fedavg}
  two: {extends: one, topology: isolated, budget: {local_steps: 3}}
metrics: [rg, membership, reconstruction, neighbour, fc]
"""


def test_a_trial_with_models_is_scored_alike_after_another_trial(run_here, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "fpmg_bench.trial.judging.measure", lambda metrics, evidence, seed, sink: seen.append((metrics, evidence)) or []
    )
    run_here(SUITE)
    (asked, one), (_, two) = seen
    scene = one.next_release(one.released, train=one.train, **of(one))

    def told(evidence):
        return [json.dumps(row) for name, metric in asked.items() for row in scores_of(name, metric, evidence, 0)]

    for trial in (one, two):
        alone, warm = told(trial), told(scene.next_release(trial.released, train=trial.train, **of(trial)))
        assert warm == alone
        assert sum('"ok"' in row for row in alone if "reconstruction" in row) > 4
        told(scene)


def of(trial):
    """What is a trial's own, as a measurer is given it."""
    public = {
        name: getattr(trial, name) for name in ("rounds", "bytes", "plumbing", "encode", "round_trip", "member_trip", "widths")
    }
    return public | {
        "balanced": trial._balanced, "ledgers": trial._ledgers, "models": trial._models, "frames": trial._frames, "learners": trial._learners,
        "drawn": trial._drawn, "more": trial._more, "again": trial._again,
    }  # fmt: skip
