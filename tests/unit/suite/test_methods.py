"""What a method is after `extends` and `sweep`."""

from __future__ import annotations

import pytest
from suite_toys import HEAD, METHODS

from fpmg_bench.errors import ExitCode, SuiteError
from fpmg_bench.spec import Audit, Choice, Privacy, Stop
from fpmg_bench.suite import parse_suite, with_values


def test_extends_replaces_whole_keys_and_merges_encoders_and_silos(suite):
    methods = suite(
        "    silos: {A: {local_steps: 3, lr: 0.2}, B: {local_steps: 4}}\n"
        "    privacy: {epsilon: 3, delta: 1e-5, clip: 0.5}\n"
        "  next:\n"
        "    extends: base\n"
        "    encoders: {text: tables, labs: {name: tables, dim: 8}}\n"
        "    topology: {name: ring, hops: 2}\n"
        "    silos: {A: {local_steps: 5}}\n"
        "    privacy: {epsilon: 1, delta: 1e-6}\n"
        "  last: {extends: next, topology: ring}\n"
    ).methods
    assert methods["next"].encoders == {"table": Choice("tables"), "text": Choice("tables"), "labs": Choice("tables", {"dim": 8})}
    assert methods["next"].silos == {"A": {"local_steps": 5}, "B": {"local_steps": 4}}
    assert methods["next"].privacy == Privacy(1.0, 1e-6)
    assert methods["last"].topology == Choice("ring")
    assert methods["last"].encoders == methods["next"].encoders
    assert methods["base"].encoders == {"table": Choice("tables"), "text": Choice("words")}


def test_privacy_null_takes_inherited_privacy_away(suite):
    methods = suite("    privacy: {epsilon: 3, delta: 1e-5}\n  open: {extends: base, privacy: null}\n").methods
    assert methods["base"].privacy is not None
    assert methods["open"].privacy is None


def test_an_audit_is_inherited_replaced_and_taken_away_and_a_control_may_have_one(suite):
    methods = suite(
        "    privacy: {epsilon: 1, delta: 1e-5}\n    audit: {canaries: 200}\n"
        "  faulty: {extends: base, audit: {canaries: 50, sabotage: no-noise}}\n"
        "  plain: {extends: base, audit: null}\n"
        "  copy: {control: copy, audit: {canaries: 20}}\n"
    ).methods
    assert [methods[name].audit for name in ("base", "faulty", "plain", "copy")] == [
        Audit(200), Audit(50, "no-noise"), None, Audit(20),
    ]  # fmt: skip


def test_a_method_has_its_own_budget_beside_the_suites_and_may_be_swept_over_it(suite):
    methods = suite(
        "    budget: {local_steps: 5, sampling_rate: 0.3}\n  slow: {extends: base, budget: {rounds: 50}}\n",
        "sweep: {base: {budget.local_steps: [1, 60]}}\n",
    ).methods
    assert methods["base[local_steps=60]"].budget == {"local_steps": 60, "sampling_rate": 0.3}
    assert methods["slow"].budget == {"rounds": 50}


def test_stage_1_may_have_a_budget_of_its_own_and_so_may_a_silo(suite):
    read = suite(
        "    budget: {encoder: {local_steps: 5, sampling_rate: 0.3}}\n    silos: {A: {local_steps: 3, encoder: {local_steps: 6}}}\n",
        "sweep: {base: {budget.encoder.local_steps: [1, 60]}}\nbudget: {encoder: {rounds: 4}}\n",
    )
    assert read.budget.encoder_rounds == 4
    assert read.methods["base[local_steps=60]"].budget == {"encoder_local_steps": 60, "encoder_sampling_rate": 0.3}
    assert read.methods["base[local_steps=60]"].silos == {"A": {"local_steps": 3, "encoder": {"local_steps": 6}}}


def test_privacy_may_draw_classes_evenly_and_share_epsilon_out(suite):
    methods = suite("    privacy: {epsilon: 3, delta: 1e-5, balanced: true, statistics: 0.2, public_sizes: true}\n").methods
    assert methods["base"].privacy == Privacy(3.0, 1e-5, balanced=True, statistics=0.2, public_sizes=True)


def test_a_silos_epsilon_needs_a_private_method(suite, problems):
    silos = "    silos: {A: {epsilon: 2}}\n"
    assert suite("    privacy: {epsilon: 3, delta: 1e-5}\n" + silos).methods["base"].silos == {"A": {"epsilon": 2.0}}
    (line,) = problems(HEAD + METHODS + silos)
    assert "a silo's budget needs `privacy: {epsilon, delta}` in the method" in line


def test_a_child_may_be_written_before_its_parent(suite):
    assert suite("  child: {extends: later}\n  later: {extends: base, topology: star}\n").methods["child"].topology == Choice(
        "star"
    )


def test_a_control_has_a_strength_and_no_components(suite):
    control = suite("  copy: {control: copy, strength: 0.5}\n  more: {extends: copy, strength: 1}\n").methods
    assert control["copy"].control == Choice("copy", {"strength": 0.5})
    assert control["more"].control == Choice("copy", {"strength": 1.0})
    assert control["copy"].generator is None


def test_a_control_may_pass_through_the_encoders_of_a_method(suite):
    found = suite("  planted: {extends: base, generator: null, control: oracle, strength: 1}\n").methods
    planted, base = found["planted"], found["base"]
    assert planted.control == Choice("oracle", {"strength": 1.0}) and planted.generator is None
    assert (planted.encoders, planted.topology, planted.aggregator) == (base.encoders, base.topology, base.aggregator)
    assert planted.budget == base.budget and planted.silos == base.silos


