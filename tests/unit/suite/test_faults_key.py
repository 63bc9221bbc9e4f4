import pytest
from suite_toys import HEAD, METHODS

from fpmg_bench.spec import Fault
from fpmg_bench.suite import expand
from fpmg_bench.suite.loading import parse_suite


def with_faults(line):
    return HEAD + METHODS + f"    faults: {line}\n"


def test_faults_are_read_with_their_defaults():
    read = parse_suite(
        with_faults(
            "[{kind: sign-flip}, {kind: crash, silos: [A, B], from: 2, until: 5, stage: both}, {kind: omission, silos: all, p: 0.5}]"
        )
    )
    assert read.methods["base"].faults == (
        Fault("sign-flip", 1),
        Fault("crash", ("A", "B"), 2, 5, "both"),
        Fault("omission", "all", params={"p": 0.5}),
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[{kind: sign-flop}]", "faults.0.kind: unknown 'sign-flop'. Did you mean 'sign-flip'?"),
        ("[{silos: 1}]", "faults.0: 'kind' is missing: one of sign-flip"),
        ("[{kind: sign-flip, scal: 2}]", "unknown key 'scal'. Did you mean 'scale'?"),
        ("[{kind: sign-flip, scale: -1}]", "faults.0.scale: fault 'sign-flip' wants"),
        ("[{kind: omission, p: 1.5}]", "Input should be less than or equal to 1"),
        ("[{kind: crash, silos: 0}]", "faults.0.silos: expected a whole number of at least 1"),
        ("[{kind: crash, silos: all}]", "'crash' of all silos leaves none to measure"),
        ("[{kind: crash, silos: [A, A]}]", "at least one silo, and each once"),
        ("[{kind: crash, silos: some}]", "a number of silos, a list of their names, or all, got 'some'"),
        ("[{kind: crash, from: 5, until: 5}]", "round 5 is not after round 5"),
        ("[{kind: crash, stage: 3}]", "expected 1 (encoders), 2 (the generator) or both"),
        ("[{kind: label-flip, from: 2}]", "unknown key 'from'"),
        ("[{kind: cut-link, silos: [A]}]", "a link has two silos"),
        ("crash", "expected a list"),
    ],
)
def test_what_is_wrong_with_a_fault_is_said_where_it_is_written(problems, line, message):
    (found,) = problems(with_faults(line))
    assert found.startswith("12:") and message in found


def specs(suite, info, registry, **cohort):
    return expand(suite, registry, {"toy": info(**cohort)}, seeds=[0])


def test_a_methods_own_faults_replace_the_suites_and_none_reach_what_has_no_federation(suite, info, registry):
    methods = """\
  own: {extends: base, faults: [{kind: sign-flip}]}
  clean: {extends: base, faults: []}
  pooled: {extends: base, partition: pooled}
  copy: {control: copy}
"""
    made = specs(suite(methods, "faults: [{kind: crash, from: 3}]\n"), info, registry)
    assert {t.method: [f.kind for f in t.faults] for t in made.trials} == {
        "base": ["crash"], "own": ["sign-flip"], "clean": [], "pooled": [], "copy": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("faults", "topology", "reason"),
    [
        ("{kind: crash, silos: [Z]}", "ring", "names silo 'Z', which is not there; one of A, B, C"),
        ("{kind: sign-flip, silos: 4}", "ring", "wants 4 silos, 3 of 3 are left"),
        ("{kind: sign-flip, silos: 3}", "ring", "all 3 silos lie or crash for good"),
        ("{kind: crash, from: 15}", "ring", "begins in round 15, and there are 15; write from: 14 or less"),
        ("{kind: relay-tampering}", "ring", "over 'ring' no silo relays another's model"),
        ("{kind: equivocation}", "star", "left and right cannot differ"),
        ("{kind: cut-link}", "star", "no two silos have a link"),
        ("{kind: omission}", "isolated", "no silo sends anything"),
        ("{kind: omission}", "{name: star, masked: true}", "masks of 'star' cancel only where every message arrives"),
        ("{kind: alie}", "ring", "have no room to hide"),
    ],
)
def test_a_fault_that_could_not_do_anything_is_refused(suite, info, registry, faults, topology, reason):
    made = specs(suite(f"  struck: {{extends: base, topology: {topology}, faults: [{faults}]}}\n"), info, registry)
    (refused,) = [refusal for refusal in made.refusals if "struck" in refusal.id]
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("faults", "topology"),
    [
        ("{kind: relay-tampering}", "{name: ring, relay: true}"),
        ("{kind: equivocation}", "ring"),
        ("{kind: cut-link}", "ring"),
        ("{kind: omission, silos: all}", "star"),
        ("{kind: sign-flip}", "{name: star, masked: true}"),
        ("{kind: alie, z: 1}", "ring"),
    ],
)
def test_a_fault_that_does_something_is_planned(suite, info, registry, faults, topology):
    made = specs(suite(f"  struck: {{extends: base, topology: {topology}, faults: [{faults}]}}\n"), info, registry)
    assert not made.refusals


def test_nothing_is_no_fault():
    assert parse_suite(with_faults("null")).methods["base"].faults == ()
