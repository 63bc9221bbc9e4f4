"""The calibration of the scores that see, in small: each control in three strengths on simulated patients of four kinds, four seeds."""

import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.fidelity.rg import Rg
from fpmg_plugins.metrics.sight.legibility import Legibility
from fpmg_plugins.metrics.sight.missingness import Missingness
from fpmg_plugins.metrics.sight.possible import Possible
from fpmg_plugins.metrics.sight.spectra import Spectra
from fpmg_plugins.metrics.sight.step_change import StepChange
from small_runs import PATIENTS, SIGHT, observed, pick

from fpmg_bench.calibration import responses, verdicts
from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for
from fpmg_bench.trial.measure import scores_of

METRICS = {
    "rg": Rg(resamples=20),
    "spectra": Spectra(resamples=20),
    "legibility": Legibility(resamples=20),
    "possible": Possible(resamples=20),
    "missingness": Missingness(),
    "step-change": StepChange(),
}
STRENGTHS = {
    "copy": (1.0,),
    "oracle": (1.0,),
    "half-spread": (1.0,),
    "collapse": (1.0,),
    "shuffle-pairing": (1.0,),
    "uniform": (1.0,),
}


@pytest.fixture(scope="module")
def found():
    dataset = Phantom(patients=PATIENTS, silos=2, modalities=("table", "series", "text", "image"), image_size=32)
    cohort = dataset.load()
    return responses([o for seed in range(4) for o in observations(dataset, split(cohort, seed), seed)])


def observations(dataset, made, seed):
    given = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out", "third")}
    empty = Measured(
        **given, space=EvaluationSpace.fit(made.train, seed), silo_names=("a",), released={}, publishable=True, seed=seed
    )
    for control in (*STRENGTHS, *SIGHT):
        for strength in STRENGTHS.get(control, (0.25, 0.5, 1.0)):
            release = CONTROLS[control](made.train, dataset, strength, rng_for(seed, "control", control))
            evidence = empty.next_release({0: release})
            for name, metric in METRICS.items():
                for row in scores_of(name, metric, evidence, seed):
                    if row["scope"] == "all" and row["status"] == "ok" and not row["key"].endswith(".floor"):
                        yield observed(row, control, strength, seed, made)
            empty = evidence


@pytest.mark.parametrize(
    "score",
    [
        "spectra.distance@*", "spectra.middle@*", "spectra.high@*", "spectra.coherence@*", "legibility@*", "legibility.characters@*", "legibility.distinct@*", "possible",
        "possible.pairs", "missingness", "missingness.joint@*", "missingness.rates@*", "step-change.off@*",
    ],
)  # fmt: skip
def test_the_score_passes_its_controls(found, score):
    verdict = verdicts(found)[score]
    assert verdict.word == "passed", verdict.text


@pytest.mark.parametrize(
    ("score", "control"),
    [
        ("spectra.distance@image", "grey-noise"), ("spectra.distance@image", "blur"), ("legibility@text", "question-marks"),
        ("legibility@text", "shuffled-words"), ("possible", "rare-pairs"), ("missingness.joint@series", "independent-gaps"),
    ],
)  # fmt: skip
def test_the_response_grows_with_the_dose(found, score, control):
    response = pick(found, score, control)
    assert response.power == 1.0
    assert response.monotone is True
    assert response.spearman > 0.8


def test_rg_hardly_sees_question_marks_and_legibility_does(found):
    response, sight = (pick(found, score, "question-marks") for score in ("rg@text", "legibility@text"))
    assert response.mean < 1.2, f"rg@text sees question marks now: {response.mean:.2f}"
    assert sight.mean > 20 * sight.floor.mean
