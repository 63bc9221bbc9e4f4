"""What an attacker may do with a trial's method: draw as much as he likes from its model, and train it again on patients of his own."""

import json

import numpy as np
import pytest

from fpmg_bench.errors import NotApplicable
from fpmg_bench.trial import judging

SUITE = """
version: 1
name: attackers
seeds: [0]
datasets: [{name: phantom, patients: 200, silos: 2, modalities: [table, image], image_size: 16}]
partition: natural
budget: {rounds: 0, local_steps: 2, sampling_rate: 0.2, encoder_rounds: 1, evaluate_every: null, stop: null}
methods:
  copula:
    encoders: {table: pca, image: pca}
    generator: gaussian-copula
    topology: star
    aggregator: fedavg
  noised: {extends: copula, encoders: {table: frozen, image: frozen}, generator: {name: parallel-cgan, hidden: 16}, privacy: {epsilon: 1, delta: 1.0e-3}}
  planted: {extends: copula, generator: null, control: copy}
metrics: [membership, {name: shadow, models: 4}]
"""


@pytest.fixture(scope="module")
def seen():
    """method -> (what its metrics saw, its rows)."""
    return {}


@pytest.fixture(scope="module")
def trials(run_here, seen):
    measure = judging.measure

    def keeping(metrics, evidence, seed, sink):
        rows = measure(metrics, evidence, seed, sink)
        seen[len(seen)] = evidence
        return rows

    judging.measure = keeping
    try:
        out = run_here(SUITE)
    finally:
        judging.measure = measure
    return {trial["method"]: trial for trial in (json.loads(path.read_text()) for path in out.glob("trials/*/trial.json"))}


def scores(trial):
    return {s["key"]: s for s in trial["scores"] if s["scope"] == "all" and not s["modality"]}


def evidence_of(seen, widths, private):
    return next(e for e in seen.values() if e.widths and (e.ledger(0)["epsilon"] < 10) == private and e._again is not None)


def test_a_model_without_noise_gives_its_patients_away_and_one_with_it_does_not(trials):
    bare, noised = scores(trials["copula"]), scores(trials["noised"])
    for key, least in (
        ("membership.worst", 0.8),
        ("membership.trace", 0.8),
        ("membership.trace.vectors", 0.8),
        ("shadow.lira", 0.6),
    ):
        assert bare[key]["value"] > least, key  # four shadows are few
        assert noised[key]["low"] < 0.6, key
    assert noised["membership.trace"]["value"] == pytest.approx(0.5, abs=0.1)  # 70 patients a side: standard error .05


def test_controls_draw_nothing_more_and_are_not_trained_again(trials):
    planted = {s["key"]: s for s in trials["planted"]["scores"]}
    assert planted["membership.trace"]["status"] == "not_applicable" and "draw more" in planted["membership.trace"]["reason"]
    assert planted["shadow"]["status"] == "not_applicable" and "trained" in planted["shadow"]["reason"]
    assert planted["membership.trace.vectors"]["value"] > 0.95


def test_more_draws_follow_the_release_and_differ_from_it(trials, seen):
    evidence = evidence_of(seen, True, private=False)
    more = evidence.drawn(0, 3000)
    release = evidence.drawn(0)
    assert more.shape == (3000, release.shape[1])
    np.testing.assert_array_equal(more, evidence.drawn(0, 3000))
    assert not np.allclose(more[: len(release)], release)
    labels = np.resize(evidence.released[0].label, 3000)
    for c in np.unique(labels):
        spread = release[evidence.released[0].label == c].std(0)
        assert (np.abs(np.nanmean(more[labels == c], 0) - np.nanmean(release[evidence.released[0].label == c], 0)) < spread).all()


def test_a_received_model_draws_in_the_place_of_the_released_one(trials, seen):
    evidence = evidence_of(seen, True, private=False)
    own = evidence.model(0)["generator"]
    same = evidence.drawn(0, 200, own)
    np.testing.assert_array_equal(same, evidence.drawn(0, 200))
    other = {key: 2 * value for key, value in own.items() if value.is_floating_point()}
    assert other and not np.allclose(evidence.drawn(0, 200, other), same, equal_nan=True)
    with pytest.raises(NotApplicable, match="does not draw"):
        evidence.drawn(0, 200, {key: value * float("nan") for key, value in other.items()})
    np.testing.assert_array_equal(same, evidence.drawn(0, 200))  # what is kept is the released model's


def test_what_is_trained_again_knows_only_its_own_patients(trials, seen):
    evidence = evidence_of(seen, True, private=False)
    half = evidence.train.take(evidence.train.patient % 2 == 0)
    shadow = evidence.again([half], 1)
    assert set(shadow.train.patient) == set(half.patient)
    assert shadow.released.keys() == evidence.released.keys()
    assert len(next(iter(shadow.released.values()))) == len(half)
    again = evidence.again([half], 1)
    np.testing.assert_array_equal(shadow.drawn(0, 50), again.drawn(0, 50))
    with pytest.raises(NotApplicable, match="trained again"):
        shadow.again([half], 1)
