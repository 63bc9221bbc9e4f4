"""A cohort whose seeds have patients of their own: who trains, who is held out, what it costs, and which test compares methods."""

import json
import subprocess
import sys

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.comparison import Side, compare, held_out_ratio
from fpmg_bench.errors import DatasetError
from fpmg_bench.evaluation import drawn, draws_patients, split
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Budget, Choice, TrialSpec
from fpmg_bench.stats import RATIO
from fpmg_bench.suite import describe
from fpmg_bench.suite.refusals import silo_sizes
from fpmg_bench.trial.prepared import Loaded

SUITE = """
version: 1
name: fresh
seeds: [0, 1, 2, 3, 4]
datasets: [{name: phantom, shape: ring, patients: 120, held_out: 150, silos: 2, modalities: [table]}]
partition: natural
budget: {rounds: 0, local_steps: 1, sampling_rate: 0.2, encoder_rounds: 0}
methods:
  start:
    encoders: {table: {name: frozen, dim: 8}}
    generator: {name: parallel-cgan, hidden: 16}
    topology: ring
    aggregator: fedavg
  oracle: {control: oracle}
  pooled: {extends: start, partition: pooled}
metrics: [rg, dg, co]
"""


def spec(seed=0, tuning=False, **more):
    return TrialSpec(
        Choice("phantom", more), "phantom", "m", seed, {"kind": "natural"}, {"table": Choice("frozen")}, None, Choice("ring"),
        Choice("fedavg"), Budget(), (), tuning=tuning, holdout=0.3 if tuning else 0.0,
    )  # fmt: skip


GIVEN = {"patients": 700, "held_out": 900, "silos": 3, "modalities": ("table",)}
PHANTOM = Phantom(**GIVEN)


@pytest.fixture(scope="module")
def run(run_here):
    return run_here(SUITE)


@pytest.fixture(scope="module")
def trials(run):
    return [json.loads(file.read_text()) for file in run.glob("trials/*/trial.json")]


def test_all_training_people_train_and_the_others_are_held_out():
    loaded = Loaded.of(spec(), PHANTOM)
    counts = {
        name: len(set(getattr(loaded.parted, name).patient.tolist())) for name in ("train", "held_out", "r1", "r2", "third")
    }
    assert counts == {"train": 700, "held_out": 900, "r1": 450, "r2": 450, "third": 116}
    assert loaded.parted.fresh and loaded.cohort is loaded.parted.train
    placed = loaded.placed(spec())
    assert sum(silo.patients for silo in placed.silos) == 700


def test_seeds_and_tuning_share_nobody():
    people = [Loaded.of(spec(seed), PHANTOM).parted for seed in (0, 1)] + [Loaded.of(spec(0, tuning=True), PHANTOM).parted]
    for a in range(3):
        for b in range(a):
            for part in ("train", "held_out"):
                x, y = (getattr(people[i], part).data["table"].frame for i in (a, b))
                assert (
                    not np.isin(
                        x["crp"].to_numpy() * 1000 + x["age"].to_numpy(), y["crp"].to_numpy() * 1000 + y["age"].to_numpy()
                    ).mean()
                    > 0.2
                )
    again = Loaded.of(spec(0), PHANTOM).parted
    assert again.held_out.data["table"].frame.equals(people[0].held_out.data["table"].frame)


def test_visits_of_a_held_out_person_stay_in_one_half():
    phantom = Phantom(patients=100, held_out=200, visits=3, modalities=("table",))
    parted = drawn(phantom.fresh(0, "train"), phantom.fresh(0, "held_out"), None, 0)
    halves = [set(part.patient.tolist()) for part in (parted.r1, parted.r2)]
    assert not halves[0] & halves[1] and sum(map(len, halves)) == 200
    assert abs(len(parted.r1) - len(parted.r2)) < 12


def test_one_held_out_person_cannot_be_halved():
    phantom = Phantom(patients=10, held_out=1, modalities=("table",))
    with pytest.raises(DatasetError, match="1 fresh held-out"):
        Loaded.of(spec(), phantom)


