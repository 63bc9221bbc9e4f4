"""A study: what it asks, what it refuses, where its trials live, what it writes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fpmg_bench.errors import ExitCode, StoreError, SuiteError
from fpmg_bench.registry import Registry
from fpmg_bench.suite import parse_suite
from fpmg_bench.tune import Objective, Proposal, objectives_of, tune, tuned_suite
from fpmg_bench.tune.proposals import distribution_of, nearest_to_ideal
from fpmg_bench.types import Scale

SUITE = """\
version: 1
name: study
seeds: [3, 4]
datasets: [{{name: phantom, patients: {patients}, modalities: [table]}}]
methods:
  fpmg: {{encoders: {{table: autoencoder}}, generator: parallel-cgan, topology: ring, aggregator: fedavg}}
  child: {{extends: fpmg, topology: star}}  # a comment that stays
metrics: [rg, tstr]
tune:
  method: child
  trials: 4
  holdout: 0.3
  objectives: [{objectives}]
  space: {{generator.lr: {{float: [1.0e-4, 1.0e-2], log: true}}, encoders.table.dim: {{int: [2, 8]}}}}
"""


def _suite(patients: int = 400, objectives: str = "tstr.gap, rg") -> Any:
    return parse_suite(SUITE.format(patients=patients, objectives=objectives), Path("study.yaml"))


class FakeRunner:
    """Answers every trial at once: the score is the learning rate, and a rate above .009 fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from fpmg_bench import runner

        self.specs: list[Any] = []
        self.sizes: list[tuple[int, Any]] = []
        monkeypatch.setattr(runner, "compute", self)

    def __call__(self, made: Any, run: Any, jobs: int, tell: Any, elsewhere: Any = None) -> Any:
        from fpmg_bench.runner import Outcome
        from fpmg_bench.store import write_json

        self.sizes.append((jobs, elsewhere))
        for trial in made.trials:
            if trial.id in made.selected:
                self.specs.append(trial.spec)
                lr = trial.spec.generator.params["lr"]
                scores = [{"metric": m, "key": k, "value": lr + 1.0} for m, k in (("tstr", "tstr.gap"), ("rg", "rg"))]
                status = "failed" if lr > 0.009 else "ok"
                result = {"key": trial.key, "status": status, "reason": "diverged", "scores": scores}
                write_json(run.trial(trial.key) / "trial.json", result)
        return Outcome(ExitCode.OK, run.root, {})


def test_trials_live_in_the_development_set_and_the_study_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, registry = FakeRunner(monkeypatch), Registry.discover()
    first = tune(_suite(), registry, out=tmp_path / "t", jobs=1)
    assert len(first.proposals) == 4
    assert {(s.tuning, s.holdout, s.seed) for s in fake.specs} == {(True, 0.3, 3)}
    assert all(2 <= s.encoders["table"].params["dim"] <= 8 for s in fake.specs)
    assert first.best is not None
    assert first.best.params["generator.lr"] == min(p.params["generator.lr"] for p in first.proposals if p.values)
    again = tune(_suite(), registry, out=tmp_path / "t", jobs=1, trials=6)
    assert [p.params for p in again.proposals[:4]] == [p.params for p in first.proposals]
    assert len({p.params["generator.lr"] for p in again.proposals}) == 6
    assert first.journal.is_file()


def test_a_study_in_a_database_goes_on_and_leaves_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRunner(monkeypatch)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    first = tune(_suite(), Registry.discover(), out=tmp_path / "t", jobs=1, study=url)
    again = tune(_suite(), Registry.discover(), out=tmp_path / "t", jobs=1, trials=5, study=url)
    assert len(again.proposals) == 5
    assert [p.params for p in again.proposals[:4]] == [p.params for p in first.proposals]
    assert not first.journal.exists()
    with pytest.raises(StoreError, match="--study nonsense"):
        tune(_suite(), Registry.discover(), out=tmp_path / "t", study="nonsense")


def test_on_a_cluster_as_many_proposals_are_made_at_a_time_as_it_has_slots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, cluster = FakeRunner(monkeypatch), SimpleNamespace(slots=3)
    found = tune(_suite(), Registry.discover(), out=tmp_path / "t", elsewhere=cluster)  # type: ignore[arg-type]
    assert len(found.proposals) == 4
    assert fake.sizes == [(3, cluster), (1, cluster)]


def test_a_proposal_is_measured_on_as_many_seeds_as_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRunner(monkeypatch)
    text = SUITE.format(patients=400, objectives="rg").replace("  trials: 4\n", "  trials: 3\n  seeds: 2\n")
    found = tune(parse_suite(text, Path("s.yaml")), Registry.discover(), out=tmp_path / "t", jobs=1)
    assert len(found.proposals) == 3
    assert [s.seed for s in fake.specs] == [3, 4] * 3
    with pytest.raises(SuiteError, match="3 seeds are asked for, the suite has 2"):
        parse_suite(text.replace("seeds: 2", "seeds: 3"), Path("s.yaml"))


