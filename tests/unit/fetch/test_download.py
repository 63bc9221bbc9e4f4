from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import Home, serving

from fpmg_bench.cohorts.fetch import download as module
from fpmg_bench.cohorts.fetch.download import download
from fpmg_bench.errors import DatasetError

pytest.importorskip("pooch", reason="pooch is not installed (extra [fetch])")
CONTENT = bytes(range(256)) * 4000  # 1 MB; 294,912 = 9 pieces of 32 KiB
KNOWN = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)


@pytest.fixture
def home() -> Iterator[Home]:
    with serving({"a.bin": CONTENT}) as made:
        yield made


def test_a_file_arrives_and_is_not_asked_for_again(home: Home, tmp_path: Path) -> None:
    for _ in range(2):
        download(home.base + "a.bin", tmp_path / "x" / "a.bin", KNOWN, lambda _: None)
    assert (tmp_path / "x" / "a.bin").read_bytes() == CONTENT
    assert home.ranges == [""]
    assert [file.name for file in (tmp_path / "x").iterdir()] == ["a.bin"]


def test_a_line_that_breaks_is_taken_up_where_it_broke(home: Home, tmp_path: Path) -> None:
    home.cut = [300_000]
    notes: list[str] = []
    download(home.base + "a.bin", tmp_path / "a.bin", KNOWN, notes.append)
    assert home.ranges == ["", "bytes=294912-"]
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert "going on after 294912 bytes" in notes[-1]


def test_a_later_call_goes_on_with_what_came(home: Home, tmp_path: Path) -> None:
    home.cut = [100_000, 100_000, 100_000]
    with pytest.raises(DatasetError, match="broke off after 294912 bytes") as caught:
        download(home.base + "a.bin", tmp_path / "a.bin", KNOWN, lambda _: None)
    assert "goes on from there" in caught.value.hint
    assert not (tmp_path / "a.bin").exists()
    download(home.base + "a.bin", tmp_path / "a.bin", KNOWN, lambda _: None)
    assert home.ranges[-1] == "bytes=294912-"
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_not_glued_to_the_old_half(home: Home, tmp_path: Path) -> None:
    home.cut = [100_000] * 3
    with pytest.raises(DatasetError):
        download(home.base + "a.bin", tmp_path / "a.bin", "", lambda _: None)
    home.files["a.bin"] = CONTENT[::-1]
    download(home.base + "a.bin", tmp_path / "a.bin", "", lambda _: None)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT[::-1]


def test_a_partial_file_that_is_complete_needs_no_byte_more(home: Home, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    download(home.base + "a.bin", tmp_path / "a.bin", KNOWN, lambda _: None)
    assert home.ranges == [f"bytes={len(CONTENT)}-"]
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_wrong_hash_is_refused_and_named_and_nothing_is_kept(home: Home, tmp_path: Path) -> None:
    home.files["a.bin"] = b"x" + CONTENT[1:]
    with pytest.raises(DatasetError) as caught:
        download(home.base + "a.bin", tmp_path / "a.bin", KNOWN, lambda _: None)
    assert KNOWN in str(caught.value) and f"{home.base}a.bin" in caught.value.message
    assert hashlib.sha256(home.files["a.bin"]).hexdigest() in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_progress_of_a_long_download_is_told(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOLD", 400_000)
    notes: list[str] = []
    download(home.base + "a.bin", tmp_path / "a.bin", KNOWN, notes.append)
    assert len(notes) == 3  # the address, and two times 400 kB


def test_a_published_md5_will_do(home: Home, tmp_path: Path) -> None:
    download(home.base + "a.bin", tmp_path / "a.bin", f"md5:{hashlib.md5(CONTENT).hexdigest()}", lambda _: None)
    with pytest.raises(DatasetError, match="not the file that was expected"):
        download(home.base + "a.bin", tmp_path / "b.bin", "md5:" + "0" * 32, lambda _: None)


def test_an_address_that_is_gone_is_named_at_once(home: Home, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="404") as caught:
        download(home.base + "b.bin", tmp_path / "b.bin", "", lambda _: None)
    assert "--from" in caught.value.hint
    assert len(home.ranges) == 1


def test_a_busy_server_is_asked_again(home: Home, tmp_path: Path) -> None:
    home.status = [503]
    download(home.base + "a.bin", tmp_path / "a.bin", KNOWN, lambda _: None)
    assert len(home.ranges) == 2


def test_without_pooch_the_command_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name == "pooch":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DatasetError, match="downloads need pooch") as caught:
        download("http://127.0.0.1:9/a", tmp_path / "a", "", lambda _: None)
    assert "fpmg-bench[fetch]" in caught.value.hint
