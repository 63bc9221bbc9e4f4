"""Perplexity against the formula written out, and texts that are none."""

import math
from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.metrics.sight import ngrams
from fpmg_plugins.metrics.sight.legibility import Legibility, distinct, repeats

from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import fakes
from fpmg_bench.types import Text

TEXTS = ["no pain", "chest pain", "no chest pain, no fever", "fever", "", "pain"]
CHINESE = ("胸痛三天", "无发热", "咳嗽伴胸痛", "无胸痛", "发热三天", "咳嗽三天", "胸痛伴发热")


def written_out(train, text, order):
    """Witten-Bell with dictionaries: nats of one text."""
    alphabet = set("".join(train))
    size = 1 + len(alphabet) + 1  # the end, the alphabet, all others
    counts = {}
    for each in train:
        line = ["<"] * (order - 1) + list(each) + [">"]
        for i in range(order - 1, len(line)):
            for k in range(order):
                after = counts.setdefault(tuple(line[i - k : i]), {})
                after[line[i]] = after.get(line[i], 0) + 1
    line = ["<"] * (order - 1) + [c if c in alphabet else "other" for c in text] + [">"]
    nats = 0.0
    for i in range(order - 1, len(line)):
        p = 1 / size
        for k in range(order):
            after = counts.get(tuple(line[i - k : i]), {})
            if after:
                total = sum(after.values())
                p = (after.get(line[i], 0) + len(after) * p) / (total + len(after))
        nats -= math.log(p)
    return nats


@pytest.mark.parametrize("order", [2, 3, 6])
def test_surprise_is_the_formula_written_out(order):
    model = ngrams.fit(TEXTS, order)
    asked = ["no pain", "pain, no chest", "???", "zebra", "", "f", "胸痛"]
    nats, symbols = model.surprise(asked)
    assert nats == pytest.approx([written_out(TEXTS, text, order) for text in asked], rel=1e-9)
    assert symbols.tolist() == [len(text) + 1 for text in asked]


def test_chances_of_all_symbols_sum_to_one():
    model = ngrams.fit(TEXTS, 1)
    end = math.exp(-model.surprise([""])[0][0])
    nats, _ = model.surprise([*sorted(set("".join(TEXTS))), "胸"])
    assert np.exp(-nats).sum() / end + end == pytest.approx(1.0, rel=1e-9)


def test_distinct_is_the_expectation_over_draws():
    assert distinct(["a", "a", "b"], 2) == pytest.approx((1 / 3 * 1 + 2 / 3 * 2) / 2)
    assert distinct(["a", "b", "c"], 3) == pytest.approx(1.0)
    assert distinct(["a"] * 5, 5) == pytest.approx(0.2)
    texts = [str(i % 7) for i in range(30)]
    rng = np.random.default_rng(0)
    drawn = np.mean([len(set(rng.permutation(texts)[:10])) / 10 for _ in range(4000)])
    assert distinct(texts, 10) == pytest.approx(drawn, abs=0.01)


def test_a_stuck_text_repeats_itself():
    assert repeats("no pleural effusion is seen") == 0.0
    assert repeats("clear " * 20) == pytest.approx(1 - 6 / (120 - 12 + 1))
    assert repeats("short") == 0.0


def cohort(strings, offset=0):
    made = fakes.cohort(len(strings), 0, ("text",), offset=offset)
    return replace(made, data={"text": Text(tuple(strings))})


def latin(seed, n=120):
    rng = np.random.default_rng(seed)
    parts = ("no effusion", "clear lungs", "chest pain for days", "heart size normal", "patchy opacity at the left base", "fever")
    return [", ".join(rng.permutation(parts)[: rng.integers(1, 4)]) for _ in range(n)]


def chinese(seed, n=120):
    rng = np.random.default_rng(seed)
    return ["，".join(rng.permutation(CHINESE)[: rng.integers(1, 4)]) for _ in range(n)]


def scores(write, release=None, control=None, strength=1.0):
    train, r1, r2 = (cohort(write(i), 1000 * i) for i in range(3))
    made = cohort(release) if release else train
    made = CONTROLS[control](train, None, strength, rng_for(0, "c")) if control else made
    seen = Measured(
        train=train, r1=r1, r2=r2, held_out=r1, third=None, space=EvaluationSpace.fit(train, 0), silo_names=("a",), released={0: made},
    )  # fmt: skip
    return {s.key: s for s in Legibility()(seen, rng_for(0, "m")) if s.scope == "all" and s.modality}


@pytest.mark.parametrize("write", [latin, chinese])
def test_real_texts_are_as_legible_as_real_ones(write):
    found = scores(write)
    assert found["legibility"].low < 1 < found["legibility"].high
    assert found["legibility.alphabet"].value == 0


@pytest.mark.parametrize("write", [latin, chinese])
@pytest.mark.parametrize(("control", "least"), [("question-marks", 10), ("shuffled-words", 1.5)])
def test_legibility_falls_with_the_fault_in_any_script(write, control, least):
    path = [scores(write, control=control, strength=s)["legibility"].value for s in (0.25, 0.5, 1)]
    assert path == sorted(path)
    assert path[0] > scores(write)["legibility"].high
    assert path[-1] > least


def test_shuffled_words_keep_their_characters_and_question_marks_do_not():
    assert scores(latin, control="shuffled-words")["legibility.characters"].value < 0.05
    marks = scores(latin, control="question-marks", strength=0.5)
    assert marks["legibility.characters"].value == pytest.approx(0.44, abs=0.06)
    assert marks["legibility.alphabet"].value == pytest.approx(marks["legibility.characters"].value, abs=0.03)


def test_one_text_for_all_is_too_predictable_and_not_distinct():
    nats, symbols = ngrams.fit(latin(1), 6).surprise(latin(0))
    found = scores(latin, release=[latin(0)[int((nats / symbols).argmin())]] * 120)
    assert found["legibility"].high < 0.95
    assert found["legibility.distinct"].value == pytest.approx(1 / 120)
    assert found["legibility.distinct"].floor > 0.3


@pytest.mark.parametrize("text", ["", " ", "\ud83d", "🙂🙂", "a" * 5000])
def test_odd_texts_have_scores(text):
    found = scores(latin, release=[text] * 40)
    assert all(math.isfinite(score.value) for score in found.values())
