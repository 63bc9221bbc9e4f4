"""What enters which key, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from fpmg_bench.keys import digest
from fpmg_bench.spec import Audit, Budget, Choice, Privacy, TrialSpec
from fpmg_bench.store import Planned, Versions, measure_preimage, setting, spec_from_json, stage1_preimage, trial_preimage
from fpmg_bench.store.environment import INERT, core_hash

Make = Callable[..., Planned]
NAMES = [
    "dataset:tiny", "encoder:pca", "generator:gan", "generator:single", "topology:ring", "topology:star", "aggregator:fedavg",
    "metric:rg", "metric:dg",
]  # fmt: skip
VERSIONS = Versions(dict.fromkeys(NAMES, "1.0+abc"), {"tiny": "f0", "renamed": "f0"}, {"core": "c0", "cpu": "x"})


def keys(spec: TrialSpec, versions: Versions = VERSIONS) -> tuple[str | None, str, str]:
    first = stage1_preimage(spec, versions)
    trial = digest(trial_preimage(spec, versions))
    return digest(first) if first else None, trial, digest(measure_preimage(spec, versions, trial))


SAME = {
    "method": {"method": "renamed"},
    "dataset name": {"dataset_name": "renamed"},
    "limit": {"limit_seconds": 1.0},
}
# change -> which of (stage1, trial, measure) differ
CHANGES: Mapping[str, tuple[Mapping[str, Any], tuple[bool, bool, bool]]] = {
    "metrics": ({"metrics": (Choice("rg"), Choice("dg"))}, (False, False, True)),
    "metric parameter": ({"metrics": (Choice("rg", {"draws": 3}),)}, (False, False, True)),
    "generator": ({"generator": Choice("single")}, (False, True, True)),
    "generator parameter": ({"generator": Choice("gan", {"lr": 0.2})}, (False, True, True)),
    "encoder parameter": ({"encoders": {"labs": Choice("pca", {"dim": 3})}}, (True, True, True)),
    "topology": ({"topology": Choice("star")}, (True, True, True)),
    "seed": ({"seed": 1}, (True, True, True)),
    "partition": ({"partition": {"kind": "pooled"}}, (True, True, True)),
    "rounds of stage 2": ({"budget": Budget(rounds=4)}, (False, True, True)),
    "rounds of stage 1": ({"budget": Budget(encoder_rounds=4)}, (True, True, True)),
    "local steps": ({"budget": Budget(local_steps=4)}, (True, True, True)),
    "sampling rate": ({"budget": Budget(sampling_rate=0.4)}, (True, True, True)),
    "steps of stage 1": ({"budget": Budget(encoder_local_steps=4)}, (True, True, True)),
    "rate of stage 1": ({"budget": Budget(encoder_sampling_rate=0.4)}, (True, True, True)),
    "privacy": ({"privacy": Privacy(8.0, 1e-4)}, (True, True, True)),
    "silos": ({"silos": {"A": {"local_steps": 3}}}, (True, True, True)),
    "holdout": ({"holdout": 0.3}, (True, True, True)),
    "canaries": ({"audit": Audit(200)}, (True, True, True)),
    "dataset parameter": ({"dataset": Choice("tiny", {"n": 11})}, (True, True, True)),
}


@pytest.mark.parametrize("what", SAME)
def test_names_and_limits_are_in_no_key(planned: Make, what: str) -> None:
    spec = planned().spec
    assert keys(replace(spec, **SAME[what])) == keys(spec)


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_enters_its_key_and_all_later_ones(planned: Make, what: str) -> None:
    change, expected = CHANGES[what]
    spec = planned().spec
    differ = tuple(a != b for a, b in zip(keys(spec), keys(replace(spec, **change)), strict=True))
    assert differ == expected


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (replace(VERSIONS, components={**VERSIONS.components, "metric:rg": "2"}), (False, False, True)),
        (replace(VERSIONS, components={**VERSIONS.components, "generator:gan": "2"}), (False, True, True)),
        (replace(VERSIONS, components={**VERSIONS.components, "encoder:pca": "2"}), (True, True, True)),
        (replace(VERSIONS, components={**VERSIONS.components, "generator:single": "2"}), (False, False, False)),
        (replace(VERSIONS, fingerprints={"tiny": "f1"}), (True, True, True)),
        (replace(VERSIONS, setting={"core": "c1", "cpu": "x"}), (True, True, True)),
        (replace(VERSIONS, setting={"core": "c0", "cpu": "y"}), (True, True, True)),
    ],
)
def test_versions_enter_where_they_matter(planned: Make, versions: Versions, expected: tuple[bool, ...]) -> None:
    spec = planned().spec
    assert tuple(a != b for a, b in zip(keys(spec), keys(spec, versions), strict=True)) == expected


def test_the_content_of_named_files_enters_all_keys_and_none_changes_nothing(planned: Make) -> None:
    spec = planned().spec
    choice = next(iter(spec.encoders.values()))
    key = digest(["encoder", {"name": choice.name, "params": choice.params}])
    with_file = [keys(spec, replace(VERSIONS, contents={key: content})) for content in ("a", "b")]
    assert all(a != b for a, b in zip(*with_file, strict=True))
    assert keys(spec, replace(VERSIONS, contents={key: ""})) == keys(spec)


def test_how_the_generator_merges_retrains_no_encoder_where_encoders_have_a_rule_of_their_own(planned: Make) -> None:
    versions = replace(VERSIONS, components={**VERSIONS.components, "aggregator:mean": "1"})
    spec = planned().spec
    same, other = (replace(spec, aggregator=Choice(name), encoder_aggregator=Choice("fedavg")) for name in ("fedavg", "mean"))
    assert keys(spec, versions)[0] == keys(same, versions)[0] == keys(other, versions)[0]
    assert keys(same, versions)[1] != keys(other, versions)[1]
    assert keys(replace(spec, encoder_aggregator=Choice("mean")), versions)[0] != keys(spec, versions)[0]
    trial = planned(encoder_aggregator=Choice("fedavg"))
    assert Planned.from_json(trial.to_json()) == trial


def test_under_privacy_noise_depends_on_both_stages_so_stage_1_is_not_shared(planned: Make) -> None:
    private = replace(planned().spec, privacy=Privacy(8.0, 1e-4))
    assert keys(private)[0] != keys(replace(private, generator=Choice("single")))[0]


OWN = Budget(encoder_local_steps=20, encoder_sampling_rate=0.1)


@pytest.mark.parametrize("change", [{"rounds": 99}, {"local_steps": 99}, {"sampling_rate": 0.9}, {"evaluate_every": 3}])
def test_stage_2_varies_over_the_same_encoders_where_stage_1_has_a_budget_of_its_own(
    planned: Make, change: dict[str, Any]
) -> None:
    spec = replace(planned().spec, budget=OWN)
    before, after = keys(spec), keys(replace(spec, budget=replace(OWN, **change)))
    assert before[0] == after[0]
    assert before[1] != after[1]


@pytest.mark.parametrize("change", [{"rounds": 99}, {"local_steps": 99}, {"sampling_rate": 0.9}])
def test_under_privacy_the_budget_of_stage_2_changes_the_noise_of_stage_1(planned: Make, change: dict[str, Any]) -> None:
    private = replace(planned().spec, budget=OWN, privacy=Privacy(8.0, 1e-4))
    assert keys(private)[0] != keys(replace(private, budget=replace(OWN, **change)))[0]


def test_a_budget_of_stage_1_that_says_what_stage_2_has_anyway_changes_no_key(planned: Make) -> None:
    spec = planned().spec
    same = replace(spec.budget, encoder_local_steps=spec.budget.local_steps, encoder_sampling_rate=spec.budget.sampling_rate)
    assert keys(replace(spec, budget=same)) == keys(spec)


def test_preimages_without_a_budget_of_stage_1_are_what_they_were(planned: Make) -> None:
    spec = replace(planned().spec, silos={"A": {"local_steps": 3, "lr": 0.1}}, privacy=Privacy(8.0, 1e-4))
    found, budget = trial_preimage(spec, VERSIONS), spec.budget
    four = {"encoder_rounds": budget.encoder_rounds, "local_steps": budget.local_steps, "sampling_rate": budget.sampling_rate}
    assert found["stage1"]["budget"] == four | {"stop": budget.stop}
    assert found["stage1"]["silos"] == {"A": {"local_steps": 3, "lr": 0.1}}
    assert set(found["stage1"]["calibrated_with"]) == {"generator", "rounds"}
    assert found["budget"] == four | {"rounds": budget.rounds, "stop": budget.stop, "evaluate_every": budget.evaluate_every}
    assert "silos" not in found


def test_one_silo_can_vary_its_stage_2_over_the_same_encoders(planned: Make) -> None:
    def of(steps: int, privacy: Privacy | None = None) -> tuple[str | None, str, str]:
        silos = {"A": {"local_steps": steps, "encoder": {"local_steps": 3}}}
        return keys(replace(planned().spec, silos=silos, privacy=privacy))

    assert of(3)[0] == of(5)[0] == keys(replace(planned().spec, silos={"A": {"local_steps": 3}}))[0]
    assert of(3)[1] != of(5)[1]
    assert of(3, Privacy(8.0, 1e-4))[0] != of(5, Privacy(8.0, 1e-4))[0]


def test_without_an_audit_keys_are_what_they_were_and_a_fault_has_its_own(planned: Make) -> None:
    spec = planned().spec
    assert "audit" not in trial_preimage(spec, VERSIONS)["stage1"]
    audits = [replace(spec, audit=Audit(200, fault)) for fault in ("none", "no-noise")]
    assert keys(audits[0])[1] != keys(audits[1])[1]


def test_the_order_of_metrics_is_no_difference(planned: Make) -> None:
    spec = replace(planned().spec, metrics=(Choice("rg"), Choice("dg")))
    assert keys(spec) == keys(replace(spec, metrics=(Choice("dg"), Choice("rg"))))


def test_a_control_behind_encoders_shares_their_stage_1_and_its_strength_counts(planned: Make) -> None:
    method = planned().spec
    one, two = (replace(method, generator=None, control=Choice("copy", {"strength": s})) for s in (0.5, 1.0))
    assert keys(one)[0] == keys(two)[0] == keys(method)[0] is not None
    assert len({keys(each)[1] for each in (one, two, method, replace(method, generator=None))}) == 4


def test_a_control_has_no_stage_1_and_its_strength_counts(planned: Make) -> None:
    nothing = {"encoders": {}, "generator": None, "topology": None, "aggregator": None}
    control = replace(planned().spec, control=Choice("copy", {"strength": 1.0}), **nothing)
    stage1, trial, _ = keys(control)
    assert stage1 is None
    assert trial != keys(replace(control, control=Choice("copy", {"strength": 0.5})))[1]


def test_a_planned_trial_survives_json(planned: Make) -> None:
    trial = planned(
        privacy=Privacy(float("inf"), 1e-5),
        control=None,
        audit=Audit(20, "uncharged"),
        silos={"A": {"lr": 0.1}},
        budget=Budget(stop={"consensus": 1e-3}),
    )
    assert Planned.from_json(trial.to_json()) == trial
    assert spec_from_json(trial.to_json()["spec"]) == trial.spec


def test_the_setting_names_libraries_cpu_threads_and_device() -> None:
    found = setting()
    assert {"torch", "numpy", "opacus", "pandas", "scikit-learn", "transformers"} <= set(found["libraries"])
    assert found["threads"] == 1
    assert found["device"] == "cpu"
    assert found["cpu"]
    assert found["core"] == core_hash()


def test_modules_that_can_change_a_number_are_not_exempt() -> None:
    assert not INERT & {"types", "keys", "partition", "privacy", "transport", "federation", "evaluation", "controls", "trial"}


def test_audits_share_a_cohort_only_where_their_canaries_are_the_same(planned: Make) -> None:
    """Their fault is no matter of who is there; how many canaries there are and how they were chosen is."""
    some, faulty, most, more = (
        replace(planned().spec, audit=audit)
        for audit in (Audit(20), Audit(20, "no-noise"), Audit(20, chosen="influence"), Audit(40))
    )
    assert some.scene == faulty.scene
    assert len({repr(spec.scene) for spec in (some, most, more)}) == 3


@pytest.mark.parametrize("privacy", [None, Privacy(8.0, 1e-4)])
def test_an_adjustment_of_defaults_has_a_key_of_its_own(planned: Make, privacy: Privacy | None) -> None:
    spec = replace(planned().spec, privacy=privacy)
    plain, adjusted = spec, replace(spec, budget=replace(spec.budget, adjust={}))
    assert trial_preimage(plain, VERSIONS) != trial_preimage(adjusted, VERSIONS)
    same = trial_preimage(plain, VERSIONS)["stage1"] == trial_preimage(adjusted, VERSIONS)["stage1"]
    assert same == (privacy is None)  # whose noise the checks' charges change
