"""Co-occurrence under generators whose answer is known: true patients with both, patients with one, the release of a simulator."""

from functools import partial

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.balance.cooccurrence import Cooccurrence
from fpmg_plugins.metrics.balance.signs import pair_of

from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured, parted
from fpmg_bench.keys import rng_for

BOTH = (4, 5)  # conditions of asthma and fibrosis


@pytest.fixture(scope="module")
def world():
    phantom = Phantom(shape="ring", patients=400, silos=2, held_out=1200, withhold=True, modalities=("table",), missing=0.0)
    made = parted(phantom, 0)
    return phantom, made, EvaluationSpace.fit(made.train, 0)


def people(phantom, n, seed=5):
    return phantom.simulate(n, seed)


def of_kind(cohort, wanted, n):
    rows = np.flatnonzero((cohort.condition[:, list(BOTH)] == wanted).all(1))
    return cohort.take(rows[np.arange(n) % len(rows)])


def measured(world, asked=None, released=None):
    phantom, made, space = world
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    released = people(phantom, 400) if released is None else released
    evidence = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: released}, asked=asked)
    found = Cooccurrence(resamples=30)(evidence, rng_for(0, "m"))
    return {(s.key, s.scope): s for s in found if not s.scope.startswith("silo:")}


def answer(world, wanted_of, conditions):
    """A generator: whom it gives where these two flags are asked for."""
    many = people(world[0], 3000)
    asked = tuple(conditions[0, list(BOTH)].astype(int))
    return {0: of_kind(many, wanted_of(asked), len(conditions))}


def test_true_patients_with_both_score_as_held_out_ones_do(world):
    found = measured(world, partial(answer, world, lambda asked: asked))
    assert found["cooccurrence", "all"].floor > 0.9
    assert found["cooccurrence", "all"].value == pytest.approx(found["cooccurrence", "all"].floor, abs=0.1)
    assert found["cooccurrence.suppressed", "all"].value < 0.15
    assert found["cooccurrence.rg", "all"].value == pytest.approx(1.0, abs=0.15)
    assert found["cooccurrence.dg", "all"].value < 1.2


def test_who_shows_one_disease_where_both_are_asked_for_is_seen(world):
    found = measured(world, partial(answer, world, lambda asked: (1, 0) if asked == (1, 1) else asked))
    assert found["cooccurrence", "all"].value < 0.35
    assert found["cooccurrence.sensitivity", "condition:asthma"].value > 0.8
    assert found["cooccurrence.sensitivity", "condition:fibrosis"].value < 0.35
    assert found["cooccurrence.suppressed", "all"].value < 0.15


def test_a_disease_that_was_forgotten_is_suppressed(world):
    found = measured(world, partial(answer, world, lambda asked: (0, asked[1])))
    assert found["cooccurrence.alone", "condition:asthma"].value < 0.3
    assert found["cooccurrence.suppressed", "all"].value > 0.6


def test_controls_stand_beside_every_method_and_fail(world):
    found = measured(world, partial(answer, world, lambda asked: asked))
    assert found["cooccurrence", "control:single"].value < 0.35
    assert found["cooccurrence", "control:average"].value < found["cooccurrence", "all"].value
    assert found["cooccurrence.rg", "control:average"].value < 1.3  # the middle is near everybody: RG does not see it


def test_a_release_that_cannot_be_asked_is_judged_by_its_own_patients_with_both(world):
    found = measured(world, released=people(world[0], 1500))
    assert found["cooccurrence", "all"].value == pytest.approx(found["cooccurrence", "all"].floor, abs=0.15)
    with pytest.raises(NotApplicable, match="records"):
        measured(world, released=world[1].train)  # nobody has both


def test_the_pair_is_that_which_never_meets_though_chance_would_let_it(world):
    train, held_out = world[1].train, world[1].held_out
    assert pair_of(train, ()) == BOTH
    assert pair_of(train, ("fibrosis", "asthma")) == BOTH[::-1]
    with pytest.raises(NotApplicable, match=r"two flags.*diabetes"):
        pair_of(train, ("asthma", "gout"))
    with pytest.raises(NotApplicable, match="kept apart"):
        pair_of(held_out, ())