def test_each_silo_is_searched_for_its_own_and_what_is_found_is_written_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, registry = FakeRunner(monkeypatch), Registry.discover()
    text = SUITE.format(patients=400, objectives="rg").replace("space: {{", "space: {")
    text = text.replace("topology: star}", "topology: star, silos: {site-1: {}, site-2: {local_steps: 5}}}").replace(
        "  trials: 4", "  trials: 3"
    )
    own = ", ".join(f"silos.site-{k}.lr: {{float: [1.0e-4, 1.0e-2], log: true}}" for k in (1, 2))
    suite = parse_suite(text.replace("encoders.table.dim: {int: [2, 8]}", own), Path("s.yaml"))
    found = tune(suite, registry, out=tmp_path / "t", jobs=1)
    rates = [(s.silos["site-1"]["lr"], s.silos["site-2"]["lr"]) for s in fake.specs]
    assert len(set(rates)) == 3 and all(a != b for a, b in rates)
    assert all(s.silos["site-2"]["local_steps"] == 5 for s in fake.specs)
    assert found.best is not None
    written = parse_suite(tuned_suite(suite, found.best.params, registry), Path("t.yaml")).methods["child"].silos
    assert written["site-1"]["lr"] == found.best.params["silos.site-1.lr"]
    assert written["site-2"] == {"local_steps": 5, "lr": found.best.params["silos.site-2.lr"]}


def test_a_failed_trial_is_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRunner(monkeypatch)
    suite = parse_suite(SUITE.format(patients=400, objectives="rg").replace("1.0e-4, 1.0e-2", "9.1e-3, 1.0e-2"), Path("s.yaml"))
    found = tune(suite, Registry.discover(), out=tmp_path / "t", jobs=2)
    assert found.best is None
    assert all("diverged" in p.reason and not p.values for p in found.proposals)


def test_small_cohorts_are_never_tuned(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="phantom: 200 patients"):
        tune(_suite(patients=200), Registry.discover(), out=tmp_path / "t")


def test_unknown_objectives_are_refused() -> None:
    suite = _suite(objectives="tstr.gap, rg.nonsense")
    with pytest.raises(SuiteError, match=r"gives rg\.nonsense"):
        objectives_of(suite, suite.tune, Registry.discover())


def test_a_suite_without_a_study_is_refused() -> None:
    text = SUITE.format(patients=400, objectives="rg").partition("tune:")[0]
    with pytest.raises(SuiteError, match="no `tune` section"):
        tune(parse_suite(text), Registry.discover())


def test_objectives_without_direction_measure_the_distance_to_the_best() -> None:
    assert Objective("rg", Scale(1.0, None)).of(0.8) == pytest.approx(0.2)
    assert Objective("gap", Scale(0.0, False)).direction == "minimize"
    assert Objective("auc", Scale(1.0, True)).direction == "maximize"


def test_space_entries_become_distributions() -> None:
    lr = distribution_of("lr", {"float": [1e-4, 1e-2], "log": True})
    assert (lr.low, lr.high, lr.log) == (1e-4, 1e-2, True)  # type: ignore[attr-defined]
    assert distribution_of("n", {"int": [1, 9]}).high == 9  # type: ignore[attr-defined]
    assert distribution_of("c", {"choice": ["a", "b"]}).choices == ("a", "b")  # type: ignore[attr-defined]


def test_the_member_of_the_front_that_is_nearest_to_the_ideal_is_the_best() -> None:
    axes = [Objective("x", Scale(0.0, False)), Objective("y", Scale(1.0, True))]
    done = [
        Proposal(0, {}, {"x": 0.0, "y": 0.0}),
        Proposal(1, {}, {"x": 0.5, "y": 1.0}),
        Proposal(2, {}, {"x": 0.1, "y": 0.9}),  # worse than the best by a tenth of the range in both
        Proposal(3, {}, {"x": 1.0, "y": 0.5}),
    ]
    best = nearest_to_ideal(done[:3], done, axes)
    assert best is not None
    assert best.number == 2
    assert nearest_to_ideal([], [], axes) is None


def test_the_tuned_suite_keeps_comments_and_holdout_and_reads_back() -> None:
    registry = Registry.discover()
    suite = _suite()
    text = tuned_suite(suite, {"generator.lr": 0.002, "encoders.table.dim": 5}, registry)
    assert "# a comment that stays" in text
    read = parse_suite(text, Path("study-tuned.yaml"), registry)
    assert read.name == "study-tuned"
    assert read.methods["child"].generator.params["lr"] == 0.002  # type: ignore[union-attr]
    assert read.methods["child"].encoders["table"].params["dim"] == 5
    assert read.methods["fpmg"] == suite.methods["fpmg"]
    assert read.tune.holdout == suite.tune.holdout


@pytest.mark.parametrize("lines", ['{"op_code": 0}\n', "[]\n", '{"op_code": 99, "worker_id": 3}\n', "{\n{\n"])
def test_a_damaged_journal_is_named(lines: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRunner(monkeypatch)
    (tmp_path / "t.journal").write_text(lines)
    with pytest.raises(StoreError, match=r"t\.journal: no journal"):
        tune(_suite(), Registry.discover(), out=tmp_path / "t", jobs=1)


def test_a_damaged_plan_does_not_end_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRunner(monkeypatch)
    tune(_suite(), Registry.discover(), out=tmp_path / "t", jobs=1)
    (tmp_path / "t" / "plan.json").write_text("{")
    assert len(tune(_suite(), Registry.discover(), out=tmp_path / "t", jobs=1, trials=5).proposals) == 5
