"""The kit's law of fresh patients fails on a dataset that breaks it."""

from dataclasses import replace

import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.datasets.uci_heart import UciHeart

from fpmg_bench.errors import NotApplicable
from fpmg_bench.testing.datasets import check_fresh_patients_are_new as check

GIVEN = {"patients": 40, "modalities": ("table",), "silos": 2}


class SameNumbers(Phantom):
    def fresh(self, seed, part):
        found = super().fresh(seed, part)
        return found if found is None or part == "train" else replace(found, patient=found.patient - found.patient.min())


class SameSeeds(Phantom):
    def fresh(self, seed, part):
        return super().fresh(0, part)


class Never(Phantom):
    def fresh(self, seed, part):
        return super().fresh(seed, part) if part == "train" else None


class Always(Phantom):
    def fresh(self, seed, part):
        return Phantom(**GIVEN, held_out=max(self.held_out, 10)).fresh(seed, part)


class Few(Phantom):
    def fresh(self, seed, part):
        found = super().fresh(seed, part)
        return found.take(found.patient % 2 == 0) if found is not None and part == "train" else found


class OtherConditions(Phantom):
    def fresh(self, seed, part):
        return Phantom(**GIVEN, held_out=self.held_out, shape="ring").fresh(seed, part)


class Unsettled(Phantom):
    calls = 0

    def fresh(self, seed, part):
        Unsettled.calls += 1
        return super().fresh(seed + 1000 * Unsettled.calls, part)


def test_the_phantom_keeps_the_law_whatever_its_shape():
    for shape in ("gaussian", "ring"):
        check(Phantom(**GIVEN, shape=shape))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (SameNumbers, "share a patient's number"), (SameSeeds, "same people in two seeds"), (Never, "nobody held out"), (Always, "held_out is 0"),
        (Few, "as many train"), (OtherConditions, "other schemas"), (Unsettled, "differs when asked again"),
    ],
)  # fmt: skip
def test_who_breaks_it_is_told(broken, said):
    with pytest.raises(AssertionError, match=said):
        check(broken(**GIVEN))


def test_a_dataset_without_fresh_patients_is_not_judged():
    with pytest.raises(NotApplicable, match="anew"):
        check(UciHeart())
