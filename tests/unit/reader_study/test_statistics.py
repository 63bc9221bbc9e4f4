"""Numbers of the score against closed forms, scipy and scikit-learn."""

import math

import numpy as np
import pytest
from scipy.stats import fisher_exact
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from fpmg_bench.errors import StoreError
from fpmg_bench.reader_study import Answer, Case, Key, Reader, score
from fpmg_bench.reader_study.choice import candidates, shares, taken, wanted
from fpmg_bench.reader_study.scoring import _permuted, _row, auroc
from fpmg_bench.stats import clopper_pearson, findable, fisher, kappa, power

# Fleiss (1971), as worked in Fleiss, Levin & Paik (2003) and Wikipedia: 10 subjects, 14 raters, 5 categories; kappa .210
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def test_an_exact_interval_has_the_closed_forms_at_its_ends():
    assert clopper_pearson(0, 20) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert clopper_pearson(20, 20) == (pytest.approx(0.025 ** (1 / 20)), 1.0)
    assert clopper_pearson(8, 20) == pytest.approx((0.1912, 0.6395), abs=5e-5)  # tables of Clopper & Pearson
    assert clopper_pearson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (3, 9), (11, 4), (12, 9), (7, 5)])
def test_fishers_p_is_scipys(a, b):
    assert fisher(a, 12, b, 9) == pytest.approx(fisher_exact([[a, 12 - a], [b, 9 - b]]).pvalue, abs=1e-12)


def test_what_can_be_found_is_found_as_often_as_promised():
    least = findable(20, 20)
    assert least == pytest.approx(0.742, abs=0.002)
    assert power(least, 20, 20) == pytest.approx(0.8, abs=1e-6) and power(0.5, 20, 20) < 0.05
    rng = np.random.default_rng(0)
    hits = [
        fisher_exact([[(a := rng.binomial(20, least)), 20 - a], [(b := rng.binomial(20, 1 - least)), 20 - b]]).pvalue < 0.05
        for _ in range(1500)
    ]
    assert np.mean(hits) == pytest.approx(0.8, abs=0.035)
    assert findable(2, 2) is None


def test_kappa_of_two_is_scikit_learns():
    rng = np.random.default_rng(1)
    one = rng.integers(0, 3, 60)
    two = np.where(rng.random(60) < 0.6, one, rng.integers(0, 3, 60))
    assert kappa(np.stack([one, two])) == pytest.approx(cohen_kappa_score(one, two), abs=1e-12)
    assert math.isnan(kappa(np.zeros((2, 5), np.int64)))


def test_kappa_of_many_is_fleiss_own_example():
    ratings = np.array([np.repeat(range(5), row) for row in FLEISS]).T
    assert kappa(ratings) == pytest.approx(0.210, abs=5e-4)


def test_the_auroc_of_graded_answers_is_scikit_learns():
    rng = np.random.default_rng(2)
    found, among = rng.integers(-2, 6, 30).astype(float), rng.integers(-5, 3, 25).astype(float)
    truth = np.r_[np.ones(30), np.zeros(25)]
    assert auroc(found, among) == pytest.approx(roc_auc_score(truth, np.r_[found, among]), abs=1e-12)


def test_labels_have_the_same_shares_in_every_kind_and_the_scarcest_decides():
    share = shares([(np.array([50, 3, 40]), 20), (np.array([30, 30, 30]), 20)])
    assert share == pytest.approx([0.425, 0.15, 0.425])
    rows, label = np.arange(93), np.repeat([0, 1, 2], [50, 3, 40])
    counts = np.bincount(label[taken(rows, label, share, 20)])
    assert counts.sum() == 20 and counts[1] == 3 and abs(int(counts[0]) - int(counts[2])) <= 1
    with pytest.raises(StoreError, match="there are enough for 14"):
        shares([(np.array([5, 0]), 10), (np.array([14, 9]), 18)])


def test_a_patient_becomes_a_case_once():
    patient = np.array([1, 1, 1, 2, 2, 3])
    rows = candidates(patient, np.array([True, True, False, True, True, False]), np.random.default_rng(0))
    assert sorted(patient[rows]) == [1, 2]


def test_a_kind_with_next_to_no_cases_is_refused():
    assert wanted(40, 0.5, decoded=False) == (20, 20, 0) and wanted(40, 0.4, decoded=True) == (12, 16, 12)
    with pytest.raises(StoreError, match="at least 2 of each"):
        wanted(40, 1.0, decoded=False)


def key_of(kinds):
    cases = [Case(at, kind, "ab"[at % 2], "all", at) for at, kind in enumerate(kinds, 1)]
    return Key("id", "cohort/m/0", 1, ["image"], "finding", ["a", "b"], [], cases)


