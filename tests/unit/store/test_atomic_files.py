"""Whole or absent: JSON, folders, rounds."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from fpmg_bench.store import plain, read_json, read_rounds, write_bytes, write_json
from fpmg_bench.store.atomic import sweep, whole_folder
from fpmg_bench.store.rounds import RoundLog


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


@pytest.mark.parametrize("text", ["", '{"status": "o', "[1, 2]", "\x00\x00"])
def test_torn_or_foreign_json_is_no_result(tmp_path: Path, text: str) -> None:
    (tmp_path / "trial.json").write_text(text)
    assert read_json(tmp_path / "trial.json") is None


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


def test_a_whole_line_without_its_newline_may_be_torn(tmp_path: Path) -> None:
    path = tmp_path / "rounds.jsonl"
    path.write_text('{"stage": "stage2", "round": 0}\n{"stage": "stage2", "round": 1}')
    assert [record["round"] for record in read_rounds(path)] == [0]
