"""Budgets and rates of single silos, in the accounts of a whole trial."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fpmg_bench.privacy import Draws
from fpmg_bench.spec import Budget, Choice, Privacy, TrialSpec
from fpmg_bench.testing import fakes
from fpmg_bench.trial import account
from fpmg_bench.trial.silos import Silo
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


def silo(index=0, rows=None, rate=0.1, epsilon=None):
    rows = np.arange(len(COHORT)) if rows is None else rows
    return Silo(index, f"s{index}", rows, len(rows), rate, 4, {}, epsilon)


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
    assert even.rates == {"conditions": 0.1, "stage1:table": 0.1, "stage2": pytest.approx(rates.max())}
    assert plain.rates == dict.fromkeys(("conditions", "stage1:table", "stage2"), 0.1)
    assert even.noise.steps > plain.noise.steps
    assert spend_all(even) <= 8.0


def test_a_rare_class_is_not_in_every_batch():
    label = np.zeros(200)
    label[:2] = 1
    rare = replace(COHORT, condition=np.column_stack([label, COHORT.condition[:, 1:]]))
    rates = account.rates_of(spec(balanced=True), silo(), rare, "stage2")
    assert rates.max() == account.MOST
    assert account.rates_of(spec(balanced=True), silo(), rare, "stage1:table") == 0.1


@pytest.mark.parametrize(
    ("changes", "said"), [({}, "none"), ({"holdout": 0.3}, "30% of the cohort"), ({"tuning": True}, "steer the search")]
)
def test_the_ledger_says_what_tuning_is_not_covered(changes, said):
    books = opened(spec(), [silo()])
    file = account.ledger_file(books, {0: Draws()}, replace(spec(), **changes))
    assert said in file["tuning"]
    assert file["unit"] == "patient"