def reader(name, key, right, sure=4, rng=None):
    """A reader who is right of each kind in this share of cases, the first ones of the kind; sees the label of synthetic ones alone."""
    answers = {}
    for kind in ("real", "synthetic"):
        mine = [case for case in key.cases if case.kind == kind]
        for at, case in enumerate(mine):
            said = kind if at < right * len(mine) else {"real": "synthetic", "synthetic": "real"}[kind]
            answers[case.case] = Answer(said, sure, case.label if kind == "synthetic" else {"a": "b", "b": "a"}[case.label])
    return Reader(name, answers)


KEY = key_of(["real", "synthetic"] * 20)


def test_a_reader_who_tells_them_apart():
    found = score(KEY, [reader("A", KEY, 0.9)])
    (told,) = found.telling
    assert (told.sensitivity.value, told.specificity.value) == (0.9, 0.9)
    assert (told.sensitivity.low, told.sensitivity.high) == pytest.approx(clopper_pearson(18, 20))
    assert told.auroc.value == pytest.approx(0.9) and 0.75 < told.auroc.low < 0.9 < told.auroc.high <= 1
    assert told.p == pytest.approx(fisher_exact([[18, 2], [2, 18]]).pvalue)
    assert told.sentence.startswith("synthetic cases are told from real ones (p = ")
    assert [(seen.kind, seen.right.value) for seen in found.labels] == [("real", 0.0), ("synthetic", 1.0)]


def test_a_reader_who_guesses_is_told_what_would_have_been_found():
    (told,) = score(KEY, [reader("A", KEY, 0.5)]).telling
    assert told.p == pytest.approx(1.0) and told.findable == pytest.approx(findable(20, 20))
    assert (
        told.sentence
        == "synthetic cases cannot be told from real ones at this n (p = 1): would have found a reader who is right in 75 % of both (power 0.8)"
    )


def test_a_reader_who_is_always_wrong_tells_them_apart_the_wrong_way_round():
    (told,) = score(KEY, [reader("A", KEY, 0.0)]).telling
    assert told.auroc.value == 0 and "the wrong way round" in told.sentence


def test_open_answers_are_counted_and_take_no_part():
    one = reader("A", KEY, 0.9)
    answers = {**one.answers, 1: Answer(None, 3, "a"), 2: Answer("synthetic", None, None)}
    del answers[3]
    found = score(KEY, [Reader("A", answers)])
    assert (found.missing[0].verdict, found.missing[0].confidence, found.missing[0].label) == (2, 2, 2)
    assert (found.telling[0].specificity.n, found.telling[0].sensitivity.n, found.telling[0].auroc.n) == (18, 20, 37)
    with pytest.raises(StoreError, match="no case has a verdict"):
        score(KEY, [Reader("A", {})])


def test_readers_together_have_means_a_permutation_and_kappa():
    readers = [reader("A", KEY, 0.9), reader("B", KEY, 0.7), reader("C", KEY, 0.8)]
    found = score(KEY, readers)
    both = found.telling[-1]
    assert both.reader == "all readers" and both.sensitivity.value == pytest.approx(0.8)
    assert both.sensitivity.low < 0.8 < both.sensitivity.high and both.p < 0.01 and both.auroc.value == pytest.approx(0.8)
    ratings = np.array([[r.answers[case.case].verdict == "real" for case in KEY.cases] for r in readers]).astype(int)
    assert [(a.about, a.kind) for a in found.agreement] == [("verdict", "Fleiss"), ("label", "Fleiss")]
    verdict = found.agreement[0].kappa
    assert verdict.value == pytest.approx(kappa(ratings)) and verdict.low < verdict.value < verdict.high
    two = score(KEY, readers[:2]).agreement[0]
    assert two.kind == "Cohen" and two.kappa.value == pytest.approx(cohen_kappa_score(ratings[0], ratings[1]))


def guessing(name, rng):
    verdicts = rng.choice(["real", "synthetic"], len(KEY.cases))
    return Reader(name, {case.case: Answer(str(said), 3) for case, said in zip(KEY.cases, verdicts, strict=True)})


def test_guessing_readers_are_found_no_more_often_than_promised():
    rng, found = np.random.default_rng(5), 0
    for _ in range(30):
        said = np.array([_row(KEY, r, "synthetic") + _row(KEY, r, "real") for r in (guessing("A", rng), guessing("B", rng))])
        found += _permuted(said, 20) < 0.05
    assert found <= 6  # P[binomial(30, .05) > 6] < .001


def test_the_encoders_tell_tale_is_told_from_the_generators():
    key = key_of(["real", "synthetic", "decoded", "synthetic"] * 10)
    answers = {c.case: Answer("real" if c.kind == "real" else "synthetic", 5) for c in key.cases}
    told = {(t.found, t.among): t for t in score(key, [Reader("A", answers)]).telling}
    assert set(told) == {("synthetic", "real"), ("synthetic", "decoded"), ("decoded", "real")}
    assert told["decoded", "real"].auroc.value == 1 and told["decoded", "real"].p < 1e-4
    assert told["synthetic", "decoded"].auroc.value == 0.5 and told["synthetic", "decoded"].p == pytest.approx(1)
