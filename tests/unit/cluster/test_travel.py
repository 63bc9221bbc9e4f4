"""Folders travel whole, inside their place, or not at all."""

import io
import tarfile

import pytest

from fpmg_bench.cluster import travel
from fpmg_bench.errors import DatasetError, StoreError

NAME = "trials/k1"


@pytest.fixture
def trial(tmp_path):
    folder = tmp_path / "there"
    (folder / "synthetic" / "all").mkdir(parents=True)
    (folder / "trial.json").write_bytes(b"{}")
    (folder / "synthetic" / "all" / "x.bin").write_bytes(bytes(range(256)) * 100)
    (folder / ".lock").write_bytes(b"1")
    (folder / "link").symlink_to("/etc/passwd")
    return folder


@pytest.fixture
def arrivals(tmp_path):
    (tmp_path / "here").mkdir()
    return travel.Arrivals(tmp_path / "here", {NAME})


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def archive(name, kind=tarfile.REGTYPE, link=""):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as written:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, link
        written.addfile(entry)
    file.seek(0)
    return file


def test_a_folder_comes_back_in_parts_without_hidden_files_and_links(trial, arrivals, monkeypatch):
    monkeypatch.setattr(travel, "PART", 4096)
    sent = list(travel.messages(NAME, trial))
    assert len(sent) > 5
    assert max(len(message["data"]) for message in sent) == 4096
    took = [arrivals.take("w", message) for message in sent]
    assert took[:-1] == [None] * (len(sent) - 1)
    target = arrivals.root / "trials" / "k1"
    target.mkdir(parents=True)
    (target / "old").write_text("half-finished")
    travel.settle(took[-1], target)
    assert files(target) == {name: data for name, data in files(trial).items() if name not in (".lock", "link")}
    assert [path.name for path in arrivals.root.iterdir()] == ["trials"]


def test_what_a_trial_makes_again_is_not_sent_along(trial):
    file = io.BytesIO()
    travel.pack({NAME: trial}, file, travel.REBUILT)
    file.seek(0)
    with tarfile.open(fileobj=file) as sent:
        assert sent.getnames() == [f"{NAME}/trial.json"]


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/../../x"])
def test_a_name_that_leads_out_is_refused(name, tmp_path):
    with pytest.raises(DatasetError, match="leads out"):
        travel.unpack(archive(name), tmp_path / "in", "worker w")
    assert not list(tmp_path.rglob("x"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_what_is_no_plain_file_is_refused(kind, tmp_path):
    with pytest.raises(StoreError, match=r"no plain file|no archive"):
        travel.unpack(archive("a", kind, "/etc/passwd"), tmp_path, "worker w")


def test_a_changed_part_is_refused_and_a_lost_one_leaves_nothing(trial, arrivals, monkeypatch):
    monkeypatch.setattr(travel, "PART", 4096)
    sent = list(travel.messages(NAME, trial))
    changed = [{**message, "data": bytes(len(message["data"]))} if message["part"] == 1 else message for message in sent]
    with pytest.raises(StoreError, match="arrived damaged"):
        [arrivals.take("w", message) for message in changed]
    assert [arrivals.take("w", message) for message in sent if message["part"] != 2] == [None] * (len(sent) - 1)
    arrivals.close()
    assert not list(arrivals.root.iterdir())


def test_what_nobody_asked_for_is_refused(trial, arrivals):
    with pytest.raises(StoreError, match="nobody asked for"):
        arrivals.take("w", next(travel.messages("trials/other", trial)))


def test_a_folder_that_is_too_large_is_said_where_it_is(trial, monkeypatch):
    monkeypatch.setattr(travel, "LIMIT", 1000)
    with pytest.raises(StoreError, match="at most 1000 travel"):
        next(travel.messages(NAME, trial))
