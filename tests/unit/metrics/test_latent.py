"""Latent scores against brute force, known faults, missing modalities and label mixtures."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics import balls
from fpmg_plugins.metrics.fidelity.latent import Latent
from fpmg_plugins.metrics.vector_space import Frame, Vectors, energy, matched

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for


def brute(x, y, who_x, who_y):
    def mean(a, b, who_a, who_b):
        pairs = [(i, j) for i in range(len(a)) for j in range(len(b)) if who_a[i] != who_b[j]]
        return np.mean([np.sqrt(((a[i] - b[j]) ** 2).sum()) for i, j in pairs])

    return 2 * mean(x, y, who_x, who_y) - mean(x, x, who_x, who_x) - mean(y, y, who_y, who_y)


def test_energy_is_the_double_sum_over_different_patients(monkeypatch):
    monkeypatch.setattr(balls, "CHUNK_BYTES", 1024)  # many chunks
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 5)), rng.normal(0.5, 2, (30, 5))
    who = np.arange(40) // 2  # two records a patient
    assert energy(x, y, who, -1 - np.arange(30)) == pytest.approx(brute(x, y, who, -1 - np.arange(30)), abs=1e-9)


def test_energy_has_no_bias_and_sees_what_has_the_same_mean_and_spread():
    same, ring = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        angle = rng.uniform(0, 2 * np.pi, (2, 300))
        one, two = (np.stack([np.cos(a), np.sin(a)], 1) * np.sqrt(2) for a in angle)
        who = np.arange(300)
        same.append(energy(one, two, who, -1 - who))
        ring.append(energy(one, rng.normal(size=(300, 2)), who, -1 - who))
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(20)
    assert np.mean(ring) > 5 * np.std(same)


def vectors(seed, n, scale=1.0, label=None):
    rng = np.random.default_rng(seed)
    blocks, present = {"a": slice(0, 3), "b": slice(3, 9)}, {"a": np.ones(n, bool), "b": rng.random(n) < 0.7}
    z = rng.normal(size=(n, 9)) * np.r_[np.full(3, 50.0), np.full(6, 0.01)] * scale
    return Vectors(z.astype(np.float32), blocks, present, np.arange(n) % 2 if label is None else label, np.arange(n))


def test_every_block_counts_alike_in_the_frame():
    held = vectors(0, 300)
    frame = Frame.of(held, ["a", "b"])
    x = frame(held)
    parts = [np.linalg.norm(x[:150, None, block] - x[None, 150:, block], axis=2).mean() for block in (slice(0, 3), slice(3, 9))]
    assert parts[0] == pytest.approx(parts[1], rel=0.05)
    assert np.linalg.norm(x[:150, None] - x[None, 150:], axis=2).mean() == pytest.approx(1, rel=0.05)


def test_records_are_matched_class_by_class_and_bounded():
    one, two = vectors(0, 400), vectors(1, 300, label=(np.arange(300) < 30).astype(int))
    a, b = matched(one, two, 2000, np.random.default_rng(0))
    assert np.bincount(a.label).tolist() == np.bincount(b.label).tolist() == [200, 30]
    a, b = matched(one, two, 115, np.random.default_rng(0))
    assert np.bincount(a.label).tolist() == np.bincount(b.label).tolist() == [100, 15]
    with pytest.raises(NotApplicable, match="records of classes that both sides have"):
        matched(one, two.take(np.arange(30)), 2000, np.random.default_rng(0))


def test_only_records_that_have_all_modalities_are_compared():
    held = vectors(0, 300)
    assert len(held.complete(["a", "b"])) == int(held.present["b"].sum()) < 300
    with pytest.raises(NotApplicable, match="0 of 300 records have b; 50 are needed"):
        replace(held, present=held.present | {"b": np.zeros(300, bool)}).complete(["b"])


@pytest.fixture(scope="module")
def prepared():
    dataset = Phantom(patients=1500, silos=2, modalities=("table", "series"))
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


def measured(prepared, control, strength=1.0, released=None, drawn=None):
    """Encoders whose vectors are phi: what a control behind them scores."""
    dataset, made, space = prepared
    release = CONTROLS[control](made.train, dataset, strength, rng_for(0, control)) if released is None else released
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    evidence = Measured(
        **parts, third=None, space=space, silo_names=("a", "b"), released={0: release, 1: release},
        encode=lambda silo, cohort: space.phi(cohort), drawn=drawn or (lambda silo: space.phi(release)),
        widths={name: block.width for name, block in space.blocks.items()},
    )  # fmt: skip
    found = Latent()(evidence, rng_for(0, "m"))
    return {(s.key, s.modality): s for s in found if s.scope == "all"}, evidence.gaps


def test_a_perfect_generator_reaches_the_floor(prepared):
    found, gaps = measured(prepared, "oracle")
    assert not gaps
    for where, slack in ((("latent.energy", None), 0.01), (("latent.c2st", None), 0.06), (("latent.coverage", None), 0.06)):
        assert found[where].value == pytest.approx(found[where].floor, abs=slack), where
    assert found["latent.energy", None].n == pytest.approx(len(prepared[1].held_out), abs=5)
    assert {m for key, m in found if key == "latent.energy"} == {None, "table", "series"}


@pytest.mark.parametrize("fault", ["collapse", "uniform", "independent-columns"])
def test_faults_are_seen(prepared, fault):
    good, bad = (measured(prepared, control)[0] for control in ("oracle", fault))
    assert bad["latent.energy.within_label", None].value > good["latent.energy.within_label", None].value + 0.02
    assert bad["latent.c2st", None].value > 0.7
    if fault != "independent-columns":  # dealt anew over all classes, columns keep their place on the whole
        assert bad["latent.energy", None].value > good["latent.energy", None].value + 0.2
        assert bad["latent.coverage", None].value < good["latent.coverage", None].value - 0.3


def test_swapped_labels_are_seen_within_labels_alone(prepared):
    good, bad = (measured(prepared, control)[0] for control in ("oracle", "label-swap"))
    within = ("latent.energy.within_label", None)
    assert bad[within].value > good[within].value + 0.02
    assert bad["latent.energy", None].value == pytest.approx(good["latent.energy", None].value, abs=0.01)


def test_another_label_mixture_plays_no_part(prepared):
    dataset, _, _ = prepared
    fresh = dataset.simulate(2000, rng_for(0, "fresh"))
    kept = np.flatnonzero((fresh.label == 0) | (np.arange(2000) % 3 == 0))
    found, _ = measured(prepared, "oracle", released=fresh.take(kept))
    assert found["latent.energy", None].value == pytest.approx(0, abs=0.01)


def test_a_modality_that_the_release_lacks_is_left_out(prepared):
    dataset, _, space = prepared
    fresh = dataset.simulate(600, rng_for(0, "fresh"))
    fresh = replace(fresh, present=fresh.present | {"series": np.zeros(600, bool)})
    found, _ = measured(prepared, "oracle", released=fresh, drawn=lambda silo: space.phi(fresh))
    assert {m for _, m in found} == {None}
    assert found["latent.energy", None].value == pytest.approx(0, abs=0.02)


def test_without_a_generator_it_is_not_applicable(prepared):
    _, made, space = prepared
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    bare = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: made.train})
    with pytest.raises(NotApplicable, match="drawn by no generator"):
        Latent()(bare, rng_for(0, "m"))
    assert not bare.gaps


def test_where_too_few_have_all_modalities_each_is_scored_alone(prepared):
    dataset, _, space = prepared
    fresh = dataset.simulate(600, rng_for(0, "fresh"))
    one = np.arange(600) % 2 == 0
    fresh = replace(fresh, present={"table": one, "series": ~one})
    found, gaps = measured(prepared, "oracle", released=fresh, drawn=lambda silo: space.phi(fresh))
    assert set(found) == {("latent.energy", "table"), ("latent.energy", "series")}
    assert {(gap.key, gap.modality) for gap in gaps} == {("latent.energy", None)}
