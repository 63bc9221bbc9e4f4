"""Power, false alarms, dose-response and verdicts on tables whose answer is known."""

import json
import math
from dataclasses import replace

import pytest
from planted import REAL, seen

from fpmg_bench.calibration import BARS, beyond, by_score, false_alarms, judge, mark, null_of, responses, shown, to_json, verdicts
from fpmg_bench.calibration.bars import Stays, Within, Worsens
from fpmg_bench.calibration.verdicts import Failure, Verdict, smallest


def test_the_interval_is_students_prediction_interval():
    null = null_of(seen("copy", 1.0, REAL))
    half = 2.7764451 * math.sqrt(0.00025) * math.sqrt(1 + 1 / 5)  # t(4) = 2.776, variance of REAL = .00025
    assert (null.mean, null.high) == (pytest.approx(1.0), pytest.approx(1 + half))
    assert null.source == "real against real"


def test_an_oracle_stands_before_the_floor():
    null = null_of([*seen("oracle", 1.0, [1.1] * 5), *seen("copy", 1.0, REAL)])
    assert (null.source, null.mean) == ("oracle", pytest.approx(1.1))


def test_an_encoded_oracle_stands_for_scores_that_have_no_bare_one():
    behind = seen("encoded oracle", 1.0, [1.1] * 5)
    assert null_of([*behind, *seen("oracle", 1.0, [math.nan] * 5), *seen("encoded copy", 1.0, REAL)]).source == "encoded oracle"
    assert null_of([*behind, *seen("oracle", 1.0, [1.3] * 5)]).mean == pytest.approx(1.3)


def test_controls_behind_encoders_have_bars_and_a_dose_zero_of_their_own():
    key = {"key": "latent.energy", "higher": False, "floors": [0.0] * 5}
    found = responses([
        *seen("copy", 1.0, [0.5] * 5, **key), *seen("encoded copy", 1.0, [0.01, 0.0, -0.01, 0.0, 0.0], **key),
        *seen("encoded oracle", 1.0, [0.01, 0.0, -0.01, 0.005, 0.0], **key), *seen("encoded collapse", 1.0, [0.9] * 5, **key),
    ])  # fmt: skip
    collapse = next(r for r in found if r.control == "encoded collapse")
    assert collapse.means[0] == (0.0, pytest.approx(0.0)) and collapse.power == 1.0
    met = {outcome.response.control: outcome.met for outcome in judge(found)}
    assert met == {"encoded oracle": True, "encoded collapse": True}


def test_two_seeds_have_no_interval_and_nothing_is_measured():
    found = responses(seen("collapse", 1.0, REAL[:2], floors=REAL[:2]))
    assert found[0].null is None and found[0].power is None and found[0].false_alarm is None


@pytest.mark.parametrize(("value", "higher", "flagged"), [
    (1.2, None, True), (0.8, None, True), (1.2, False, True), (0.8, False, False), (1.2, True, False), (0.8, True, True), (1.01, None, False),
])  # fmt: skip
def test_only_the_worse_side_counts_where_a_score_has_one(value, higher, flagged):
    assert beyond(value, null_of(seen("copy", 1.0, REAL)), higher) is flagged


def test_a_value_whose_own_interval_holds_the_real_mean_is_not_beyond_a_floor_without_spread():
    null = null_of(seen("copy", 1.0, [0.0] * 5, floors=[0.0] * 5))
    assert beyond(0.01, null, False)
    assert not beyond(0.01, null, False, (-0.02, 0.04))
    assert beyond(0.01, null, False, (0.005, 0.04))


def test_false_alarms_leave_one_out():
    assert false_alarms(null_of(seen("copy", 1.0, REAL)), None) == 0.0
    odd = (1.0, 1.001, 0.999, 1.0005, 3.0)
    assert false_alarms(null_of(seen("copy", 1.0, odd, floors=odd)), None) == pytest.approx(0.2)


def test_dose_zero_is_the_training_patients_themselves():
    found = responses(
        [*seen("copy", 1.0, REAL), *seen("collapse", 0.5, [1.3] * 5), *seen("collapse", 1.0, [1.2, 1.6, 1.6, 1.0, 1.6])]
    )
    collapse = next(r for r in found if r.control == "collapse")
    assert [dose for dose, _ in collapse.means] == [0.0, 0.5, 1.0]
    assert collapse.means[0][1] == pytest.approx(1.0)
    assert collapse.power == pytest.approx(0.8)
    assert collapse.monotone
    assert collapse.spearman == pytest.approx(0.6, abs=0.01)


def test_a_dose_that_makes_it_better_again_is_not_monotone():
    found = responses([*seen("copy", 1.0, REAL), *seen("collapse", 0.5, [1.9] * 5), *seen("collapse", 1.0, [1.4] * 5)])
    response = next(r for r in found if r.control == "collapse")
    assert response.power == 1.0 and not response.monotone
    assert Worsens().judge(response) is False


