"""Whole or absent: JSON, folders, rounds."""

from __future__ import annotations

import errno
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from fpmg_bench.store import Damaged, plain, read_json, read_rounds, write_bytes, write_json
from fpmg_bench.store.atomic import sweep, whole_folder
from fpmg_bench.store.rounds import RoundLog
from fpmg_bench.store.shapes import RESULT


def test_json_is_strict_and_numbers_of_libraries_become_plain() -> None:
    value = {
        1: np.float64(0.5),
        "t": torch.tensor([1, 2]),
        "nan": math.nan,
        "inf": math.inf,
        "low": -math.inf,
        "flag": np.bool_(True),
    }
    assert plain(value) == {"1": 0.5, "t": [1, 2], "nan": None, "inf": "inf", "low": "-inf", "flag": True}
    json.dumps(plain(value), allow_nan=False)


def test_json_refuses_what_it_cannot_say() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        plain({"x": object()})


def test_a_write_that_dies_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a" / "trial.json"
    write_json(target, {"status": "ok"})

    def die(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr("os.fsync", die)
    with pytest.raises(OSError, match="power cut"):
        write_bytes(target, b"half")
    assert read_json(target) == {"status": "ok"}
    sweep(target.parent)
    assert [file.name for file in target.parent.iterdir()] == ["trial.json"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ('{"status": "o', "is cut, or no JSON"),
        ("[1, 2]", "the whole: an object was expected"),
        ("\x00\x00", "is cut, or no JSON"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is cut, or no JSON"),
        ('{"key": "k"}', "the whole: no 'status'"),
        ('{"key": "k", "status": "ok", "scores": [{"metric": "rg", "value": "high"}]}', "scores.0.value: a number was expected"),
    ],
)
def test_torn_or_foreign_json_is_damage_that_says_why(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "trial.json").write_text(text)
    found = read_json(tmp_path / "trial.json", RESULT)
    assert isinstance(found, Damaged)
    assert str(found) == f"trial.json: {why}"
    assert not found


def test_a_file_that_is_not_there_is_no_damage_and_a_folder_is(tmp_path: Path) -> None:
    assert read_json(tmp_path / "none.json") is None
    assert read_json(tmp_path / "no" / "none.json") is None
    assert str(read_json(tmp_path)) == f"{tmp_path.name}: is no file"


def test_any_flipped_bit_of_a_written_file_is_found(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, "inf"], "name": "größe"}
    path = tmp_path / "trial.json"
    write_json(path, value)
    assert json.loads(path.read_bytes())["name"] == "größe"
    assert read_json(path) == value
    whole = path.read_bytes()
    wrong = []
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        found = read_json(path)
        if found and {name: found.get(name) for name in value} != value:
            wrong.append(bit)
    assert wrong == []


def test_an_empty_object_survives(tmp_path: Path) -> None:
    write_json(tmp_path / "key.json", {})
    assert read_json(tmp_path / "key.json") == {}


def test_a_full_disk_names_the_file_and_leaves_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left") as raised:
        write_json(tmp_path / "plan.json", {"suite": "s"})
    assert raised.value.filename == str(tmp_path / "plan.json")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_appears_whole_and_the_first_writer_wins(tmp_path: Path) -> None:
    target = tmp_path / "stage1" / "k"
    with whole_folder(target) as first:
        (first / "state").write_text("first")
        assert not target.exists()
        with whole_folder(tmp_path / "stage1" / "other") as second:
            (second / "state").write_text("second")
    with whole_folder(target) as late:
        (late / "state").write_text("late")
    assert (target / "state").read_text() == "first"
    assert sorted(path.name for path in target.parent.iterdir()) == ["k", "other"]


def test_a_folder_whose_writer_fails_never_appears(tmp_path: Path) -> None:
    def fill() -> None:
        with whole_folder(tmp_path / "k") as beside:
            (beside / "state").write_text("half")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_torn_last_round_is_dropped_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "rounds.jsonl"
    lines = [{"stage": "stage2", "round": r, "loss": 0.1 * r} for r in range(3)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"stage": "stage2", "rou')
    assert read_rounds(path) == lines
    log = RoundLog.open(path, keep=2)
    assert log.records == lines[:2]
    assert log.append({"stage": "stage2", "round": 2, "loss": math.nan})
    assert not log.append({"stage": "stage2", "round": 2, "loss": 1.0})
    assert read_rounds(path) == [*lines[:2], {"stage": "stage2", "round": 2, "loss": None}]


@pytest.mark.parametrize("line", ["[" * 100_000, '{"stage": 3, "round": 1}', "[]", "\x00", '{"stage": "stage2", "round": 7}'])
def test_nothing_after_a_damaged_round_is_read(tmp_path: Path, line: str) -> None:
    log = RoundLog.open(tmp_path / "rounds.jsonl", 0)
    for number in range(3):
        log.append({"stage": "stage2", "round": number})
    first, second, third = log.path.read_text().splitlines()
    sealed = second[: second.index(", ")] + ", " + line[1:] if "7" in line else line  # the checksum of another record
    log.path.write_text(f"{first}\n{sealed}\n{third}\n")
    assert [record["round"] for record in read_rounds(log.path)] == [0]
    assert json.loads(first)["round"] == 0


def test_a_whole_line_without_its_newline_may_be_torn(tmp_path: Path) -> None:
    path = tmp_path / "rounds.jsonl"
    path.write_text('{"stage": "stage2", "round": 0}\n{"stage": "stage2", "round": 1}')
    assert [record["round"] for record in read_rounds(path)] == [0]
