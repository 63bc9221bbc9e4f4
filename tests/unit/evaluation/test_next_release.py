"""The next release of a scene: what was computed on real patients is there, nothing of the earlier trial is."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Gap, Measured, split

REAL = ("train", "r1", "r2", "held_out")


@pytest.fixture(scope="module")
def parts():
    made = split(Phantom(patients=160, silos=2, modalities=("table", "text")).load(), 0)
    return {name: getattr(made, name) for name in REAL} | {"third": None, "space": EvaluationSpace.fit(made.train, 0)}


@pytest.fixture
def first(parts):
    """A trial with encoders (they make 1 of everything), lazily drawn releases, conditions, rounds and a ledger."""
    return Measured(
        **parts, silo_names=("a", "b"), seed=3, publishable=True,
        released=lambda: {0: parts["train"].take(np.arange(20))}, balanced=lambda: {0: parts["train"].take(np.arange(5))},
        rounds=[{"round": 0}], ledgers={0: {"epsilon": 1.0}}, models={0: {"generator": {}}}, bytes={"total": 9},
        frames={0: [{"round": 0}]}, plumbing=[{"silo": 0}], widths={"table": 4}, **encoders(parts, 1),
    )  # fmt: skip


def encoders(parts, value):
    """What one trial's models make of real patients."""
    rows = SimpleNamespace(rows=lambda stage, cohort, silo: (np.full(len(cohort), value), np.arange(len(cohort))))
    return {
        "encode": lambda silo, cohort: np.full((len(cohort), 2), value, np.float32),
        "round_trip": lambda: {0: parts["held_out"].take(np.arange(value))},
        "member_trip": lambda: {0: parts["train"].take(np.arange(value))},
        "learners": rows,
    }


def warm(evidence):
    """Everything that can be asked about the real patients, and about this release."""
    for name in REAL:
        cohort = getattr(evidence, name)
        evidence.phi(cohort), evidence.phi(cohort, "table"), evidence.phi8(cohort)
        evidence.latent(cohort, 0), evidence.rows("stage2", cohort, 0)
        evidence.once("of a cohort", object, cohort)
    evidence.once("real", object)
    evidence.nn(evidence.phi(evidence.r1), evidence.phi(evidence.r2))
    for release in (*evidence.released.values(), *evidence.balanced.values(), *evidence.round_trips().values()):
        evidence.phi(release), evidence.once("of a cohort", object, release)


def test_what_was_computed_on_real_patients_is_kept(first, monkeypatch):
    warm(first)
    later = first.next_release({0: first.r1.take(np.arange(9))})
    monkeypatch.setattr(EvaluationSpace, "phi", lambda *of: pytest.fail("computed anew"))
    monkeypatch.setattr("fpmg_bench.evaluation.evidence.nearest", lambda *of: pytest.fail("computed anew"))
    for name in REAL:
        cohort = getattr(first, name)
        assert later.phi(cohort) is first.phi(cohort) and later.phi8(cohort) is first.phi8(cohort)
        assert later.phi(cohort, "table") is first.phi(cohort, "table")
        assert later.once("of a cohort", lambda: None, cohort) is first.once("of a cohort", lambda: None, cohort) is not None
    assert later.once("real", lambda: None) is first.once("real", lambda: None) is not None
    later.nn(later.phi(later.r1), later.phi(later.r2))


def test_nothing_of_the_earlier_release_is_kept(first):
    warm(first)
    earlier = first.released[0]
    later = first.next_release(lambda: {0: first.r1.take(np.arange(9))})
    assert len(later.released[0]) == 9 and later.balanced == {}
    assert later.once("of a cohort", lambda: "new", earlier) == "new"
    assert later.phi(earlier) is not first.phi(earlier)


def test_what_the_earlier_models_made_of_real_patients_is_gone(first, parts):
    warm(first)
    later = first.next_release({0: first.r1}, **encoders(parts, 7))
    assert (later.latent(first.r1, 0) == 7).all() and (first.latent(first.r1, 0) == 1).all()
    assert (later.rows("stage2", first.train, 0)[0] == 7).all()
    assert len(later.round_trips()[0]) == len(later.round_trips(members=True)[0]) == 7
    without = first.next_release({0: first.r1})
    for ask in (
        without.round_trips,
        lambda: without.round_trips(members=True),
        lambda: without.latent(first.r1, 0),
        lambda: without.rows("stage2", first.train, 0),
    ):
        with pytest.raises(NotApplicable):
            ask()


def test_a_trial_says_itself_what_was_sent_and_accounted(first):
    later = first.next_release({0: first.r1})
    assert (later.rounds, later.plumbing, later.frames(0), later.model(0)) == ((), (), (), {})
    assert dict(later.bytes) == dict(later.widths) == {} and later.ledger(0)["epsilon"] == float("inf")
    assert (later.seed, later.publishable, later.silo_names) == (3, True, ("a", "b"))
    told = first.next_release({0: first.r1}, rounds=[{"round": 4}], widths={"table": 8}, silo_names=("all",))
    assert (told.rounds[0]["round"], told.widths, told.silo_names) == (4, {"table": 8}, ("all",))


def test_other_silos_share_the_real_side(first):
    warm(first)
    pooled = replace(first.train, silo=np.zeros(len(first.train), np.int64), silo_names=("all",))
    later = first.next_release({0: first.r1}, pooled)
    assert later.silo_names == ("all",) and later.train is pooled
    assert later.phi(pooled) is first.phi(first.train)
    assert later.once("of a cohort", lambda: None, pooled) is first.once("of a cohort", lambda: None, first.train)
    assert later.once("real", lambda: None) is first.once("real", lambda: None)
    back = later.next_release({0: first.r1}, first.train)
    assert back.phi(first.train) is first.phi(first.train)


def test_other_training_records_keep_only_what_knows_none(first):
    warm(first)
    fewer = first.train.take(np.arange(30))
    later = first.next_release({0: first.r1}, fewer)
    assert later.phi(first.r1) is first.phi(first.r1)
    assert len(later.phi(fewer)) == 30
    assert later.once("real", lambda: "new") == "new"
    assert later.once("of a cohort", lambda: "new", first.r1) == "new"
    assert later.once("of a cohort", lambda: "new", first.train) == "new"


def test_what_is_not_applicable_on_the_real_side_is_said_of_every_release(first):
    def real_side(evidence):
        return evidence.once("gap", lambda: evidence.not_applicable("x", "few patients") or 5)

    assert real_side(first) == 5 and first.gaps == [Gap("x", "few patients")]
    later = first.next_release({0: first.r1})
    assert later.gaps == []
    assert real_side(later) == 5 and later.gaps == first.gaps
    later.gaps.clear()
    assert later.once("outer", lambda: real_side(later)) == 5 and later.gaps == first.gaps
    assert real_side(later) == 5 and len(later.gaps) == 1


def test_what_fails_on_the_real_side_tells_what_it_found_before(first):
    def make():
        first.not_applicable("x", "few patients")
        raise NotApplicable("too few")

    for _ in range(2):
        first.gaps.clear()
        with pytest.raises(NotApplicable):
            first.once("failing", make)
        assert first.gaps == [Gap("x", "few patients")]
