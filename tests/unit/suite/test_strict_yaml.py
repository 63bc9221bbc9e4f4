"""YAML 1.2 with positions: what is refused, where, and that plain data round-trips."""

from __future__ import annotations

import io

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fpmg_bench.document import Problems
from fpmg_bench.document.reading import read_document, resolve
from fpmg_bench.errors import SuiteError
from fpmg_bench.suite import parse_suite


def read(text: str) -> tuple[object, list[str]]:
    problems = Problems("f")
    try:
        return read_document(text, problems).plain(), problems.lines()
    except SuiteError as error:
        return None, error.message.split("\n")


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3:1", "duplicate key 'a', first on line 1"),
        ("a: {b: 1,\n    b: 2}\n", "f:2:5", "duplicate key 'b'"),
        ("a: !int '3'\n", "f:1:4", "tags are not allowed (!int)"),
        ("a: !!str 3\n", "f:1:4", "tags are not allowed (tag:yaml.org,2002:str)"),
        ("a: &here 3\n", "f:1:4", "anchors are not allowed (&here)"),
        ("a: &here [3]\nb: *here\n", "f:2:4", "aliases are not allowed (*here)"),
        ("a:\n  <<: {b: 1}\n", "f:2:3", "merge keys are not YAML 1.2"),
        ("a: [1, 2\nb: 3\n", "f:2:2", "expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", "f:2:1", "cannot start any token"),
        ("a: .inf\n", "f:1:4", ".inf is not a finite number"),
        ("a: [.nan]\n", "f:1:5", ".nan is not a finite number"),
        ("a: 1e999\n", "f:1:4", "1e999 is not a finite number"),
        ("a: 1\n---\nb: 2\n", "f:2:1", "a second document"),
        ("%YAML 1.1\n---\na: 1\n", "f:2:1", "YAML 1.2"),
        ("? [a, b]\n: 1\n", "f:1:3", "a key must be a word"),
        ("a: 1\nb: \x07\n", "f:2:4", "special characters"),
        ("a: " + "[" * 40 + "]" * 40, "f:1:35", "nested deeper than 32"),
    ],
)  # fmt: skip
def test_what_is_not_plain_yaml_is_refused_at_its_place(text, place, word):
    _, lines = read(text)
    assert any(line.startswith(f"{place}: ") and word in line for line in lines), lines


def test_all_problems_are_found_in_one_pass():
    _, lines = read("a: 1\na: 2\nb: &x 3\nc: !t 4\nd: *x\n")
    assert [line.split(":")[1] for line in lines] == ["2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", "yes"), ("on", "on"), ("010", 10), ("0o10", 8), ("0x1F", 31), ("1e-3", 0.001), ("1_000", "1_000"),
     ("~", None), ("", None), ("True", True), ("FALSE", False), ("+.5", 0.5), ("1.", 1.0), ("-7", -7), ("12:30", "12:30")],
)  # fmt: skip
def test_scalars_follow_the_core_schema(text, value):
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_a_quoted_scalar_is_text():
    assert read("a: '1'\nb: \"true\"\nc: |\n  1\n")[0] == {"a": "1", "b": "true", "c": "1\n"}


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12)
PLAIN = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | WORDS
DATA = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12)


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(WORDS.filter(lambda word: word != "<<"), DATA, max_size=5))
def test_what_ruamel_writes_is_read_back_equal(data):
    text = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.version = None
    yaml.dump(data, text)
    assume(_reads(yaml, text.getvalue()) == data)  # ruamel writes some plain scalars that it cannot read itself, such as ?0
    value, lines = read(text.getvalue())
    if not any("merge keys" in line for line in lines):
        assert lines == []
        assert value == data


def _reads(yaml: YAML, text: str) -> object:
    try:
        return yaml.load(text)
    except YAMLError:
        return None


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from(list("ab:{}[],&*!<|>-? \n'\"#%~0.1")), max_size=40) | st.text(max_size=30))
def test_any_text_gives_a_suite_error_and_nothing_else(text):
    with pytest.raises(SuiteError, match=r"(?m)^suite\.yaml:\d+:\d+: "):
        parse_suite(text)
