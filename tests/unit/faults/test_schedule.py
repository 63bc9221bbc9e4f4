import pytest

from fpmg_bench.errors import SuiteError
from fpmg_bench.faults import ScheduledFault, healing, schedule
from fpmg_bench.faults.kinds import KINDS
from fpmg_bench.keys import canonical
from fpmg_bench.spec import Fault
from fpmg_bench.store import Planned, Versions, stage1_preimage, trial_preimage
from fpmg_bench.store.specs import spec_from_json

NAMES = ["a", "b", "c", "d"]


def test_drawn_silos_are_distinct_and_avoid_named_ones():
    for seed in range(20):
        faulted = schedule((Fault("crash", ("b",)), Fault("sign-flip", 1), Fault("omission", 2)), NAMES, seed)
        assert sorted(silo for each in faulted.schedule for silo in each.silos) == [0, 1, 2, 3]
        assert faulted.schedule[0].silos == (1,)
        assert faulted.liars == set(faulted.schedule[1].silos)


def test_the_same_seed_strikes_the_same_silo_and_other_seeds_others():
    drawn = [schedule((Fault("sign-flip", 1),), NAMES, seed).schedule[0].silos for seed in range(30)]
    assert drawn == [schedule((Fault("crash", 1, since=2),), NAMES, seed).schedule[0].silos for seed in range(30)]
    assert {silo for (silo,) in drawn} == {0, 1, 2, 3}


def test_a_silo_that_is_not_there_and_too_many_are_refused():
    with pytest.raises(SuiteError, match=r"'e', which is not there \(one of a, b, c, d"):
        schedule((Fault("crash", ("e",)),), NAMES, 0)
    with pytest.raises(SuiteError, match="wants 3 silos, 2 of 4 are left"):
        schedule((Fault("crash", 2), Fault("sign-flip", 3)), NAMES, 0)


def test_a_fault_is_on_from_its_first_round_until_before_its_last():
    each = ScheduledFault(KINDS["crash"](), "crash", (0,), since=2, until=4)
    assert [round for round in range(6) if each.on("stage2", round)] == [2, 3]
    assert not each.on("stage1:table", 2)


def test_a_cut_link_is_named_by_its_ends_or_drawn_with_the_next_silo():
    assert schedule((Fault("cut-link", ("d", "b")),), NAMES, 0).schedule[0].links == {frozenset({1, 3})}
    (drawn,) = schedule((Fault("cut-link", 1),), NAMES, 0).schedule
    assert drawn.links == {frozenset({drawn.silos[0], (drawn.silos[0] + 1) % 4})}


@pytest.mark.parametrize(
    ("after", "rounds", "reason"),
    [([1.0, 1.0, 5.0, 5.0, 3.0, 1.09], 2, ""), ([1.0, 1.0, 5.0, 5.0, 0.9, 3.0], 1, ""), ([1.0, 1.0, 5.0, 5.0, 3.0, 1.2], None, "not within 2")],
)  # fmt: skip
def test_rounds_to_heal_count_from_the_first_round_without_the_fault(after, rounds, reason):
    records = [{"stage": "stage2", "round": i, "after": value} for i, value in enumerate(after)]
    found = healing(records, ScheduledFault(KINDS["crash"](), "crash", (0,), since=2, until=4))
    assert found["rounds"] == rounds and reason in found["reason"]


def test_what_does_not_end_does_not_heal():
    records = [{"stage": "stage2", "round": i, "after": 1.0} for i in range(4)]
    assert healing(records, ScheduledFault(KINDS["crash"](), "crash", (0,), since=2))["reason"] == "it lasts to the end"
    assert healing(records, ScheduledFault(KINDS["crash"](), "crash", (0,), until=2))["reason"] == "no round before it"


def versions(spec):
    return Versions(
        {f"{kind}:{name}": "1" for kind in ("dataset", "encoder", "generator", "topology", "aggregator") for name in "xy"},
        {"x": "f"},
        {},
    )


def spec(**more):
    choice = {"name": "x", "params": {}}
    entry = {
        "dataset": choice, "dataset_name": "x", "method": "m", "seed": 0, "partition": {"kind": "natural"}, "encoders": {"t": choice},
        "generator": choice, "topology": choice, "aggregator": choice, "budget": {}, "metrics": [], "privacy": None, "control": None,
    }  # fmt: skip
    return spec_from_json(entry | more)


def test_without_faults_no_key_speaks_of_them():
    for preimage in (stage1_preimage, trial_preimage):
        assert "faults" not in canonical(preimage(spec(), versions(spec())))


def test_faults_of_stage_2_leave_stage_1_shared_and_those_of_stage_1_do_not():
    late, early = (spec(faults=[{"kind": "crash", "silos": 1, "stage": stage}]) for stage in (2, "both"))
    clean = stage1_preimage(spec(), versions(spec()))
    assert stage1_preimage(late, versions(late)) == clean
    assert stage1_preimage(early, versions(early)) != clean
    assert trial_preimage(late, versions(late)) != trial_preimage(early, versions(early))


def test_a_specification_with_faults_comes_back_from_its_json():
    given = spec(faults=[{"kind": "crash", "silos": ["a", "b"], "since": 2, "until": 5}, {"kind": "omission", "silos": "all"}])
    assert given.faults == (Fault("crash", ("a", "b"), 2, 5), Fault("omission", "all"))
    assert Planned.from_json(Planned("i", "k", None, "m", given).to_json()).spec == given
