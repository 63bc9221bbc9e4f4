"""-k: pytest's expressions over dataset/method/seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpmg_bench.errors import SuiteError
from fpmg_bench.suite import compile_selection

IDS = ["iu-cxr/fpmg/0", "iu-cxr/fpmg-dp[epsilon=1]/0", "phantom/fedavg/1", "phantom/fpmg/1"]


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("", [0, 1, 2, 3]),
        ("FPMG", [0, 1, 3]),
        ("fpmg and phantom", [3]),
        ("fpmg and not iu-cxr or fedavg", [2, 3]),
        ("fpmg and not (iu-cxr or fedavg)", [3]),
        ("not not phantom", [2, 3]),
        ("fpmg/", [0, 3]),
        ("[epsilon=1]", [1]),
        ("/1", [2, 3]),
        ("(phantom)and(fpmg)", [3]),
        ("not phantom and fedavg or /0", [0, 1]),
    ],
)
def test_an_expression_selects(expression, chosen):
    matches = compile_selection(expression)
    assert [index for index, id in enumerate(IDS) if matches(id)] == chosen


@pytest.mark.parametrize(
    ("expression", "column"), [("and fpmg", 1), ("fpmg and", 9), ("(fpmg", 6), ("fpmg)", 5), ("a b", 3), ("not", 4), ("()", 2)]
)
def test_a_broken_expression_names_the_column(expression, column):
    with pytest.raises(SuiteError, match=f"column {column}: unexpected"):
        compile_selection(expression)


WORDS = st.sampled_from(["fpmg", "iu", "phantom", "0", "1", "dp"])
TREES = st.recursive(
    WORDS.map(lambda word: (word, lambda id: word in id)),
    lambda inner: st.one_of(
        inner.map(lambda a: (f"not ({a[0]})", lambda id: not a[1](id))),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}) and ({p[1][0]})", lambda id: p[0][1](id) and p[1][1](id))),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}) or ({p[1][0]})", lambda id: p[0][1](id) or p[1][1](id))),
    ),
    max_leaves=6,
)


@given(TREES)
def test_any_expression_means_what_it_says(tree):
    text, meaning = tree
    assert [compile_selection(text)(id) for id in IDS] == [meaning(id) for id in IDS]


@given(st.text(st.sampled_from("ab ()") | st.sampled_from(["and ", "or ", "not "]).map(lambda w: w[0]), max_size=20))
def test_any_text_is_an_expression_or_a_located_error(text):
    try:
        compile_selection(text)("ab")
    except SuiteError as error:
        assert "column" in error.message  # noqa: PT017 - either outcome is right
