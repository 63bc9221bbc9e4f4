"""Tracing finds whose averages a model gives away, and guesses where they are other people's."""

import numpy as np
import pytest
from fpmg_plugins.metrics.privacy.attacks import trace_scores
from fpmg_plugins.metrics.privacy.attacks.query_scores import queries
from fpmg_plugins.metrics.privacy.attacks.tracing import LOOKS, Frame, Points, class_means, shares, solved, traced
from fpmg_plugins.metrics.privacy.membership import Membership
from fpmg_plugins.metrics.ranking import auroc

from fpmg_bench.errors import NotApplicable
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import metrics as made_up

MEMBERS, OTHERS, D = 120, 120, 40


def people(n, rng, absent=0.0):
    """Records of correlated columns and two classes, the last ten columns of a modality that some lack."""
    label = rng.integers(2, size=n)
    x = rng.normal(size=(n, D)) @ np.linalg.qr(rng.normal(size=(D, D)))[0] + label[:, None]
    x[rng.random(n) < absent, -10:] = np.nan
    return x, label


def model_of(x, label, n, rng):
    """Draws of the Gaussian that has the class means and the covariance within classes of these records."""
    means = class_means(x, label, np.ones(len(x)), 2)
    own = np.nan_to_num(x - means[label])
    made = rng.integers(2, size=n)
    return Points(means[made] + rng.normal(size=(n, len(x))) @ own / np.sqrt(len(x)), made, np.arange(n))


def area(x, label, patient, member, released, look):
    candidates = Points(x, label, patient)
    score = traced(candidates, Frame.of(candidates, 2), released, LOOKS[look])
    return float(auroc(score, member)[0])


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("absent", [0.0, 0.3])
def test_a_gaussian_of_members_gives_them_away_and_one_of_strangers_nobody(look, absent):
    rng = np.random.default_rng(0)
    x, label = people(MEMBERS + OTHERS, rng, absent)
    member, patient = np.arange(len(x)) < MEMBERS, np.arange(len(x))
    assert area(x, label, patient, member, model_of(x[member], label[member], 20_000, rng), look) > 0.97
    nobody = [area(x, label, patient, member, model_of(*people(MEMBERS, rng), 3000, rng), look) for _ in range(12)]
    assert np.mean(nobody) == pytest.approx(0.5, abs=0.035)  # standard error of one .037, of the mean .011


def test_all_records_of_a_patient_have_the_patients_share():
    rng = np.random.default_rng(1)
    x, label = people(300, rng)
    patient = np.arange(300) // 3
    candidates = Points(x, label, patient)
    found = traced(candidates, Frame.of(candidates, 2), model_of(x[:150], label[:150], 20_000, rng), LOOKS["coarse"])
    assert (np.ptp(found.reshape(-1, 3), axis=1) == 0).all()
    assert float(auroc(found, patient < 50)[0]) > 0.9


def test_a_label_mixture_that_differs_and_moved_coordinates_change_nothing():
    """Columns are divided by their spread, and classes of the release weigh as they do among the candidates."""
    rng = np.random.default_rng(2)
    x, label = people(240, rng)
    made = model_of(x[:120], label[:120], 4000, rng)
    more = np.concatenate([np.arange(4000), np.flatnonzero(made.label == 1)])
    skewed = Points(made.x[more], made.label[more], np.arange(len(more)))
    moved = Points(made.x * 7 + 3, made.label, made.patient)
    candidates = Points(x, label, np.arange(240))
    found = [
        traced(c, Frame.of(c, 2), released, LOOKS["middle"])
        for c, released in ((candidates, made), (candidates, skewed), (Points(x * 7 + 3, label, np.arange(240)), moved))
    ]
    np.testing.assert_allclose(found[1], found[0], atol=1e-2 * np.std(found[0]))
    np.testing.assert_allclose(found[2], found[0], atol=1e-2 * np.std(found[0]))


def test_shares_are_those_of_ridge_regression():
    """Against scikit-learn, whose columns are the candidates and whose rows are the numbers that they add."""
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(3)
    added = rng.normal(size=(30, 200))
    averages = added[:10].mean(0) - added.mean(0)
    own = np.einsum("ij,ij->i", added, added)
    found = shares(np.arange(30), added @ averages, lambda q: added @ (added.T @ q), own, 0.5)
    alike = added - added.mean(0)
    expected = Ridge(alpha=0.5 * own.mean(), fit_intercept=False).fit(alike.T, averages).coef_
    np.testing.assert_allclose(found, expected, rtol=2e-2, atol=2e-3 * np.abs(expected).max())


def test_conjugate_gradients_solve_what_linear_algebra_solves():
    rng = np.random.default_rng(4)
    root = rng.normal(size=(20, 20))
    matrix, right = root @ root.T + 20 * np.eye(20), rng.normal(size=20)
    np.testing.assert_allclose(solved(lambda v: matrix @ v, right), np.linalg.solve(matrix, right), rtol=0.02, atol=1e-4)


def test_candidates_who_are_all_the_same_get_no_score():
    same = Points(np.ones((50, 3)), np.zeros(50, int), np.arange(50))
    assert (traced(same, Frame.of(same, 1), same, LOOKS["fine"]) == 0).all()


def evidence(drawn, more):
    """A release whose encoders give phi; `drawn`: vectors of it, `more`: those of its model."""
    seen = made_up.evidence(made_up.good())
    seen.encode = lambda silo, cohort: seen.space.phi(cohort)
    seen.widths = {name: block.width for name, block in seen.space.blocks.items()}
    seen._drawn, seen._more = drawn and (lambda silo: drawn(seen)), more and (lambda silo, size, state: more(seen, size))
    return seen


def test_white_box_tracing_asks_the_model_for_draws_and_joins_the_worst_attack():
    def of_members(seen, size):
        release = next(iter(seen.released.values()))
        x, label = seen.phi(seen.train), seen.train.label
        rng, rows = np.random.default_rng(0), np.resize(release.label, size)
        return x[[rng.choice(np.flatnonzero(label == c)) for c in rows]]

    seen = evidence(None, of_members)
    found = {s.key: s.value for s in Membership()(seen, rng_for(0, "m")) if s.scope == "all" and not s.modality}
    assert found["membership.trace"] > 0.85 and found["membership.worst"] > 0.85
    assert found["membership.trace.records"] < 0.7 and found["membership.records"] < 0.7
    assert "membership.trace.vectors" in {gap.key for gap in seen.gaps}


def test_what_is_not_there_is_not_applicable():
    seen = evidence(None, None)
    release = next(iter(seen.released.values()))
    with pytest.raises(NotApplicable, match="could draw more"):
        trace_scores.model(seen, (seen.train, seen.held_out), release, 0)
    seen.widths = {}
    with pytest.raises(NotApplicable, match="no encoders"):
        trace_scores.encoded(seen, (seen.train, seen.held_out), release, 0)


def test_queries_catch_a_copied_table_and_are_not_applicable_without_one():
    seen = made_up.evidence(made_up.good())
    both = (seen.train, seen.held_out)
    member = np.arange(len(seen.train) + len(seen.held_out)) < len(seen.train)
    for score in queries(seen, both, seen.train, 0).values():
        assert float(auroc(score, member)[0]) > 0.7  # of a toy with few columns
    for score in queries(seen, both, next(iter(seen.released.values())), 0).values():
        assert float(auroc(score, member)[0]) == pytest.approx(0.5, abs=0.12)
    with pytest.raises(NotApplicable, match="columns"):
        queries(seen, tuple(part.only(("text",)) for part in both), seen.train.only(("text",)), 0)
