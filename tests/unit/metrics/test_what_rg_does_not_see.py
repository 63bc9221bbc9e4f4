"""On real X-rays and notes: noise and question marks look as real as real ones to RG, and far off to the scores beside it."""

import os
from pathlib import Path

import pytest
from fpmg_plugins.datasets.cohorts import CovidCxr
from fpmg_plugins.metrics.fidelity.rg import Rg
from fpmg_plugins.metrics.sight.legibility import Legibility
from fpmg_plugins.metrics.sight.spectra import Spectra

from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for

pytestmark = pytest.mark.cohort


@pytest.fixture(scope="module")
def seen():
    root = Path(os.environ.get("FPMG_DATA") or Path(__file__).parents[4] / "shared" / "data")
    dataset = CovidCxr(root=str(root / "covid_cxr"))
    if not dataset.available():
        pytest.skip("covid_cxr is not under FPMG_DATA")
    made = split(dataset.load(), 0)
    given = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out", "third")}
    return Measured(**given, space=EvaluationSpace.fit(made.train, 0), silo_names=("a",), released={}, seed=0)


def score(seen, metric, key, modality, control):
    release = CONTROLS[control](seen.train, None, 1.0, rng_for(0, control))
    found = metric(seen.next_release({0: release}), rng_for(0, "m"))
    return next(s for s in found if (s.key, s.modality, s.scope) == (key, modality, "all"))


def test_films_of_noise_are_more_real_than_real_ones_to_rg_and_loud_to_spectra(seen):
    rg, spectra = (score(seen, m(), k, "image", "grey-noise") for m, k in ((Rg, "rg"), (Spectra, "spectra.distance")))
    assert rg.value < rg.floor
    assert spectra.value > 8 * spectra.floor


def test_notes_of_question_marks_are_more_real_than_real_ones_to_rg_and_illegible(seen):
    rg, legible = (score(seen, m(), k, "notes", "question-marks") for m, k in ((Rg, "rg"), (Legibility, "legibility")))
    assert rg.value < 0.8 * rg.floor
    assert legible.value > 50 * legible.floor
