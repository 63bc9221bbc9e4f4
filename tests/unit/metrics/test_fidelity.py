"""Supporting metrics against independent brute force, known answers and known faults."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics import balls, learners
from fpmg_plugins.metrics.fidelity.c2st import C2st, separable
from fpmg_plugins.metrics.fidelity.dg import Dg
from fpmg_plugins.metrics.fidelity.mmd import Mmd, gaussian_kernel, several, unbiased
from fpmg_plugins.metrics.fidelity.prdc import Prdc, prdc
from fpmg_plugins.metrics.fidelity.rg import Rg
from fpmg_plugins.metrics.fidelity.support import LEVELS, Support, alpha_precision, authenticity, beta_recall

from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for
from fpmg_bench.types import Table


def fixture(seed, n=60, m=70, d=5, copies=0):
    rng = np.random.default_rng(seed)
    real, made = rng.normal(size=(n, d)), rng.normal(0.3, 1.2, (m, d))
    made[:copies] = real[:copies]
    return real, made


def distances(a, b):
    return np.array([[np.sqrt(((x - y) ** 2).sum()) for y in b] for x in a])


def others(x):
    full = distances(x, x)
    return [np.sort(np.delete(full[i], i)) for i in range(len(x))]


@pytest.mark.parametrize(("seed", "copies"), [(0, 0), (1, 10), (2, 60)])
def test_prdc_equals_brute_force_with_copies_and_ties(seed, copies, monkeypatch):
    monkeypatch.setattr(balls, "CHUNK_BYTES", 4096)  # many chunks
    real, made = fixture(seed, copies=copies)
    real[-1] = real[-2]  # a ball of radius 0 at k = 1
    for k in (1, 5):
        cross, own_real, own_made = distances(real, made), others(real), others(made)
        held = np.array([[cross[i, j] <= own_real[i][k - 1] + 1e-12 for j in range(len(made))] for i in range(len(real))])
        back = np.array([[cross[i, j] <= own_made[j][k - 1] + 1e-12 for j in range(len(made))] for i in range(len(real))])
        wanted = {
            "precision": held.any(0).mean(),
            "recall": back.any(1).mean(),
            "density": held.sum() / (k * len(made)),
            "coverage": held.any(1).mean(),
        }
        assert prdc(real, made, k) == pytest.approx(wanted, abs=1e-6)


def test_divisions_at_once_are_those_one_by_one():
    x = np.random.default_rng(0).normal(size=(90, 6))
    kernel, first = gaussian_kernel(x), np.stack([np.random.default_rng(i).permutation(90) < 40 for i in range(7)])
    np.testing.assert_allclose(several(kernel, first), [unbiased(kernel, one) for one in first], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("seed", [0, 1])
def test_support_equals_brute_force(seed):
    real, made = fixture(seed, copies=5)
    centre = sum(real) / len(real)
    away = [np.sqrt(((x - centre) ** 2).sum()) for x in real]
    share = [np.mean([np.sqrt(((s - centre) ** 2).sum()) <= np.quantile(away, a) + 1e-9 for s in made]) for a in LEVELS]
    assert alpha_precision(real, made) == pytest.approx(1 - 2 * np.trapezoid(np.abs(share - LEVELS), LEVELS), abs=1e-6)
    cross, own = distances(real, made), others(real)
    middle = sum(made) / len(made)
    reach = [np.sqrt(((s - middle) ** 2).sum()) for s in made]
    near = [cross[i].min() <= own[i][0] for i in range(len(real))]
    share = [
        np.mean([near[i] and reach[int(cross[i].argmin())] <= np.quantile(reach, b) + 1e-9 for i in range(len(real))])
        for b in LEVELS
    ]
    assert beta_recall(real, made) == pytest.approx(1 - 2 * np.trapezoid(np.abs(share - LEVELS), LEVELS), abs=1e-6)
    wanted = np.mean([cross[:, j].min() > own[int(cross[:, j].argmin())][0] for j in range(len(made))])
    assert authenticity(real, made) == pytest.approx(wanted, abs=1e-6)


def test_copies_of_few_patients_are_not_authentic():
    """Indices of released records on the array of real ones would give .95 here (synthcity's slip)."""
    real, _ = fixture(3, n=200)
    assert authenticity(real, np.repeat(real[:20], 100, axis=0)) == 0.0


@pytest.mark.parametrize("learner", ["logistic", "trees"])
def test_c2st_equals_scikit_learns_cross_validation(learner):
    """The folds are dealt by patient; out-of-fold probabilities and their area are scikit-learn's own."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    real, made = fixture(3)
    x, is_made = np.concatenate([real, made]), np.arange(130) >= 60
    group = np.concatenate([np.arange(60) // 2, -1 - np.arange(70)])  # two records a patient
    people, inverse = np.unique(group, return_inverse=True)
    fold = (np.random.default_rng(7).permutation(len(people)) % 4)[inverse]
    assert all(len(set(fold[group == g])) == 1 for g in people)
    whole = learners.fit(learner, x, is_made.astype(np.int64))  # settings that do not depend on the fold's size
    if learner == "trees":
        whole.set_params(min_samples_leaf=20)
    said = cross_val_predict(whole, x, is_made, cv=PredefinedSplit(fold), method="predict_proba")[:, 1]
    if learner == "trees":  # the same leaf for every fold, as in the independent run
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(learners, "boosted", lambda n, classes: type(whole)(**whole.get_params()))
            found = separable(learner, x, is_made, group, 4, np.random.default_rng(7))
    else:
        found = separable(learner, x, is_made, group, 4, np.random.default_rng(7))
    assert found == pytest.approx(roc_auc_score(is_made, said), abs=1e-6)


def test_rg_and_dg_equal_brute_force_ratios_of_mean_distances():
    dataset = Phantom(patients=240, silos=2, modalities=("table",))
    made = split(dataset.load(), 0)
    space = EvaluationSpace.fit(made.train, 0)
    size = len(made.r1)  # equal sizes: no draw takes part
    release = CONTROLS["bootstrap-noise"](made.train, dataset, 1.0, rng_for(0, "o")).take(np.arange(size))
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    evidence = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: release})

    def near(a, b):
        return np.sqrt(((a[:, None].astype(float) - b[None].astype(float)) ** 2).sum(2)).min(1).mean()

    s, r1, r2 = (space.phi(part) for part in (release, made.r1, made.r2))
    s8, r18, r28 = (space.project(x) for x in (s, r1, r2))
    rg, dg = (
        {(each.key, each.scope, each.modality): each.value for each in metric(evidence, rng_for(0, "m"))}
        for metric in (Rg(), Dg())
    )
    assert rg["rg", "all", None] == pytest.approx(near(s, r1) / near(r2, r1), rel=1e-5)
    assert dg["dg", "all", None] == pytest.approx(near(r28, s8) / near(r28, r18), rel=1e-5)
    assert dg["dg.phi", "all", None] == pytest.approx(near(r2, s) / near(r2, r1), rel=1e-5)


def test_mmd_equals_the_double_sum():
    real, made = fixture(4, 30, 30)
    x = np.concatenate([real, made])
    between = [((a - b) ** 2).sum() for i, a in enumerate(x) for b in x[i + 1 :]]
    k = np.exp(-(distances(x, x) ** 2) / (2 * np.median(between)))
    n = 30
    within = sum(k[i, j] + k[n + i, n + j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    wanted = within - 2 * k[:n, n:].sum() / n**2
    assert unbiased(gaussian_kernel(x), np.arange(60) < 30) == pytest.approx(wanted, abs=1e-10)


@pytest.fixture(scope="module")
def prepared():
    dataset = Phantom(patients=1500, silos=3, modalities=("table", "series", "image"))
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


def scores(prepared, control, strength=1.0):
    dataset, made, space = prepared
    release = CONTROLS[control](made.train, dataset, strength, rng_for(0, control))
    evidence = Measured(
        train=made.train, r1=made.r1, r2=made.r2, held_out=made.held_out, third=made.third, space=space, silo_names=("a",),
        released={0: release}, publishable=True, seed=0,
    )  # fmt: skip
    found = [s for metric in (Prdc(), Support(), Mmd(permutations=49), C2st()) for s in metric(evidence, rng_for(0, "m"))]
    return {(s.key, s.modality): s for s in found if s.scope == "all"}


@pytest.fixture(scope="module")
def measured(prepared):
    return {name: scores(prepared, name) for name in ("oracle", "copy", "collapse", "uniform", "shuffle-pairing")}


def test_the_simulator_itself_reaches_every_floor(measured):
    for (key, modality), score in measured["oracle"].items():
        if key != "mmd.p":
            assert score.value == pytest.approx(score.floor, abs=0.08), (key, modality)
    assert measured["oracle"]["mmd.p", None].value > 0.05


@pytest.mark.parametrize("fault", ["collapse", "uniform"])
def test_a_worthless_release_is_far_from_its_floors(measured, fault):
    found = {key: score for (key, modality), score in measured[fault].items() if modality is None}
    assert found["prdc.coverage"].value < found["prdc.coverage"].floor - 0.3
    assert found["support.beta_recall"].value < found["support.beta_recall"].floor - 0.3
    assert found["mmd"].value > 10 * abs(found["mmd"].floor) and found["mmd.p"].value <= 0.02
    assert found["c2st"].value > 0.9


def test_a_copy_is_perfect_but_for_authenticity(measured):
    found = measured["copy"]
    assert found["support.authenticity", None].value == 0.0
    assert found["support.authenticity", None].floor > 0.2
    assert found["prdc.coverage", None].value == pytest.approx(found["prdc.coverage", None].floor, abs=0.03)


def test_shuffled_pairing_leaves_the_single_modalities_alone(measured):
    found = measured["shuffle-pairing"]
    for modality in ("table", "series", "image"):
        assert found["c2st", modality].value == pytest.approx(found["c2st", modality].floor, abs=0.05)


@pytest.mark.parametrize("metric", [Prdc, Support])
def test_large_cohorts_are_compared_on_a_subsample_whose_size_is_told(metric):
    dataset = Phantom(patients=600, silos=2, modalities=("table",))
    made = split(dataset.load(), 0)
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    release = CONTROLS["oracle"](made.train, dataset, 1.0, rng_for(0, "control"))
    evidence = Measured(**parts, third=None, space=EvaluationSpace.fit(made.train, 0), silo_names=("a",), released={0: release})
    some, every = ({s.key: s for s in metric(rows=rows)(evidence, rng_for(0, "m")) if s.scope == "all"} for rows in (100, 10_000))
    assert {s.n for s in some.values()} == {100} and {s.n for s in every.values()} == {len(made.held_out)}
    for key, score in every.items():
        assert score.value == pytest.approx(some[key].value, abs=0.25 * max(1.0, score.value)), key


def test_a_decoders_tell_tale_is_in_both_sides_of_c2st_generator():
    """The decoder writes one number into every record: C2ST sees that alone, the generator's part sees only what is wrong with it."""
    dataset = Phantom(patients=1200, silos=2, modalities=("table",))
    made = split(dataset.load(), 0)
    number = next(column.name for column in made.train.schemas["table"].columns if column.type == "number")

    def decoded(cohort):
        return replace(cohort, data={"table": Table(cohort.data["table"].frame.assign(**{number: 1.0}))})

    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    found = {}
    for control in ("oracle", "collapse"):
        release = decoded(CONTROLS[control](made.train, dataset, 1.0, rng_for(0, control)))
        evidence = Measured(
            **parts, third=None, space=EvaluationSpace.fit(made.train, 0), silo_names=("a",), released={0: release},
            round_trip=lambda: {0: decoded(made.held_out)},
        )  # fmt: skip
        found[control] = {s.key: s for s in C2st()(evidence, rng_for(0, "m")) if s.scope == "all"}
    assert found["oracle"]["c2st"].value > 0.99
    good, bad = (found[control]["c2st.generator"] for control in ("oracle", "collapse"))
    assert good.value == pytest.approx(0.5, abs=0.07) and good.floor == pytest.approx(0.5, abs=0.1)
    assert bad.value > good.value + 0.1
