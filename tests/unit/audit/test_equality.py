"""Whose values were released as they are, in every kind of modality."""

from dataclasses import replace

import numpy as np
import pytest

from fpmg_bench.audit.equality import equal
from fpmg_bench.controls import concatenate
from fpmg_bench.testing import fakes

SHARED = {"table", "text"}  # several fakes have the same words, or every number at the end of its range
KINDS = ("table", "series", "text", "image", "video")


def having(cohort, modality):
    """Patients who have the modality at all."""
    return len(np.unique(cohort.patient[cohort.present[modality]]))


@pytest.fixture(scope="module")
def people():
    """(members, others, strangers), all with records of their own."""
    return tuple(fakes.cohort(40, seed, KINDS) for seed in (0, 1, 2))


def test_copies_of_members_are_counted_in_every_modality(people):
    members, others, strangers = people
    found = equal([concatenate([strangers, members.take(np.arange(15))])], members, others, 0)
    assert set(found) == set(KINDS)
    for modality in set(KINDS) - SHARED:
        assert (found[modality]["members"], found[modality]["others"]) == (having(members.take(np.arange(15)), modality), 0), (
            modality
        )
    assert found["table"]["others"] == 0  # strangers say what others say in few words
    assert 10 < found["table"]["members"] <= 15


def test_strangers_are_nobody_and_who_was_held_out_is_told_apart(people):
    members, others, strangers = people
    assert all(
        each["members"] == each["others"] == 0
        for name, each in equal([strangers], members, others, 0).items()
        if name not in SHARED
    )
    seen = equal([others], members, others, 0)
    assert seen["image"]["members"] == 0 < seen["image"]["others"] == having(others, "image")


def test_what_two_patients_share_tells_of_neither(people):
    members, others, _ = people
    twins = concatenate([others, members.take(np.arange(20))])  # the first twenty have a double under another number
    twins = replace(twins, patient=np.arange(1000, 1000 + len(twins)))
    found = equal([members], members, twins, 0)
    assert found["image"]["members"] < having(members, "image")
    assert found["image"]["others"] == 0


def test_as_many_of_both_sides_are_asked_about(people):
    members, others, _ = people
    few = others.take(np.arange(10))
    found = equal([members], members, few, 0)
    assert found["image"]["patients"] == len(np.unique(few.patient))
    assert 0 < found["image"]["members"] <= found["image"]["patients"]


def test_a_number_is_compared_as_decoders_write_it(people):
    """float32 of the same number, and the same gap."""
    members, others, _ = people
    table = members.data["table"]
    frame = table.frame.copy()
    numbers = frame.select_dtypes("number").columns
    frame[numbers] = frame[numbers].astype(np.float32).astype(np.float64)
    copied = replace(members, data={**members.data, "table": type(table)(frame)})
    assert equal([copied], members, others, 0) == equal([members], members, others, 0)
    assert 30 < equal([copied], members, others, 0)["table"]["members"] < having(members, "table")
