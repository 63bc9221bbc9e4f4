"""Combinations that are undefined are refused while planning, with the reason and the nearest way out."""

from __future__ import annotations

import pytest
from suite_toys import Gan, Isolated, Ring, Star

from fpmg_bench.suite import expand
from fpmg_bench.suite.refusals import fewest_inputs

FIVE = {"A": 200, "B": 200, "C": 200, "D": 200, "E": 200}


@pytest.fixture
def reason(suite, registry, info):
    """reason(method, sites): why the method "tried" is refused on a cohort, or ""."""

    def refused(method: str, sites: dict[str, int] | None = None, **cohort: object) -> str:
        planned = expand(
            suite(f"  tried: {{extends: base, {method}}}\n"), registry, {"toy": info(sites=sites, **cohort)}, "tried and /0"
        )
        return planned.refusals[0].reason if planned.refusals else ""

    return refused


def test_krum_on_a_plain_ring_is_refused_with_the_smallest_ring_that_would_do(reason):
    said = reason("aggregator: krum", FIVE)
    assert said.startswith("aggregator 'krum' needs 5 models, a merge over 'ring' of 5 silos sees 3;")
    assert "write topology: {name: ring, hops: 2}" in said
    assert reason("aggregator: krum, topology: {name: ring, hops: 2}", FIVE) == ""


def test_krum_with_too_few_silos_asks_for_more_of_them(reason):
    assert "use a cohort or partition with 5 silos" in reason("aggregator: krum", {"A": 500, "B": 300, "C": 200})
    assert "use a cohort or partition with 7 silos" in reason("aggregator: {name: krum, f: 2}, topology: star", FIVE)


@pytest.mark.parametrize("topology", ["star", "{name: ring, relay: true}", "isolated"])
def test_krum_is_defined_where_five_models_meet_or_nothing_is_merged(reason, topology):
    assert reason(f"aggregator: krum, topology: {topology}", FIVE) == ""


def test_the_dry_plan_counts_the_models_of_a_merge():
    assert [fewest_inputs(Ring(), n) for n in (2, 3, 4, 9)] == [2, 3, 3, 3]
    assert [fewest_inputs(Ring(hops=2), n) for n in (3, 4, 5, 9)] == [3, 4, 5, 5]
    assert [fewest_inputs(Ring(relay=True), n) for n in (2, 3, 7)] == [2, 3, 7]
    assert [fewest_inputs(Star(), n) for n in (1, 3, 7)] == [1, 3, 7]
    assert fewest_inputs(Isolated(), 5) is None
    assert fewest_inputs(Ring(), 1) is None


def test_natural_without_silos_is_refused(reason):
    assert reason("partition: natural", {}).startswith("toy has no natural silos; write partition: {kind: dirichlet")


def test_a_column_that_no_table_has_is_refused(reason):
    feature = "partition: {kind: feature, strength: 1, silos: 3, by: %s}"
    assert "partition by 'lab': toy has no such column or modality. Did you mean 'labs'?" in reason(feature % "lab")
    assert reason(feature % "labs") == ""


def test_more_modalities_taken_away_than_can_be_are_refused(reason):
    skewed = "partition: {kind: modality, lack: %s, of: {kind: iid, silos: 4}}"
    said = reason(skewed % 0.9)
    assert "modalities of silos away; at most" in said and "write lack: 0" in said
    assert "toy has one modality, which no silo can lack" in reason(skewed % 0.1, modalities={"labs": "table"})


def test_a_modality_skew_is_planned_like_what_it_is_made_of(reason):
    skewed = "partition: {kind: modality, lack: 0, of: {kind: %s}}"
    assert "cannot fill 700 silos" in reason(skewed % "iid, silos: 700")
    assert reason(skewed % "natural", {}).startswith("toy has no natural silos")
    assert "sees 3" in reason("aggregator: krum, " + skewed % "natural", FIVE)


def test_more_silos_than_patients_are_refused(reason):
    assert "600 training patients of toy cannot fill 700 silos" in reason("partition: {kind: iid, silos: 700}")
    dirichlet = "partition: {kind: dirichlet, alpha: 1, silos: 10, min_patients: 61}"
    assert "cannot fill 10 silos of at least 61 patients" in reason(dirichlet)
    assert reason(dirichlet.replace("61", "60")) == ""


def test_a_modality_without_an_encoder_or_with_the_wrong_one_is_refused(reason):
    pictures = {"labs": "table", "xray": "image"}
    assert "no encoder for modality 'xray' (image); write encoders: {image: ...}" in reason("topology: ring", modalities=pictures)
    wrong = reason("encoders: {image: words}", modalities=pictures)
    assert wrong == "encoder 'words' of modality 'xray' takes series, text, not image"


def test_privacy_needs_a_loss_with_a_private_form(reason):
    private = "privacy: {epsilon: 1, delta: 1e-5}"
    assert reason(private) == "generator 'gan' has no private form of loss 'wgan'; under privacy write loss: hinge"
    assert reason(f"{private}, generator: {{name: gan, loss: hinge}}") == ""


def test_an_encoder_that_has_no_private_form_on_a_modality_is_refused(reason):
    private = (
        "generator: {name: gan, loss: hinge}, privacy: {epsilon: 1, delta: 1e-5}, encoders: {text: {name: words, by_word: %s}}"
    )
    said = reason(private % "true")
    assert said == (
        "encoder 'words' of modality 'notes' cannot be trained privately: words are clipped, not patients; write by_word: false"
    )
    assert reason(private % "false") == ""


