"""Files of answers: what is wrong with one is said with its place, and nothing of it is lost in silence."""

import json

import pytest

from fpmg_bench.errors import StoreError
from fpmg_bench.reader_study import Case, Key, read_answers, read_key
from fpmg_bench.reader_study.sheet import FORMAT

KEY = Key(
    "abc",
    "cohort/m/0",
    1,
    ["image"],
    "finding",
    ["effusion", "none"],
    [],
    [Case(n, "real", "none", "held-out", n) for n in (1, 2)],
)


def said(**more):
    return {"format": FORMAT, "version": 1, "study": "abc", "reader": "AB", "answers": [], **more}


def one(**more):
    return said(answers=[{"case": 1, "verdict": "real", "confidence": 3, "label": None, "remark": ""}, {"case": 2, **more}])


def test_a_whole_file_is_read(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(one(verdict="synthetic", confidence=5, label="effusion", remark="too smooth")))
    (reader,) = read_answers([tmp_path / "a.json"], KEY)
    assert reader.name == "AB" and reader.answers[2].remark == "too smooth"
    assert (reader.answers[2].verdict, reader.answers[2].confidence, reader.answers[2].label) == ("synthetic", 5, "effusion")
    assert reader.answers[1].label is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format":\n oops}', r"a\.json:2:2: no JSON"),
        ("[1]", "an object was expected"),
        (said(format="other"), "no answers to a reader study"),
        (said(study="xyz"), "answers another study, not abc"),
        (said(reader=" "), "reader: a name was expected"),
        (said(answers={}), "answers: a list was expected"),
        (said(answers=[3]), r"answers\[0\]: no number of a case"),
        (said(answers=[{"case": True}]), r"answers\[0\]: no number of a case"),
        (said(answers=[{"case": 9}]), r"answers\[0\]: no case 9"),
        (said(answers=[{"case": 1}, {"case": 1}]), r"answers\[1\]: case 1 is answered twice"),
        (one(verdict="sinthetic"), r"answers\[1\] \(case 2\): verdict: 'sinthetic': no such answer. Did you mean 'synthetic'\?"),
        (one(verdict=["real"]), r"answers\[1\] \(case 2\): verdict: \['real'\]: no such answer"),
        (one(confidence=6), r"answers\[1\] \(case 2\): confidence: a whole number from 1 to 5"),
        (one(confidence=True), "confidence: a whole number from 1 to 5"),
        (one(confidence=2.5), "confidence: a whole number from 1 to 5"),
        (one(label="efusion"), "label: 'efusion': no such answer. Did you mean 'effusion'"),
        (one(remark=3), "remark: text was expected"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(StoreError, match=message):
        read_answers([tmp_path / "a.json"], KEY)


def test_two_files_of_one_reader_are_refused(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps(said()))
    with pytest.raises(StoreError, match=r"b\.json: the reader of .*a\.json again"):
        read_answers([tmp_path / "a.json", tmp_path / "b.json"], KEY)
    with pytest.raises(StoreError, match="no such file"):
        read_answers([tmp_path / "c.json"], KEY)


def test_a_key_comes_back_and_a_changed_one_is_refused(tmp_path):
    KEY.write(tmp_path / "key.json")
    assert read_key(tmp_path / "key.json") == Key(**{**{n: getattr(KEY, n) for n in Key.__slots__}, "cases": tuple(KEY.cases)})
    assert (tmp_path / "key.json").stat().st_mode & 0o077 == 0
    text = (tmp_path / "key.json").read_text()
    assert "Readers must not see this file" in text
    (tmp_path / "key.json").write_text(text.replace('"kind": "real"', '"kind": "synthetic"', 1))
    with pytest.raises(StoreError, match="was changed after it was written"):
        read_key(tmp_path / "key.json")
    (tmp_path / "key.json").write_text("{}")
    with pytest.raises(StoreError, match="no 'format'"):
        read_key(tmp_path / "key.json")
