"""What nobody writes by hand is a located error, soon: no recursion, no hour of planning, no terminal full of one name."""

from __future__ import annotations

import pytest
from suite_toys import HEAD, METHODS

from fpmg_bench.document import Problems, read_document
from fpmg_bench.errors import SuiteError
from fpmg_bench.runner import Wire
from fpmg_bench.suite import compile_selection, load_suite, parse_suite
from fpmg_bench.suite.expansion import check_request


def lines(text: str) -> list[str]:
    with pytest.raises(SuiteError) as caught:
        parse_suite(text)
    assert max(map(len, caught.value.message.split("\n"))) < 2500
    return caught.value.message.split("\n")


def with_seeds(seeds: str) -> str:
    return HEAD.replace("seeds: [0, 1]", f"seeds: {seeds}") + METHODS


@pytest.mark.parametrize("value", ["true", "1.0", "2", "'1'", "[1]"])
def test_only_the_number_1_is_version_1(value):
    (line,) = lines(HEAD.replace("version: 1", f"version: {value}") + METHODS)
    assert line.startswith("suite.yaml:1:10: version: expected version 1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"a: {'[' * 10_000}{']' * 10_000}", "suite.yaml:1:35: nested deeper than 32 levels"),
        ("a: " + "{b: " * 10_000, "nested deeper than 32 levels"),
        ("- " * 10_000, "nested deeper than 32 levels"),
        (with_seeds(f"[{', '.join(map(str, range(100_000)))}]"), "larger than 256 KiB"),
        (with_seeds(f"[{', '.join(map(str, range(25_000)))}]"), "more than 20,000 keys and values"),
        (with_seeds(f"[{', '.join(map(str, range(15_000)))}]"), "15,000 seeds x 1 dataset x 1 method = 15,000 trials"),
        (with_seeds(f"[{'7' * 5000}]"), "is beyond 2^53"),
        (with_seeds("[9007199254740993]"), "suite.yaml:3:9: 9007199254740993 is beyond 2^53"),
        (with_seeds("[0x" + "f" * 5000 + "]"), "is beyond 2^53"),
        (f"{'k' * 500}: 1", "key of 500 characters 'kkkkkkkkkkkkkkkkkkkk...'"),
        ("1: 2", "suite.yaml:1:1: key 1 is no text; write it in quotes"),
        ("true: 2", "key true is no text"),
        (": 2", "key without a word is no text"),
        ('name: "a\\0b"', "suite.yaml:1:7: a control character"),
        ('name: "\\ud800"', "suite.yaml:1:7: a control character or half a character"),
        (HEAD + METHODS + "limits: {trial: " + "9" * 5000 + "h}\n", "expected a duration such as"),
        (HEAD + METHODS + "partition: {kind: iid, silos: 1000000000}\n", "at most 10,000, got 1000000000"),
    ],
)  # fmt: skip
def test_what_is_too_much_is_refused_where_it_is_written(text, said):
    assert any(said in line for line in lines(text)), lines(text)


def test_a_sweep_of_a_million_is_refused_before_it_is_expanded():
    values = ", ".join(map(str, range(1, 1001)))
    found = lines(HEAD + METHODS + f"sweep: {{base: {{budget.rounds: [{values}], budget.local_steps: [{values}]}}}}\n")
    assert any("sweep: 1,000,000 combinations up to 'base'; a plan has at most 10,000 trials" in line for line in found)


def test_many_values_that_are_alike_are_compared_in_one_pass():
    values = ", ".join(map(str, range(1, 12_000)))
    found = lines(HEAD + METHODS + f"sweep: {{base: {{budget.rounds: [{values}, 1]}}}}\n")
    assert any("1 appears twice" in line for line in found)


def test_a_line_of_two_thousand_parents_is_one_error():
    methods = "".join(f"  m{at}: {{extends: {f'm{at - 1}' if at else 'base'}}}\n" for at in range(2000))
    found = lines(HEAD + METHODS + methods)
    assert len([line for line in found if "more than 32 methods that extend each other" in line]) == 1


def test_a_circle_of_many_is_an_error(suite):
    methods = "".join(f"  m{at}: {{extends: m{(at + 1) % 50}}}\n" for at in range(50))
    assert lines(HEAD + METHODS + methods)


def test_thirty_parents_are_fine(suite):
    methods = "".join(f"  m{at}: {{extends: {f'm{at - 1}' if at else 'base'}}}\n" for at in range(30))
    assert suite(methods).methods["m29"].generator == suite(methods).methods["base"].generator


def test_a_dotted_path_of_thousands_of_steps_leads_nowhere():
    path = "generator" + ".name" * 5000
    assert lines(HEAD + METHODS + f"sweep: {{base: {{? {path}\n  : [1, 2]}}}}\n")


def test_a_hundred_problems_are_enough():
    assert len(lines("\n".join(f"k{at}: 1" for at in range(5000)))) == 100


@pytest.mark.parametrize(
    ("expression", "said"),
    [("(" * 5000 + "a" + ")" * 5000, "column 33: nested deeper than 32"), ("not " * 5000 + "a", "nested deeper than 32")],
)
def test_a_deep_expression_is_located_and_cut(expression, said):
    with pytest.raises(SuiteError, match=said) as caught:
        compile_selection(expression)
    assert len(caught.value.message) < 500


def test_a_long_expression_is_no_deep_one():
    matches = compile_selection(" or ".join(f"m{at}" for at in range(5000)))
    assert matches("a/m4999/0") and not matches("a/n/0")
    assert compile_selection(" and ".join(["not b"] * 5000))("a")


@pytest.mark.parametrize("seeds", [range(100_000), [2**53 + 1], [int("7" * 4000)], [-1], []])
def test_seeds_of_the_command_line_are_bounded(suite, seeds):
    with pytest.raises(SuiteError) as caught:
        check_request(suite(), None, list(seeds))
    assert len(caught.value.message) < 2500


def test_as_many_seeds_as_a_plan_may_have_are_fine(suite):
    check_request(suite(), None, range(10_000))


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1.0, 0.0, 1e9])
def test_a_deadline_is_a_finite_number_of_seconds(seconds):
    with pytest.raises(SuiteError, match="--deadline"):
        Wire("gloo", seconds)


def test_a_suite_of_a_name_that_no_file_can_have():
    with pytest.raises(SuiteError) as caught:
        load_suite("x" * 5000)
    assert len(caught.value.message) < 500


def test_aliases_cost_nothing():
    levels = "\n".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9) if at else 'x'}]" for at in range(8))
    problems = Problems("f")
    read_document(levels, problems)
    assert "f:1:5: anchors are not allowed (&a0)" in problems.lines()[0]


def test_a_dataset_root_begins_at_the_suite(tmp_path):
    (tmp_path / "my.yaml").write_text(HEAD.replace("{name: toy}", "{name: toy, root: mine}") + METHODS)
    assert load_suite(tmp_path / "my.yaml").datasets[0].choice.params["root"] == str(tmp_path / "mine")
    for written in ("/elsewhere", "~/mine"):
        text = HEAD.replace("{name: toy}", f"{{name: toy, root: {written}}}") + METHODS
        assert parse_suite(text, tmp_path / "my.yaml").datasets[0].choice.params["root"] == written
