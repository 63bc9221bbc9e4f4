"""The calibration in small: every control in two strengths on some hundred simulated patients, three seeds, cheap metrics."""

import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.fidelity.dg import Dg
from fpmg_plugins.metrics.fidelity.prdc import Prdc
from fpmg_plugins.metrics.fidelity.rg import Rg
from fpmg_plugins.metrics.privacy.pg import Pg
from small_runs import PATIENTS, SIGHT, observed, pick

from fpmg_bench.calibration import responses, verdicts
from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for
from fpmg_bench.trial.measure import scores_of

METRICS = {"rg": Rg(resamples=20), "dg": Dg(resamples=20, draws=2), "pg": Pg(resamples=20), "prdc": Prdc()}
CHECKED = [name for name in CONTROLS if name not in SIGHT]


@pytest.fixture(scope="module")
def found():
    dataset = Phantom(patients=PATIENTS, silos=2, modalities=("table", "series", "image"), image_size=16)
    cohort = dataset.load()
    return responses([o for seed in range(4) for o in observations(dataset, split(cohort, seed), seed)])


def observations(dataset, made, seed):
    space = EvaluationSpace.fit(made.train, seed)
    empty = Measured(
        train=made.train, r1=made.r1, r2=made.r2, held_out=made.held_out, third=made.third, space=space,
        silo_names=("a",), released={}, publishable=True, seed=seed,
    )  # fmt: skip
    for control in CHECKED:
        generate = CONTROLS[control]
        for strength in (1.0,) if control in ("half-spread", "oracle") else (0.5, 1.0):
            release = generate(made.train, dataset, strength, rng_for(seed, "control", control))
            evidence = empty.next_release({0: release})
            rows = [row for name, metric in METRICS.items() for row in scores_of(name, metric, evidence, seed)]
            for row in rows:
                if row["scope"] == "all" and row["status"] == "ok" and not row["key"].endswith(".floor"):
                    yield observed(row, control, strength, seed, made)


@pytest.mark.parametrize(
    "score", ["rg.copy_ratio", "pg.attack_auc", "pg.advantage", "dg", "dg.spread", "rg", "rg@*", "prdc.recall", "prdc.coverage"]
)
def test_the_score_passes_its_controls(found, score):
    verdict = verdicts(found)[score]
    assert verdict.word == "passed", verdict.text


def test_a_collapse_looks_diverse_in_the_whole_space(found):
    verdict = verdicts(found)["dg.phi"]
    assert verdict.word == "demoted"
    assert [failure.control for failure in verdict.failures] == ["collapse"]


@pytest.mark.parametrize(
    ("score", "control"), [("rg", "bootstrap-noise"), ("rg", "uniform"), ("dg.spread", "collapse"), ("pg.attack_auc", "copy")]
)
def test_the_response_grows_with_the_dose(found, score, control):
    response = pick(found, score, control)
    assert response.power == 1.0
    assert response.monotone in (True, None)  # a copy has no strength 0
    assert response.spearman is None or response.spearman > 0.6


def test_shuffled_pairs_and_swapped_labels_are_invisible_to_distances_within_a_modality(found):
    for score in ("rg@table", "rg@series", "rg@image"):
        assert pick(found, score, "shuffle-pairing").power <= 0.25


def test_the_simulator_itself_raises_few_alarms(found):
    alarms = [r.false_alarm for r in found if r.control == "oracle" and r.false_alarm is not None]
    assert sum(alarms) / len(alarms) < 0.15
