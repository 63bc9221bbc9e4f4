"""Pairs that cannot be, gaps that come together, and steps within a patient: planted, and in controls."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.metrics.sight import gaps, values
from fpmg_plugins.metrics.sight.missingness import Missingness
from fpmg_plugins.metrics.sight.possible import Possible
from fpmg_plugins.metrics.sight.step_change import StepChange

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import fakes
from fpmg_bench.types import Column, Schema, Series, Table

COLUMNS = (
    Column("icu", "flag"),
    Column("tube", "flag"),
    Column("sex", "category", ("f", "m")),
    Column("age", "number", low=0.0, high=100.0),
    Column("ph", "number"),
    Column("po2", "number"),
)


def cohort(seed, n=400, offset=0):
    """Intubated patients are in intensive care; pH and pO2 are measured there, together; a series of two channels."""
    rng = np.random.default_rng(seed)
    icu = rng.random(n) < 0.4
    tube = icu & (rng.random(n) < 0.6)
    gas = icu & (rng.random(n) < 0.8)
    frame = pd.DataFrame(
        {
            "icu": icu.astype(float), "tube": tube.astype(float), "sex": rng.choice(np.array(["f", "m"], object), n),
            "age": rng.uniform(20, 90, n), "ph": np.where(gas, rng.normal(7.4, 0.1, n), np.nan), "po2": np.where(gas, rng.normal(80, 9, n), np.nan),
        }
    )  # fmt: skip
    walk = rng.normal(0, 10, (n, 1, 2)) + rng.normal(0, 1, (n, 12, 2))
    together = np.repeat(rng.random((n, 12, 1)) < 0.7, 2, axis=2)
    series = Series(np.tile(np.arange(12, dtype=np.float32), (n, 1)), (walk * together).astype(np.float32), together)
    made = fakes.cohort(n, seed, ("table", "series"), offset=offset)
    schemas = {
        "table": Schema("table", COLUMNS),
        "series": Schema("series", (Column("hr", "number"), Column("bp", "number")), (12,)),
    }
    return replace(made, schemas=schemas, data={"table": Table(frame), "series": series})


@pytest.fixture(scope="module")
def real():
    train, r1, r2 = (cohort(i, offset=1000 * i) for i in range(3))
    return Measured(
        train=train, r1=r1, r2=r2, held_out=r1, third=None, space=EvaluationSpace.fit(train, 0), silo_names=("a",), released={0: train},
    )  # fmt: skip


def scores(real, metric, release=None, control=None, strength=1.0):
    made = CONTROLS[control](real.train, None, strength, rng_for(0, "c")) if control else release
    seen = real.next_release({0: real.train if made is None else made})
    found = {(s.key, s.modality): s for s in metric(seen, rng_for(0, "m")) if s.scope == "all"}
    return found


def changed(real, **columns):
    frame = real.train.data["table"].frame.assign(**columns)
    return replace(real.train, data={**real.train.data, "table": Table(frame)})


def test_intubated_outside_intensive_care_is_impossible(real):
    rng = np.random.default_rng(5)
    frame = real.train.data["table"].frame
    wrong = changed(real, icu=np.where(rng.random(len(frame)) < 0.5, 0.0, frame["icu"]))
    share = float(((wrong.data["table"].frame["icu"] == 0) & (frame["tube"] == 1)).mean())
    found = scores(real, Possible(), wrong)["possible", "table"]
    assert found.value >= share > 0.08
    assert found.value == pytest.approx(share, abs=0.09)  # gases outside of it besides
    assert found.floor < 0.02
    assert found.low < found.value < found.high


def test_the_training_patients_themselves_are_possible(real):
    assert scores(real, Possible())["possible", None].value == 0


def test_of_independent_columns_less_than_one_pair_is_absent_by_chance():
    rng = np.random.default_rng(0)
    made = fakes.cohort(200, 0, ("table",))
    columns = tuple(Column(f"c{i}", "category", tuple("abcdef")) for i in range(30))
    absent = []
    for _ in range(5):
        frame = pd.DataFrame({c.name: rng.choice(np.array(c.categories, object), 200) for c in columns})
        odd = replace(
            made,
            schemas={"table": Schema("table", columns)},
            data={"table": Table(frame)},
            conditions=made.conditions[:1],
            condition=made.condition[:, :1],
        )
        found = values.impossible(odd, values.fields(odd, 5), 3.0)
        assert found.bound == pytest.approx(max(3.0, np.log(30 * 29 / 2 * 36 + 30 * 18)), abs=0.35)
        absent.append(found.pairs.sum() / 2)
    assert np.mean(absent) < 1


def test_the_bound_is_kept(real):
    """Of ten records in the corner none is expected with certainty: with a higher bound nothing is called impossible."""
    train = real.train.take(np.arange(30))
    assert values.impossible(train, values.fields(train, 5), 5.0).pairs.any()
    assert not values.impossible(train, values.fields(train, 5), 50.0).pairs.any()


def test_values_outside_their_range_are_counted_by_record(real):
    age = real.train.data["table"].frame["age"].to_numpy().copy()
    age[:40] = 130.0
    ph = real.train.data["table"].frame["ph"].to_numpy().copy()
    ph[20:60] = 3.0  # below all of T, where no range is declared
    assert scores(real, Possible(), changed(real, age=age, ph=ph))["possible.range", "table"].value == pytest.approx(60 / 400)


def test_a_table_without_common_pairs_says_so():
    one = fakes.cohort(40, 0, ("text",))
    one = replace(one, conditions=one.conditions[:1], condition=one.condition[:, :1])
    seen = Measured(
        train=one, r1=one, r2=one, held_out=one, third=None, space=EvaluationSpace.fit(one, 0), silo_names=("a",), released={0: one},
    )  # fmt: skip
    found = Possible()(seen, rng_for(0, "m"))
    assert {s.key for s in found} == {"possible.range"}
    assert any("nothing is known to be impossible" in gap.reason for gap in seen.gaps)


def test_rare_pairs_keep_every_column_and_are_seen_in_proportion(real):
    path = [scores(real, Possible(), control="rare-pairs", strength=s)["possible", None].value for s in (0.1, 0.25, 0.5, 1)]
    assert path == sorted(path) and path[0] > 0.05 and path[-1] > 0.2
    made = CONTROLS["rare-pairs"](real.train, None, 1.0, rng_for(0, "c"))
    for column in COLUMNS:
        one, other = (c.data["table"].frame[column.name].astype(str).sort_values().tolist() for c in (real.train, made))
        assert one == other


def test_gases_that_no_longer_come_together_show_in_the_pattern_alone(real):
    found = scores(real, Missingness(), control="independent-gaps")
    assert found["missingness.rates", "table"].value == pytest.approx(found["missingness.rates", "table"].floor, abs=1e-9)
    assert found["missingness.joint", "table"].value == pytest.approx(1.0, abs=0.15)  # pH with pO2, the only pair with gaps
    assert found["missingness.joint", "table"].floor < 0.05
    assert found["missingness.joint", "series"].value == pytest.approx(1.0, abs=0.15)
    assert found["missingness", None].value > 3 * found["missingness", None].floor


def test_the_missing_pattern_worsens_step_by_step(real):
    path = [
        scores(real, Missingness(), control="independent-gaps", strength=s)["missingness", None].value for s in (0.25, 0.5, 1)
    ]
    assert path == sorted(path)


def test_gaps_where_there_are_none_show_in_the_rates(real):
    age = real.train.data["table"].frame["age"].where(np.arange(400) % 5 > 1)
    found = scores(real, Missingness(), changed(real, age=age))
    assert found["missingness.worst", "table"].value == pytest.approx(0.4)


def test_two_by_two_tables_are_compared_whole():
    rng = np.random.default_rng(0)
    real, made = (rng.random((500, 2)) < p for p in ((0.3, 0.5), (0.6, 0.1)))
    parts = [gaps.Gaps(m.mean(0), (m.T.astype(float) @ m) / len(m), len(m)) for m in (real, made)]
    shares = [np.bincount(m @ [1, 2], minlength=4) / len(m) for m in (real, made)]
    assert gaps.together(*parts) == pytest.approx(abs(shares[0] - shares[1]).sum() / 2)
    assert parts[0].correlation[0, 1] == pytest.approx(np.corrcoef(real.T.astype(float))[0, 1])


def test_columns_with_gaps_of_their_own_have_no_joint_pattern():
    rng = np.random.default_rng(0)
    alone = [gaps.Gaps(m.mean(0), (m.T.astype(float) @ m) / len(m), len(m)) for m in (rng.random((2, 400, 4)) < 0.3)]
    with pytest.raises(NotApplicable, match="no two columns are missing together"):
        gaps.correlations(*alone)


def test_presence_is_compared_as_a_mixture(real):
    absent = replace(real.train, present={**real.train.present, "series": np.arange(400) % 4 > 0})
    found = scores(real, Missingness(), absent)["missingness.presence", None]
    assert found.value == pytest.approx(0.25) and found.floor == 0


def test_half_the_step_reads_as_half(real):
    series = real.train.data["series"]
    level = np.where(series.seen, series.values, 0).sum(1, keepdims=True) / series.seen.sum(1, keepdims=True)
    flat = np.where(series.seen, level + (series.values - level) / 2, 0).astype(np.float32)
    made = replace(real.train, data={**real.train.data, "series": Series(series.time, flat, series.seen)})
    found = scores(real, StepChange(), made)
    assert found["step-change", "series"].value == pytest.approx(0.5, abs=0.05)
    assert found["step-change.off", "series"].value == pytest.approx(2.0, abs=0.15)
    assert found["step-change.off", "series"].floor < 1.1


def test_a_series_that_stands_still_is_as_far_off_as_can_be(real):
    series = real.train.data["series"]
    still = Series(series.time, np.where(series.seen, 3.0, 0).astype(np.float32), series.seen)
    made = replace(real.train, data={**real.train.data, "series": still})
    assert scores(real, StepChange(), made)["step-change.off", "series"].value == pytest.approx(100.0)


@pytest.mark.parametrize("control", ["grey-noise", "blur", "question-marks", "shuffled-words"])
def test_a_control_without_its_modality_is_not_applicable(real, control):
    with pytest.raises(NotApplicable, match="the cohort has no"):
        CONTROLS[control](real.train, None, 1.0, rng_for(0, "c"))


def test_a_cohort_without_gaps_has_none_to_deal():
    with pytest.raises(NotApplicable, match="nothing is missing"):
        CONTROLS["independent-gaps"](fakes.cohort(30, 0, ("table",)), None, 1.0, rng_for(0, "c"))