def test_a_sweep_replaces_the_method_by_its_product_and_leaves_its_heirs(suite):
    more = "sweep: {dp: {privacy.epsilon: [1, 8], topology: [ring, star]}, base: {topology.hops: [1, 2]}}\n"
    methods = suite("  dp: {extends: base, privacy: {epsilon: 3, delta: 1e-5}}\n  heir: {extends: dp}\n", more).methods
    assert list(methods) == [
        "base[hops=1]",
        "base[hops=2]",
        "dp[epsilon=1,topology=ring]",
        "dp[epsilon=1,topology=star]",
        "dp[epsilon=8,topology=ring]",
        "dp[epsilon=8,topology=star]",
        "heir",
    ]
    assert methods["dp[epsilon=8,topology=star]"].privacy == Privacy(8.0, 1e-5)
    assert methods["dp[epsilon=8,topology=star]"].topology == Choice("star")
    assert methods["base[hops=2]"].topology == Choice("ring", {"hops": 2})
    assert methods["heir"].privacy == Privacy(3.0, 1e-5)
    assert methods["heir"].topology == Choice("ring")


def test_swept_paths_that_end_alike_keep_their_whole_names(suite):
    methods = suite(more="sweep: {base: {generator.lr: [0.1], encoders.table.lr: [0.2]}}\n").methods
    assert list(methods) == ["base[generator.lr=0.1,encoders.table.lr=0.2]"]
    (method,) = methods.values()
    assert method.encoders["table"] == Choice("tables", {"lr": 0.2})


def test_controls_and_partitions_can_be_swept(suite):
    more = "sweep: {copy: {strength: [0.5, 1.0]}, base: {partition.alpha: [0.1, true]}}\npartition: natural\n"
    with pytest.raises(SuiteError, match="expected a number above 0, got true"):
        suite("    partition: {kind: dirichlet, silos: 3, alpha: 1}\n  copy: {control: copy}\n", more)
    methods = suite(
        "    partition: {kind: dirichlet, silos: 3, alpha: 1}\n  copy: {control: copy}\n", more.replace("true", "9")
    ).methods
    assert list(methods) == ["base[alpha=0.1]", "base[alpha=9]", "copy[strength=0.5]", "copy[strength=1.0]"]
    assert methods["base[alpha=9]"].partition == {"kind": "dirichlet", "silos": 3, "alpha": 9.0}


def test_a_study_varies_one_method_and_is_checked(suite, registry):
    tuned = suite(more="tune: {method: base, objectives: [rg], space: {generator.lr: {float: [0.1, 1]}}}\n")
    varied = with_values(tuned, "base", {"generator.lr": 0.3, "topology.hops": 2}, registry)
    assert list(varied.methods) == ["base"]
    assert varied.methods["base"].generator == Choice("gan", {"lr": 0.3})
    assert varied.methods["base"].topology == Choice("ring", {"hops": 2})
    assert tuned.methods["base"].generator == Choice("gan")
    with pytest.raises(SuiteError, match=r"suite\.yaml:12:47: .*wants float for 'lr', got 'x'"):
        with_values(tuned, "base", {"generator.lr": "x"}, registry)
    with pytest.raises(SuiteError, match="a method has no 'generatr'"):
        with_values(tuned, "base", {"generatr.lr": 1}, registry)


def test_sections_have_defaults_and_are_read(suite):
    plain = suite()
    assert (plain.name, plain.partition, plain.limits.trial, plain.limits.on_error, plain.frames) == (
        "small", {"kind": "natural"}, 600.0, "continue", False,
    )  # fmt: skip
    full = suite(more="limits: {trial: 1.5h, on_error: stop}\nframes: true\nbudget: {rounds: 3, stop: {consensus: 1e-3}}\n")
    assert (full.limits.trial, full.limits.on_error, full.frames) == (5400.0, "stop", True)
    assert (full.budget.rounds, full.budget.local_steps, full.budget.stop) == (3, 20, {"consensus": 1e-3})
    asked = suite(more="budget: {stop: {loss: 0.01, every: 2, clip: 4}}\n").budget
    assert Stop.of(asked.stop) == Stop("loss", 0.01, patience=3, every=2, share=0.1, clip=4.0)
    assert asked.stage1["stop"] == asked.stop
    assert suite(more="budget: {stop: {score: 0.01}}\n").budget.stage1["stop"] is None  # which leaves encoders alone


def test_the_exit_code_tells_a_missing_plugin_from_a_wrong_suite(suite, registry):
    with pytest.raises(SuiteError) as missing:
        suite("  other: {extends: base, aggregator: from-elsewhere}\n", registry=registry)
    assert missing.value.exit_code == ExitCode.PLUGIN
    with pytest.raises(SuiteError) as wrong:
        suite("  other: {extends: base, aggregator: from-elsewhere, foo: 1}\n", registry=registry)
    assert wrong.value.exit_code == ExitCode.USAGE


def test_a_parameter_called_name_or_a_list_cannot_hide():
    text = "version: 1\nseeds: [0]\ndatasets: [{name: [a]}]\nmetrics: [rg]\nmethods: {c: {control: copy}}\n"
    with pytest.raises(SuiteError, match=r"3:19: datasets\.0\.name: expected a word, got a list"):
        parse_suite(text)


def test_generator_null_ends_the_method_after_stage_1_and_is_inherited(suite):
    methods = suite(
        "  stage1: {extends: base, generator: null}\n  dp: {extends: stage1, privacy: {epsilon: 8, delta: 1e-4}}\n"
    ).methods
    assert methods["stage1"].generator is None is methods["dp"].generator
    assert methods["base"].generator == Choice("gan")


def test_only_the_generator_may_be_null(suite):
    with pytest.raises(SuiteError, match="topology"):
        suite("  odd: {extends: base, topology: null}\n")
