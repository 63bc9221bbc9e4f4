"""`external:` in a suite: what is read, what is refused with its place, and what the keys hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from suite_toys import HEAD, METHODS

from fpmg_bench.external.command import content, named, unready, words
from fpmg_bench.spec import Choice, External
from fpmg_bench.store import Planned, external_of, spec_from_json, trial_preimage
from fpmg_bench.store.preimages import Versions
from fpmg_bench.suite import expand

RUN = '{command: ["{python}", "-c", pass, "{train}", "{out}"]}'


def test_a_command_with_its_silos_pooled_or_each_alone(suite):
    methods = suite(
        f"  theirs: {{external: {RUN}, partition: pooled}}\n"
        "  apart: {extends: theirs, partition: natural, topology: isolated, audit: {canaries: 20}}\n"
        '  there: {external: {release: "made/{dataset}/{seed}/{silo}"}, topology: {name: isolated}}\n'
        '  env: {external: {command: [Rscript, synth.R, "{train}", "{out}", 3], env: {N: 5}, limit: 90s}, partition: pooled}\n'
    ).methods
    assert methods["theirs"].external == External(command=("{python}", "-c", "pass", "{train}", "{out}"))
    assert methods["theirs"].topology is None and methods["apart"].topology == Choice("isolated")
    assert methods["apart"].audit is not None and methods["apart"].audit.canaries == 20
    assert methods["there"].external == External(release="made/{dataset}/{seed}/{silo}")
    assert (methods["env"].external.command[-1], methods["env"].external.env, methods["env"].external.limit_seconds) == (
        "3",
        {"N": "5"},
        90,
    )


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (f"{{external: {RUN}}}", "write partition: pooled (one generator of all patients) or topology: isolated"),
        (f"{{external: {RUN}, topology: ring}}", "shares nothing; write topology: isolated"),
        (f"{{external: {RUN}, partition: pooled, generator: gan}}", "has no 'generator' here"),
        (f"{{external: {RUN}, partition: pooled, privacy: {{epsilon: 1}}}}", "has no 'privacy' here"),
        ("{external: {}, partition: pooled}", "one of command, peer and release"),
        ("{external: {command: []}, partition: pooled}", "at least one word"),
        ('{external: {command: [R, "{out}"]}, partition: pooled}', "the command needs {train}"),
        ('{external: {command: ["{python}", gone.py, "{train}", "{out}"]}, partition: pooled}', "no file 'gone.py'"),
        (f"{{external: {RUN[:-1]}, files: [weights.bin]}}, partition: pooled}}", "no file 'weights.bin'"),
        ("{external: {peer: arfpyy}, partition: pooled}", "unknown recipe 'arfpyy'. Did you mean 'arfpy'?"),
        ("{external: {release: a, limit: 3s}, partition: pooled}", "a release is there already; remove 'limit'"),
        ("{external: {release: a}, topology: isolated}", "needs {silo}"),
        (f"{{external: {RUN[:-1]}, limit: soon}}, partition: pooled}}", "a duration such as 90s"),
        (f"{{external: {RUN[:-1]}, pear: x}}, partition: pooled}}", "unknown key 'pear'. Did you mean 'peer'?"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(problems, method, words):
    found = problems(HEAD + METHODS + f"  theirs: {method}\n")
    assert len(found) == 1 and found[0].startswith("12:") and words in found[0], found


@pytest.fixture
def planned(suite, registry, info):
    """planned(method, kind of its modality): the plan of it alone, on a cohort of two silos."""

    def plan(method, kind="table"):
        toy = info("toy", {"A": 50, "B": 50}, {"labs": kind}, 100)
        return expand(suite(f"  theirs: {method}\n"), registry, {"toy": toy}, only="theirs", seeds=[0])

    return plan


def test_its_limit_is_added_to_the_trials_and_its_role_is_its_own(planned):
    (spec,) = planned(f"{{external: {RUN[:-1]}, limit: 1h}}, topology: isolated}}").trials
    assert spec.limit_seconds == 600 + 2 * 3600
    assert (spec.role, spec.trains, spec.device) == ("external", False, "cpu")
    assert spec_from_json(Planned("i", "k", None, "m", spec).to_json()["spec"]) == spec


def test_what_is_not_on_this_machine_is_refused_with_the_way_out(planned, monkeypatch, tmp_path):
    monkeypatch.setenv("FPMG_PEERS", str(tmp_path))
    (refused,) = planned("{external: {peer: arfpy}, partition: pooled}").refusals
    assert "fpmg-bench peers install arfpy" in refused.reason
    (refused,) = planned('{external: {command: [no-such-program, "{train}", "{out}"]}, partition: pooled}').refusals
    assert "no program 'no-such-program'" in refused.reason
    (refused,) = planned('{external: {release: "gone/{seed}"}, partition: pooled}').refusals
    assert "no release in" in refused.reason and "gone/0" in refused.reason
    (refused,) = planned("{external: {peer: arfpy}, partition: pooled}", "image").refusals
    assert "makes tables, and toy has image" in refused.reason


@pytest.fixture
def script(tmp_path):
    (tmp_path / "synth.py").write_text("pass")
    (tmp_path / "more.txt").write_text("1")
    words = ("{python}", "synth.py", "--n={n}", "{train}", "{out}")
    return External(command=words, files=("more.txt",), folder=str(tmp_path))


def test_the_words_of_a_command_are_filled_in_and_its_files_named_in_full(script, tmp_path):
    filled = words(script, {"train": "/t", "out": "/o", "seed": "3", "n": "7"})
    assert filled[1:] == [str(tmp_path / "synth.py"), "--n=7", "/t", "/o"]
    assert set(named(script)) == {"synth.py", "more.txt"} and unready(script) == ""


def test_the_key_holds_the_command_and_what_its_files_hold(planned, script, tmp_path):
    (spec,) = planned(f"{{external: {RUN}, partition: pooled}}").trials

    def key(external):
        one = replace(spec, external=external)
        contents = {external_of(one): content(external, "toy", 0)}
        return repr(
            trial_preimage(one, Versions({"dataset:toy": "1", "topology:isolated": "1"}, {"toy": "fingerprint"}, {}, contents))
        )

    first = key(script)
    assert key(replace(script, limit_seconds=9.0)) == first
    others = [replace(script, env={"A": "1"}), replace(script, command=(*script.command, "x"))]
    (tmp_path / "synth.py").write_text("pass  # other")
    others_now = [key(each) for each in others]
    (tmp_path / "more.txt").write_text("2")
    assert len({first, *others_now, key(script)}) == 4
    assert str(tmp_path) not in first  # where the suite lies is nobody's business


def test_of_a_release_the_contents_alone_count_not_where_it_lies(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder / "toy" / "0").mkdir(parents=True)
        (tmp_path / folder / "toy" / "0" / "manifest.csv").write_text("x\n1\n")
    here = External(release="{dataset}/{seed}", folder=str(tmp_path / "a"))
    assert content(here, "toy", 0) == content(replace(here, folder=str(tmp_path / "b")), "toy", 0) != ""
    assert content(here, "toy", 1) == ""
    (tmp_path / "b" / "toy" / "0" / "manifest.csv").write_text("x\n2\n")
    assert content(here, "toy", 0) != content(replace(here, folder=str(tmp_path / "b")), "toy", 0)
