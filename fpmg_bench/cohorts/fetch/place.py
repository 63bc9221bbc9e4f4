"""From a dataset that states its `remote` to a folder cohort: files checked, locked, converted and moved into place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.fetch.download import Note, download
from fpmg_bench.cohorts.fetch.lock import LOCK, check, digest, published, read_lock, write_lock
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    from fpmg_bench.contracts import Remote

VARIABLE = "FPMG_DATA"
DOWNLOADS = "downloads"
Checked = dict[str, dict[str, Any]]


def fetchable(cls: Any) -> bool:
    """Does a dataset's class state where its files are?"""
    return hasattr(cls, "remote") and callable(getattr(cls, "convert", None))


def folder_of(dataset: Any, to: Path | None) -> Path:
    """`<to>/<the dataset's folder>`; without `to`, below $FPMG_DATA. Raises DatasetError where neither is given."""
    place = to or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if place is None:
        raise DatasetError("where to?", f"--to DIR, or set {VARIABLE} to the folder of your cohorts")
    return place.expanduser() / str(dataset.name)


def fetch(dataset: Any, folder: Path, at_hand: Path | None, note: Note) -> Mapping[str, int]:
    """Write the cohort into `folder`; what was left out, by reason. at_hand: a folder with the files instead of the network.

    Files are checked against their published hashes, or the ones recorded at the first fetch. The folder is replaced as a
    whole and only when everything went well; a folder that is not from here is never touched (DatasetError).
    """
    lock = read_lock(folder)
    if folder.exists() and not lock and any(each.name != DOWNLOADS for each in folder.iterdir()):
        raise DatasetError(
            f"{folder}: is in use and has no {LOCK}", "data fetch replaces only what it wrote; choose another --to"
        )
    remote: Remote = dataset.remote
    source = at_hand if at_hand is not None else folder / DOWNLOADS
    known = {name: entry["sha256"] for name, entry in lock.get("files", {}).items()}
    files = _checked(remote, source, known, at_hand is not None, note)
    made = folder.with_name(folder.name + ".making")
    if made.exists():
        shutil.rmtree(made)
    made.mkdir(parents=True)
    note(f"describing {folder}")
    left_out = dataset.convert(source, made)
    write_lock(made, remote.base, files)
    _swap(made, folder)
    return dict(left_out)


def _checked(remote: Remote, source: Path, locked: Mapping[str, str], at_hand: bool, note: Note) -> Checked:
    """Every file in `source`, downloaded unless it is at hand, with its sha256 and what that was checked against."""
    files: Checked = {}
    sums: dict[str, str] = {}
    if remote.sums and (not at_hand or (source / remote.sums).is_file()):
        files[remote.sums] = _one(remote, remote.sums, "", locked, source, at_hand, note)
        sums = published(source / remote.sums)
    for name, pinned in remote.files.items():
        if sums and not pinned and name not in sums:
            raise DatasetError(f"{remote.base}{remote.sums}: does not list {name}", "the published version changed its files")
        files[name] = _one(remote, name, pinned or sums.get(name, ""), locked, source, at_hand, note)
    return files


def _one(
    remote: Remote, name: str, reported: str, locked: Mapping[str, str], source: Path, at_hand: bool, note: Note
) -> dict[str, Any]:
    before = f"sha256:{locked[name]}" if name in locked else ""
    if reported.startswith("sha256:") and before and reported != before:
        raise DatasetError(
            f"{remote.base}{name}: published as {reported}, but {LOCK} has {before}",
            f"its publisher changed it since the first fetch; delete the {LOCK} to accept that",
        )
    file = source / name
    if at_hand and not file.is_file():
        raise DatasetError(f"{file}: there is no such file", f"--from wants the files as below {remote.base}")
    if not at_hand:
        download(remote.base + name, file, reported or before, note)
    for known in filter(None, (reported, before)):
        check(file, known)
    how = "published hash" if reported else "first fetch of this folder" if before else "nothing: the first fetch is trusted"
    return {"sha256": digest(file), "bytes": file.stat().st_size, "checked": how}


def _swap(made: Path, folder: Path) -> None:
    """Put `made` in the place of `folder`; the downloads stay."""
    if folder.exists():
        if (folder / DOWNLOADS).exists():
            (folder / DOWNLOADS).rename(made / DOWNLOADS)
        old = folder.with_name(folder.name + ".old")
        folder.rename(old)
        made.rename(folder)
        shutil.rmtree(old)
    else:
        made.rename(folder)
