"""What shadow models say of a patient, where the answer is known."""

import numpy as np
import pytest
from fpmg_plugins.metrics.privacy.attacks.shadow_models import groundhog, lira, rmia
from fpmg_plugins.metrics.privacy.shadow import Shadow
from fpmg_plugins.metrics.ranking import auroc
from scipy.stats import norm

from fpmg_bench.errors import NotApplicable
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import metrics as made_up

PEOPLE = 400


def shadows(models, lift, rng):
    """Statistics of models that say `lift` more of whom they saw, and as much of all others as each is usual: (base, inside, said)."""
    base = rng.normal(0, 5, PEOPLE)
    inside = np.concatenate([[half := rng.random(PEOPLE) < 0.5, ~half] for _ in range(models // 2)])
    return base, inside, base + lift * inside + rng.normal(size=inside.shape)


@pytest.mark.parametrize("attack", [lira, rmia])
def test_with_many_shadows_the_area_is_that_of_two_normals(attack):
    """What a patient is usually told apart by has gone; what is left is a shift by two standard deviations: AUROC Phi(2 / sqrt 2)."""
    rng = np.random.default_rng(0)
    base, inside, said = shadows(256, 2.0, rng)
    member = rng.random(PEOPLE) < 0.5
    real = base + 2.0 * member + rng.normal(size=PEOPLE)
    assert float(auroc(attack(real, said, inside), member)[0]) == pytest.approx(norm.cdf(2 / np.sqrt(2)), abs=0.03)
    assert float(auroc(real, member)[0]) < 0.65  # the statistic alone


@pytest.mark.parametrize("attack", [lira, rmia])
def test_models_that_tell_nobody_apart_leave_guessing(attack):
    rng = np.random.default_rng(1)
    base, inside, said = shadows(16, 0.0, rng)
    found = []
    for _ in range(20):
        member = rng.random(PEOPLE) < 0.5
        found.append(float(auroc(attack(base + rng.normal(size=PEOPLE), said, inside), member)[0]))
    assert np.mean(found) == pytest.approx(0.5, abs=0.02)  # standard error .0065


def test_groundhog_reads_who_moved_the_moments_of_a_release():
    """Each of 40 people moves the moments their own way."""
    rng = np.random.default_rng(2)
    ways = rng.normal(size=(40, 200))
    inside = np.concatenate([[half := rng.random(40) < 0.5, ~half] for _ in range(64)])
    member = np.arange(40) < 20
    score = groundhog(member @ ways + rng.normal(size=200), inside @ ways + rng.normal(size=(128, 200)), inside)
    assert float(auroc(score, member)[0]) > 0.8


def test_what_cannot_be_trained_again_has_no_shadows():
    with pytest.raises(NotApplicable, match="trained again"):
        Shadow()(made_up.evidence(made_up.good()), rng_for(0, "m"))
