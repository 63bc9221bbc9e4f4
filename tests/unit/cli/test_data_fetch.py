"""`data fetch` from the licence to the loaded cohort, against a server on this machine."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fpmg_plugins.datasets.fetched.mimic4 import Mimic4Demo

sys.path[:0] = [str(Path(__file__).parents[1] / place) for place in ("fetch", "datasets")]
from loopback import Home, serving  # noqa: E402
from published_toys import mimic  # noqa: E402


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    raw = mimic(tmp_path / "raw")
    files = {str(file.relative_to(raw)): file.read_bytes() for file in raw.rglob("*.gz")}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()} {name}\n" for name, content in files.items())
    with serving(files | {"SHA256SUMS.txt": sums.encode()}) as made:
        monkeypatch.setattr(Mimic4Demo, "remote", replace(Mimic4Demo.remote, base=made.base))
        yield made


def test_a_cohort_is_fetched_described_and_loaded(home: Home, tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    pytest.importorskip("pooch")
    words = ("data", "fetch", "mimic4-demo", "--to", str(tmp_path / "cohorts"), "--accept-licence")
    assert exit_code(*words) == 0
    out, err = capsys.readouterr()
    assert "12 records, series, table, text" in out and "rows of chartevents without a number" in out
    assert "ODbL" in err and "physionet.org/content/mimic-iv-demo/view-license" in err
    assert (tmp_path / "cohorts/mimic4_demo/cohort.yaml").is_file()
    requested = len(home.ranges)
    assert exit_code(*words) == 0 and len(home.ranges) == requested  # nothing is downloaded twice


def test_a_file_with_a_wrong_hash_is_refused_and_named(home: Home, tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    pytest.importorskip("pooch")
    home.files["icu/icustays.csv.gz"] += b"x"
    assert exit_code("data", "fetch", "mimic4-demo", "--to", str(tmp_path / "c"), "--accept-licence") == 2
    err = capsys.readouterr().err
    assert "icu/icustays.csv.gz: not the file that was expected" in err
    assert not (tmp_path / "c/mimic4_demo/cohort.yaml").exists()


def test_files_at_hand_need_no_network(home: Home, tmp_path: Path, exit_code: Any) -> None:
    words = ("data", "fetch", "mimic4-demo", "--to", str(tmp_path / "c"), "--from", str(tmp_path / "raw"), "--accept-licence")
    assert exit_code(*words) == 0
    assert home.ranges == []


def test_nobody_to_ask_means_no_licence(home: Home, tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    assert exit_code("data", "fetch", "mimic4-demo", "--to", str(tmp_path / "c")) == 2
    assert "--accept-licence" in capsys.readouterr().err
    assert home.ranges == []


@pytest.mark.parametrize(("answer", "code"), [("n\n", 2), ("y\n", 0)])
def test_a_person_is_asked(
    home: Home, tmp_path: Path, exit_code: Any, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    words = ("data", "fetch", "mimic4-demo", "--to", str(tmp_path / "c"), "--from", str(tmp_path / "raw"))
    assert exit_code(*words) == code
    assert (tmp_path / "c" / "mimic4_demo").exists() == (code == 0)


def test_what_cannot_be_fetched_is_told_with_what_can(exit_code: Any, capsys: Any) -> None:
    assert exit_code("data", "fetch", "phantom") == 4
    err = capsys.readouterr().err
    assert all(name in err for name in ("covid-cxr", "eicu-demo", "mimic4-demo", "medmnist"))


def test_parameters_are_checked(tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    assert exit_code("data", "fetch", "medmnist", "--set", "subset", "--to", str(tmp_path)) == 2
    assert "KEY=VALUE" in capsys.readouterr().err
    assert exit_code("data", "fetch", "medmnist", "--set", "subset=chestmnist", "--to", str(tmp_path)) == 2
    assert "breastmnist" in capsys.readouterr().err
