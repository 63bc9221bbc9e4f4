"""Budgets and rates of single silos, in the accounts of a whole trial."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fpmg_bench.privacy import Draws
from fpmg_bench.spec import Budget, Choice, Privacy, TrialSpec
from fpmg_bench.stopping.planned import MOST
from fpmg_bench.testing import fakes
from fpmg_bench.trial import account
from fpmg_bench.trial.silos import Pace, Silo, silos_of
from fpmg_bench.types import Charges

COHORT = fakes.cohort(200, modalities=("table",), silos=1)
PRIVACY = Privacy(8.0, 1e-3)


class Stepping:
    rounds = None
    dim = 4

    def charges(self, schema, steps):
        return Charges(private_steps=steps)


def spec(**privacy):
    choice = Choice("x", {})
    return TrialSpec(
        choice, "d", "m", 0, {"kind": "natural"}, {"table": choice}, choice, choice, choice, Budget(rounds=5, encoder_rounds=2), (),
        privacy=replace(PRIVACY, **privacy),
    )  # fmt: skip


def silo(index=0, rows=None, rate=0.1, epsilon=None, own=None):
    rows = np.arange(len(COHORT)) if rows is None else rows
    return Silo(index, f"s{index}", rows, len(rows), own or Pace(4, rate), Pace(4, rate), {}, epsilon)


def opened(chosen, silos):
    parts = SimpleNamespace(encoders={"table": Stepping()}, generator=Stepping())
    return account.open_ledgers(chosen, parts, silos, COHORT, fakes.space())


def spend_all(ledger):
    for stage, charges in ledger.planned.items():
        for kind, count in (("step", charges.private_steps), ("counts", charges.counts)):
            for _ in range(count):
                ledger.charge(stage, kind)
    return ledger.epsilon()


def test_every_silo_has_its_own_budget_and_noise():
    books = opened(spec(), [silo(0, np.arange(100)), silo(1, np.arange(100, 200), epsilon=2.0)])
    assert books[1].noise.steps > books[0].noise.steps
    for book, budget in ((books[0], 8.0), (books[1], 2.0)):
        assert 0.97 * budget < spend_all(book) <= budget
        assert book.summary()["epsilon_budget"] == budget


def test_balanced_rates_make_classes_as_frequent_and_are_charged_at_the_largest():
    plain, even = (opened(spec(balanced=flag), [silo()])[0] for flag in (False, True))
    rates = account.rates_of(spec(balanced=True), silo(), COHORT, "stage2")
    counts = np.bincount(COHORT.label)
    expected = np.bincount(COHORT.label, weights=rates)
    present = counts > 0
    assert expected[present] == pytest.approx(np.full(present.sum(), 0.1 * len(COHORT) / present.sum()))
    assert even.rates == {"sizes": 0.1, "conditions": 0.1, "stage1:table": 0.1, "stage2": pytest.approx(rates.max())}
    assert plain.rates == dict.fromkeys(("sizes", "conditions", "stage1:table", "stage2"), 0.1)
    assert even.noise.steps > plain.noise.steps
    assert spend_all(even) <= 8.0


def test_a_rare_class_is_not_in_every_batch():
    label = np.zeros(200)
    label[:2] = 1
    rare = replace(COHORT, condition=np.column_stack([label, COHORT.condition[:, 1:]]))
    rates = account.rates_of(spec(balanced=True), silo(), rare, "stage2")
    assert rates.max() == MOST
    assert account.rates_of(spec(balanced=True), silo(), rare, "stage1:table") == 0.1


@pytest.mark.parametrize(
    ("changes", "said"), [({}, "none"), ({"holdout": 0.3}, "30% of the cohort"), ({"tuning": True}, "steer the search")]
)
def test_the_ledger_says_what_tuning_is_not_covered(changes, said):
    books = opened(spec(), [silo()])
    file = account.ledger_file(books, {0: Draws()}, replace(spec(), **changes), False, ())
    assert said in file["tuning"]
    assert file["unit"] == "patient"


def test_each_stage_is_charged_for_its_own_steps_at_its_own_rate():
    book = opened(spec(), [silo(own=Pace(7, 0.3))])[0]
    assert {stage: charges.private_steps for stage, charges in book.planned.items()} == {
        "sizes": 0, "conditions": 0, "stage1:table": 2 * 7, "stage2": 5 * 4,
    }  # fmt: skip
    assert book.rates["stage1:table"] == 0.3
    assert book.rates["stage2"] == 0.1
    assert 0.97 * 8.0 < spend_all(book) <= 8.0


@pytest.mark.parametrize(
    ("budget", "overrides", "first", "second"),
    [
        ({}, {}, (20, 0.1), (20, 0.1)),
        ({"encoder_local_steps": 9}, {}, (9, 0.1), (20, 0.1)),
        ({"encoder_local_steps": 9, "encoder_sampling_rate": 0.5}, {"local_steps": 3}, (3, 0.5), (3, 0.1)),
        ({}, {"local_steps": 3, "encoder": {"local_steps": 6, "sampling_rate": 0.2}}, (6, 0.2), (3, 0.1)),
    ],
)
def test_a_silo_takes_its_overrides_before_the_stages_before_stage_2s(budget, overrides, first, second):
    chosen = replace(spec(), budget=Budget(**budget), silos={"silo-0": overrides})
    one = replace(COHORT, silo_names=("silo-0",))
    (found,) = silos_of(one, chosen)
    assert (found.stage1, found.stage2) == (Pace(*first), Pace(*second))
    assert found.params == {}
    assert found.summary(one)["encoder"] == {"local_steps": first[0], "sampling_rate": first[1]}
