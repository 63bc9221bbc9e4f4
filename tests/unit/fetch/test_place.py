"""From files to a folder cohort: checked, locked, replaced as a whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import Home, serving

from fpmg_bench.cohorts.fetch import fetch, fetchable, folder_of
from fpmg_bench.contracts import Remote
from fpmg_bench.errors import DatasetError

pytest.importorskip("pooch", reason="pooch is not installed (extra [fetch])")
FILES = {"v1/a.csv": b"record,label\n1,x\n", "v1/b/c.bin": b"12345"}


class Toy:
    """A dataset that copies one table."""

    name = "toy_cohort"

    def __init__(self, remote: Remote) -> None:
        self.remote = remote

    def convert(self, downloads: Path, folder: Path) -> Mapping[str, int]:
        assert (downloads / "b" / "c.bin").read_bytes() == b"12345"
        (folder / "manifest.csv").write_bytes((downloads / "a.csv").read_bytes())
        return {"nothing at all": 0}


@pytest.fixture
def home() -> Iterator[Home]:
    with serving(dict(FILES)) as made:
        yield made


def _toy(home: Home, **more: str) -> Toy:
    return Toy(replace(Remote(home.base + "v1/", {"a.csv": "", "b/c.bin": ""}), **more))


def _sums(files: Mapping[str, bytes]) -> bytes:
    return "".join(
        f"{hashlib.sha256(content).hexdigest()} {name.removeprefix('v1/')}\n" for name, content in files.items()
    ).encode()


def _lock(folder: Path) -> dict[str, dict[str, str]]:
    files: dict[str, dict[str, str]] = json.loads((folder / "fetch.lock.json").read_text())["files"]
    return files


def test_the_first_fetch_records_hashes_and_later_ones_must_match(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "toy_cohort"
    fetch(_toy(home), folder, None, lambda _: None)
    assert _lock(folder)["a.csv"]["sha256"] == hashlib.sha256(FILES["v1/a.csv"]).hexdigest()
    assert _lock(folder)["a.csv"]["checked"] == "nothing: the first fetch is trusted"
    fetch(_toy(home), folder, None, lambda _: None)
    assert _lock(folder)["a.csv"]["checked"] == "first fetch of this folder"
    assert len(home.ranges) == 2  # the second fetch found everything
    home.files["v1/a.csv"] = b"record,label\n1,y\n"
    (folder / "downloads" / "a.csv").unlink()
    with pytest.raises(DatasetError, match=r"a\.csv: not the file that was expected"):
        fetch(_toy(home), folder, None, lambda _: None)
    assert (folder / "manifest.csv").read_bytes() == FILES["v1/a.csv"]  # the old cohort is still whole


def test_published_sums_are_fetched_first_and_obeyed(home: Home, tmp_path: Path) -> None:
    home.files["v1/SHA256SUMS.txt"] = _sums(FILES)
    folder = tmp_path / "toy_cohort"
    fetch(_toy(home, sums="SHA256SUMS.txt"), folder, None, lambda _: None)
    assert {entry["checked"] for name, entry in _lock(folder).items() if name != "SHA256SUMS.txt"} == {"published hash"}
    home.files["v1/b/c.bin"] = b"54321"
    with pytest.raises(DatasetError, match=r"c\.bin: not the file that was expected"):
        fetch(_toy(home, sums="SHA256SUMS.txt"), tmp_path / "other", None, lambda _: None)


def test_a_publisher_who_changes_the_sums_is_noticed(home: Home, tmp_path: Path) -> None:
    home.files["v1/SHA256SUMS.txt"] = _sums(FILES)
    folder = tmp_path / "toy_cohort"
    fetch(_toy(home, sums="SHA256SUMS.txt"), folder, None, lambda _: None)
    home.files["v1/SHA256SUMS.txt"] = _sums(FILES | {"v1/a.csv": b"other"})
    (folder / "downloads" / "SHA256SUMS.txt").unlink()
    with pytest.raises(DatasetError, match=r"SHA256SUMS\.txt: not the file that was expected"):
        fetch(_toy(home, sums="SHA256SUMS.txt"), folder, None, lambda _: None)


def test_an_error_page_is_no_list_of_sums(home: Home, tmp_path: Path) -> None:
    home.files["v1/SHA256SUMS.txt"] = b"<html>please log in</html>"
    with pytest.raises(DatasetError, match="lists no sha256 sums"):
        fetch(_toy(home, sums="SHA256SUMS.txt"), tmp_path / "toy_cohort", None, lambda _: None)


def test_files_at_hand_need_no_network_and_are_checked_all_the_same(home: Home, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "b").mkdir(parents=True)
    for name, content in FILES.items():
        (here / name.removeprefix("v1/")).write_bytes(content)
    folder = tmp_path / "toy_cohort"
    fetch(_toy(home), folder, here, lambda _: None)
    assert home.ranges == [] and not (folder / "downloads").exists()
    (here / "a.csv").write_bytes(b"record,label\n")
    with pytest.raises(DatasetError, match=r"a\.csv: sha256 is .* expected") as caught:
        fetch(_toy(home), folder, here, lambda _: None)
    assert hashlib.sha256(FILES["v1/a.csv"]).hexdigest() in caught.value.message
    (here / "a.csv").unlink()
    with pytest.raises(DatasetError, match="there is no such file"):
        fetch(_toy(home), folder, here, lambda _: None)


def test_a_folder_of_someone_else_is_never_touched(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "toy_cohort"
    folder.mkdir()
    (folder / "thesis.docx").write_text("important")
    with pytest.raises(DatasetError, match="is in use"):
        fetch(_toy(home), folder, None, lambda _: None)
    assert (folder / "thesis.docx").read_text() == "important" and home.ranges == []


def test_a_failed_description_leaves_the_downloads_and_no_half_cohort(home: Home, tmp_path: Path) -> None:
    class Broken(Toy):
        def convert(self, downloads: Path, folder: Path) -> Mapping[str, int]:
            (folder / "manifest.csv").write_text("half")
            raise DatasetError("a column is missing")

    folder = tmp_path / "toy_cohort"
    with pytest.raises(DatasetError, match="a column is missing"):
        fetch(Broken(_toy(home).remote), folder, None, lambda _: None)
    assert [path.name for path in folder.iterdir()] == ["downloads"]
    fetch(_toy(home), folder, None, lambda _: None)
    assert len(home.ranges) == 2  # nothing was downloaded twice


def test_where_it_goes(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FPMG_DATA", str(tmp_path))
    assert folder_of(_toy(home), None) == tmp_path / "toy_cohort"
    monkeypatch.delenv("FPMG_DATA")
    with pytest.raises(DatasetError, match="where to"):
        folder_of(_toy(home), None)
    assert not fetchable(object)