def test_expectations_say_what_they_found():
    blind = next(r for r in responses([*seen("copy", 1.0, REAL), *seen("collapse", 1.0, REAL)]) if r.control == "collapse")
    assert Stays().judge(blind) is True
    assert Worsens().judge(blind) is False
    assert Within(1.3).judge(blind) is False
    assert Worsens().said(blind).startswith("power 0")


def test_a_planted_blind_metric_is_demoted_and_a_good_one_passes():
    good = [*seen("copy", 1.0, REAL, key="dg"), *seen("collapse", 1.0, [2.0] * 5, key="dg")]
    blind = [*seen("copy", 1.0, REAL, key="dg.phi"), *seen("collapse", 1.0, [1.02] * 5, key="dg.phi")]
    found = verdicts(responses(good + blind))
    assert (found["dg"].word, found["dg"].met) == ("passed", 2)
    assert found["dg.phi"].word == "demoted" and not found["dg.phi"].counts
    failure = found["dg.phi"].failures[0]
    assert (failure.control, failure.cohort, failure.expected, failure.found) == ("collapse", "phantom", "at least 1.3", "1.02")


def test_a_score_without_a_bar_gets_no_verdict():
    assert verdicts(responses(seen("collapse", 1.0, REAL, key="somebodys.score"))) == {}
    assert mark("somebodys.score").word == "not calibrated"
    assert mark("pg.epsilon").word == "exact"


def test_bars_of_the_oracle_wait_for_enough_patients():
    few, many = (responses(seen("oracle", 1.0, [1.2] * 5, patients=n)) for n in (3000, 7000))
    assert judge(few) == []
    assert [o.met for o in judge(many)] == [False]


def test_the_smallest_n_is_where_every_larger_size_suffices_too():
    sizes = {300: [1.5, 1.5, 1.0, 1.0, 1.0], 1000: [1.5] * 5, 3000: [1.5] * 5}
    table = [o for n, values in sizes.items() for o in seen("bootstrap-noise", 1.0, values, cohort=f"phantom-{n}", patients=n)]
    assert smallest(responses(table)) == {"rg": {"bootstrap-noise": 1000}}
    assert verdicts(responses(table))["rg"].word == "not calibrated"  # sizes give no verdict


def test_the_smallest_n_of_several_modalities_is_the_largest_of_theirs():
    good, late, never = [1.5] * 5, [1.0] * 5, [1.0] * 5
    table = [
        o
        for modality, at_300, at_1000 in (("header", good, good), ("codes", late, good))
        for n, values in ((300, at_300), (1000, at_1000))
        for o in seen("copy", 1.0, values, cohort=f"phantom-{n}", patients=n, modality=modality, key="membership.distance")
    ]
    assert smallest(responses(table)) == {"membership.distance@*": {"copy": 1000}}
    blind = [*table, *seen("copy", 1.0, never, cohort="phantom-1000", patients=1000, modality="notes", key="membership.distance")]
    assert smallest(responses(blind)) == {"membership.distance@*": {"copy": None}}


def test_cohorts_of_several_sizes_are_listed_in_full_only_where_there_are_no_others():
    sized = seen("copy", 1.0, REAL, cohort="phantom-300", patients=300)
    assert list(shown(responses(sized))) == ["phantom-300"]
    assert list(shown(responses([*sized, *seen("copy", 1.0, REAL)]))) == ["phantom"]


def test_what_no_control_was_measured_by_is_named_with_its_reason():
    nan = [math.nan] * 5
    table = [replace(o, reason="not_applicable: no table") for o in seen("copy", 1.0, nan, key="inference", floors=nan)]
    measured, silent = by_score(responses([*seen("copy", 1.0, REAL), *table]))
    assert list(measured) == ["rg"] and silent == {"not_applicable: no table": ["inference"]}


def test_verdicts_survive_their_file():
    verdict = Verdict("dg", "demoted", 1, 2, (Failure("collapse", "phantom", "dg", "at least 1.3", "1.1"),), {"collapse": None})
    kept = json.loads(to_json({"dg": verdict}, {"command": "x"}))
    assert kept["verdicts"]["dg"]["failures"][0]["found"] == "1.1"
    assert kept["verdicts"]["dg"]["smallest_n"] == {"collapse": None}
    assert "collapse on phantom: dg 1.1, expected at least 1.3" in verdict.text


def test_every_bar_names_a_control_that_exists():
    from fpmg_bench.controls import CONTROLS

    assert {bar.control.removeprefix("encoded ") for bar in BARS} <= set(CONTROLS)


def test_power_is_judged_only_where_a_cohort_is_large_enough():
    def table(n):
        return [
            *seen("copy", 1.0, REAL, cohort="covid-cxr", patients=n),
            *seen("bootstrap-noise", 1.0, REAL, cohort="covid-cxr", patients=n),
        ]

    assert verdicts(responses(table(299)))["rg"].word == "passed"  # its copy alone
    assert verdicts(responses(table(300)))["rg"].word == "demoted"
