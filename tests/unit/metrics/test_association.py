"""Association falls when pairs are shuffled, stays at its floor for true pairs, and recovers planted correlations."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.association.association import Association, fitting
from fpmg_plugins.metrics.association.blocks import Canonical, Pair, centred, correlations
from fpmg_plugins.metrics.fidelity.rg import Rg

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for

KEYS = ("association", "association.cca", "association.retrieval", "association.coherence")
MODALITIES = ("table", "series", "image")


@pytest.fixture(scope="module")
def prepared():
    dataset = Phantom(patients=4000, silos=3, modalities=MODALITIES, image_size=16)
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


def within_label(train):
    """The pairing of modalities dealt anew among the records of one label: all that the label explains is kept."""
    numbers = np.random.default_rng(5)
    data, present = dict(train.data), dict(train.present)
    for name in list(train.schemas)[1:]:
        order = np.arange(len(train))
        for c in np.unique(train.label):
            rows = np.flatnonzero(train.label == c)
            order[rows] = numbers.permutation(rows)
        data[name], present[name] = train.data[name].take(order), train.present[name][order]
    return replace(train, data=data, present=present, patient=np.arange(len(train)))


def scores(prepared, release, metric=Association):
    _, made, space = prepared
    evidence = Measured(
        train=made.train, r1=made.r1, r2=made.r2, held_out=made.held_out, third=made.third, space=space, silo_names=("a",),
        released={0: release}, publishable=True, seed=0,
    )  # fmt: skip
    return {(s.key, s.modality): s for s in metric()(evidence, rng_for(0, "m")) if s.scope == "all"}


@pytest.fixture(scope="module")
def measured(prepared):
    dataset, made, _ = prepared
    names = ("oracle", "shuffle-pairing", "independent-columns")
    releases = {name: CONTROLS[name](made.train, dataset, 1.0, rng_for(0, name)) for name in names}
    releases["within label"] = within_label(made.train)
    return {name: scores(prepared, release) for name, release in releases.items()}


@pytest.mark.parametrize("control", ["shuffle-pairing", "independent-columns"])
@pytest.mark.parametrize("key", KEYS)
def test_lost_pairs_are_worse_beyond_the_intervals_of_true_pairs(measured, control, key):
    lost, true = measured[control][key, None], measured["oracle"][key, None]
    assert lost.low > true.high if key == "association" else lost.high < true.low


@pytest.mark.parametrize("key", KEYS)
def test_the_simulator_itself_holds_its_floor(measured, key):
    found = measured["oracle"][key, None]
    assert found.low <= found.floor <= found.high


def test_pairs_dealt_anew_within_the_label_show_in_the_coherence_beyond_the_label(measured):
    assert measured["within label"]["association.coherence", None].high < measured["oracle"]["association.coherence", None].low


def test_the_label_alone_carries_most_of_the_phantoms_canonical_correlation(measured):
    """Told in the card: what runs through the label survives; here `association.cca` cannot see a shuffle within it."""
    found = measured["within label"]["association.cca", None]
    assert found.value > 0.8 * found.floor


def test_shuffled_pairs_leave_single_modalities_within_their_intervals(prepared):
    dataset, made, _ = prepared
    found = scores(prepared, CONTROLS["shuffle-pairing"](made.train, dataset, 1.0, rng_for(0, "shuffle-pairing")), Rg)
    for modality in MODALITIES:
        score = found["rg", modality]
        assert score.low <= score.floor <= score.high


def test_two_hundred_records_suffice_to_tell_shuffled_pairs(prepared):
    dataset, made, _ = prepared
    few = np.arange(200)
    true = scores(prepared, CONTROLS["oracle"](made.train, dataset, 1.0, rng_for(0, "oracle")).take(few))
    lost = scores(prepared, CONTROLS["shuffle-pairing"](made.train, dataset, 1.0, rng_for(0, "shuffle-pairing")).take(few))
    key = "association.cca", None
    assert lost[key].high < true[key].low


def test_one_modality_has_no_association(prepared):
    _, made, _ = prepared
    train = made.train.only(("table",))
    evidence = Measured(
        train=train, r1=made.r1.only(("table",)), r2=made.r2.only(("table",)), held_out=made.held_out.only(("table",)), third=None,
        space=EvaluationSpace.fit(train, 0), silo_names=("a",), released={0: train}, publishable=True, seed=0,
    )  # fmt: skip
    with pytest.raises(NotApplicable, match="one modality"):
        Association()(evidence, rng_for(0, "m"))


def planted(rho, n=20_000):
    """Two modalities of three normal components; the first of each correlate by rho."""
    numbers = np.random.default_rng(0)
    a, b = numbers.standard_normal((2, n, 3))
    b[:, 0] = rho * a[:, 0] + np.sqrt(1 - rho**2) * b[:, 0]
    return Pair(a, b, np.zeros(n, np.int64), np.arange(n), np.arange(n))


def test_ridge_cca_finds_the_planted_correlation_shrunk_by_the_ridge():
    assert Canonical.fit(planted(0.8)).correlation[0] == pytest.approx(0.8 / 1.1, abs=0.01)  # ridge .1 on unit variances


def test_correlations_are_those_of_numpy():
    x = planted(0.5, 300)
    expected = np.corrcoef(x.a.T, x.b.T)[:3, 3:].ravel()
    assert correlations(x.a, x.b, np.ones((1, 300)))[0] == pytest.approx(expected, abs=1e-12)


def test_retrieval_is_chance_without_and_above_it_with_association():
    learnt = Canonical.fit(planted(0.9))
    assert fitting(learnt, planted(0.0, 800)).mean() == pytest.approx(0.5, abs=0.03)
    assert fitting(learnt, planted(0.9, 800)).mean() > 0.8


def test_centring_takes_every_labels_mean_away():
    label = np.array([0, 0, 1, 1])
    assert centred(np.array([[1.0], [3.0], [10.0], [20.0]]), label).ravel() == pytest.approx([-1, 1, -5, 5])