def test_a_delta_that_allows_publishing_a_patient_is_refused(reason):
    hinge = "generator: {name: gan, loss: hinge}"
    said = reason(f"{hinge}, privacy: {{epsilon: 1, delta: 0.02}}", {"A": 500, "B": 100})
    assert said.startswith("delta 0.02 is not below 1 / 60, the training patients of the smallest silo")
    assert reason(f"{hinge}, privacy: {{epsilon: 1, delta: 0.02}}", {"A": 500, "B": 80}) == ""


def test_all_reasons_are_given_together(reason):
    said = reason("privacy: {epsilon: 1, delta: 0.5}, aggregator: krum", FIVE, modalities={"scan": "image"})
    assert said.count(";") >= 4
    for word in ("no encoder", "krum", "delta 0.5", "private form"):
        assert word in said


def test_a_control_needs_only_silos(suite, registry, info):
    planned = expand(suite("  copy: {control: copy}\n"), registry, {"toy": info(modalities={"scan": "video"})}, "copy")
    assert [trial.role for trial in planned.trials] == ["control", "control"]
    assert planned.refusals == ()


def test_a_control_of_pictures_is_refused_where_there_are_none(suite, registry, info):
    cohort = {"toy": info(modalities={"scan": "video"})}
    planned = expand(
        suite("  grey: {control: grey-noise}\n  marks: {control: question-marks}\n"), registry, cohort, "grey or marks"
    )
    assert {trial.method for trial in planned.trials} == {"grey"}
    assert {refused.reason for refused in planned.refusals} == {"control 'question-marks' spoils text only, and toy has none"}


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("budget: {stop: {loss: 0.1}}", "generator 'gan' has no `objective`, a loss that patients held in could be asked for; write stop: {score"),
        ("budget: {stop: {score: 0.1}}, topology: isolated", "over 'isolated' silos do not hear of each other, and cannot agree when to stop;"),
        ("budget: {stop: {score: 0.1, share: 0.001}}", "a share of 0.001 of 600 training patients is nobody to ask; raise stop.share"),
        ("budget: {stop: {score: 0.1}}, audit: {canaries: 10}", "canaries of an audit are trained on, and a stop by score"),
        ("budget: {stop: {score: 0.1}}, faults: [{kind: crash, silos: 1, from: 1}]", "under faults not all silos are there to be asked"),
        ("budget: {stop: {loss: 0.1}, rounds: 0, encoder_rounds: 0}, topology: isolated", ""),
        ("budget: {stop: {score: 0.1}}, topology: star", ""),
        ("budget: {stop: {score: 0.1}}, topology: isolated, partition: pooled", ""),
    ],
)  # fmt: skip
def test_a_stop_by_patients_held_in_is_refused_where_nobody_can_be_asked(reason, method, said):
    assert reason(method, FIVE).startswith(said) and (said or not reason(method, FIVE))


def test_a_game_has_no_loss_and_a_private_loss_has_a_bound(reason, monkeypatch):
    monkeypatch.setattr(Gan, "objective", lambda self, schema, state: {}, raising=False)
    monkeypatch.setattr(Gan, "adversarial", True, raising=False)
    encoders = "budget: {stop: {loss: 0.1}, encoder_rounds: 0}"
    assert reason(encoders, FIVE).startswith(
        "generator 'gan' plays a game whose loss does not fall as it gets better; write stop: {score"
    )
    monkeypatch.setattr(Gan, "adversarial", False)
    assert reason(encoders, FIVE) == ""
    private = "privacy: {epsilon: 8}, generator: {name: gan, loss: hinge}"
    assert "write stop: {loss: ..., clip: CLIP}" in reason(f"{encoders}, {private}", FIVE)
    assert "encoder 'tables' has no `objective`" in reason("budget: {stop: {loss: 0.1}}", FIVE)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("budget: {adjust: {}, stop: {score: 0.1}}", "a budget is adjusted, or stops, not both"),
        ("budget: {adjust: {}, rounds: 1}", "an adjustment needs a round before it and one after it; raise budget.rounds"),
        ("budget: {adjust: {}}, topology: isolated", "over 'isolated' silos do not hear of each other, and cannot agree on a class"),
        ("budget: {adjust: {share: 0.001}}", "a share of 0.001 of 600 training patients is nobody to ask; raise adjust.share"),
        ("budget: {adjust: {}}, audit: {canaries: 10}", "canaries of an audit are trained on, and an adjustment holds some of them in"),
        ("budget: {adjust: {}}, faults: [{kind: crash, silos: 1, from: 1}]", "under faults not all silos are there to be asked"),
        ("budget: {adjust: {}}, privacy: {epsilon: 8}, generator: {name: gan, loss: hinge}", "rates by class would tell how many patients a class has"),
        ("budget: {adjust: {}}, topology: star", ""),
    ],
)  # fmt: skip
def test_an_adjustment_is_refused_where_nobody_can_be_asked(reason, method, said):
    assert reason(method, FIVE).startswith(said) and (said or not reason(method, FIVE))


def test_modules_that_are_not_merged_need_a_topology_that_relays_them(reason):
    method = "generator: {name: relaying, loss: hinge}, topology: "
    said = reason(method + "ring", FIVE)
    assert said.startswith("generator 'relaying' sends its discriminators without merging them, over 'ring': ")
    assert "use a relay ring, a full graph or a star" in said
    assert reason(method + "{name: ring, relay: true}", FIVE) == reason(method + "star", FIVE) == ""


def test_parameters_that_do_not_fit_together_are_refused(reason):
    assert reason("generator: relaying, topology: star", FIVE) == "generator 'relaying': no logit; write loss: hinge"