def test_a_cohort_without_held_out_people_is_split_as_ever():
    phantom = Phantom(patients=200, modalities=("table",))
    assert not draws_patients(phantom) and phantom.fresh(0, "train") is None
    loaded, by_hand = Loaded.of(spec(), phantom), split(phantom.load(), 0)
    assert not loaded.parted.fresh
    assert np.array_equal(loaded.parted.train.patient, by_hand.train.patient)


def test_planning_knows_that_all_of_them_train_and_draws_no_held_out_person(monkeypatch):
    asked = []
    ask = Phantom.fresh
    monkeypatch.setattr(Phantom, "fresh", lambda self, seed, part: asked.append(part) or ask(self, seed, part))
    info = describe("phantom", PHANTOM, PHANTOM.load())
    assert info.fresh and sum(silo_sizes({"kind": "natural"}, info)[0]) == pytest.approx(700)
    assert type(info).from_json(info.as_json()) == info
    placed = Loaded.planned(spec(), PHANTOM, PHANTOM.load()).placed(spec())
    assert asked == ["train"]
    whole = Loaded.of(spec(), PHANTOM).placed(spec())
    assert [s.patients for s in placed.silos] == [s.patients for s in whole.silos]


def test_canaries_are_made_of_fresh_held_out_people_with_the_modalities_that_are_encoded():
    from dataclasses import replace

    from fpmg_bench.spec import Audit

    phantom = Phantom(patients=150, held_out=200, modalities=("table", "text"))
    audited = replace(spec(), audit=Audit(40))
    loaded = Loaded.of(audited, phantom)
    assert tuple(loaded.cohort.schemas) == ("table",) == tuple(loaded.parted.held_out.schemas)
    assert len(loaded.canaries) == 40 and not set(loaded.canaries.cohort.patient) & set(loaded.parted.train.patient)


def test_trials_say_so_and_cost_the_silos_only_their_own(trials):
    assert len(trials) == 15 and all(trial["status"] == "ok" for trial in trials)
    for trial in trials:
        assert trial["split"]["fresh"] is True
        assert (trial["split"]["train"]["patients"], trial["split"]["held_out"]["patients"]) == (120, 150)
        assert sum(silo["patients"] for silo in trial["silos"]) == 120
        assert trial["conditions"] == {"joint": ["diabetes", "asthma", "fibrosis"], "numbers": ["severity", "marker"]}
        assert held_out_ratio(trial["split"]) == 0.0
    assert held_out_ratio({"held_out": {"patients": 30}, "train": {"patients": 60}}) == 0.5 and held_out_ratio({}) == RATIO
    pooled = [trial["bytes"]["raw_upload"] for trial in trials if trial["method"] == "pooled"]
    table = Phantom(shape="ring", modalities=("table",), patients=2).load().data["table"].frame
    assert all(0 < upload < 8 * 120 * table.shape[1] for upload in pooled)


def test_methods_are_compared_by_the_plain_paired_test(run):
    rows = compare(Side.parse(f"{run}:start"), Side.parse(f"{run}:oracle"), ["rg", "dg"])
    assert {row.test for row in rows} == {"plain"}
    from scipy import stats

    from fpmg_bench.results import Results

    table = Results(run).table()
    final = table[(table["metric"] == "dg") & (table["scope"] == "all") & (table["round"] == -1) & table["modality"].isna()]
    a, b = (final[final["method"] == m].sort_values("seed")["value"].to_numpy() for m in ("start", "oracle"))
    row = next(row for row in rows if row.metric == "dg")
    low, high = stats.ttest_rel(b, a).confidence_interval()
    assert (row.low, row.high) == pytest.approx((low, high), rel=1e-6)
    assert row.verdict == "better"  # the simulator beats a Gaussian of frozen codes on a ring


def test_the_report_and_the_program_name_the_test(run, tmp_path):
    from fpmg_bench import report

    report.write([run], out=tmp_path / "r.html", markdown=tmp_path / "r.md", panels=(), registry=Registry.discover())
    said = (tmp_path / "r.md").read_text()
    assert "plain paired t-test: every seed has patients of its own" in said and "drawn anew for every seed" in said
    done = subprocess.run(
        [sys.executable, "-m", "fpmg_bench", "compare", f"{run}:start", f"{run}:oracle"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "plain paired t-test, since every seed has patients of its own: phantom" in done.stdout, done.stderr
    assert "corrected resampled" not in done.stdout
