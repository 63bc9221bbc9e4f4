"""Each case of what readers take goes there and back: read, written in the form of the source, and read with the same cohort.yaml."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import source_toys
import test_cells_as_they_come as cells
import test_folder_labels as labels
import test_joined_tables as joined
import test_pictures_in as pictures
import test_series_in as series
from fpmg_plugins.datasets.folder import Folder

NO_CODE = {"codes by chapter", "codes of no chapter, declared", "several codes by chapter"}


def back(source: Path, target: Path, form: str = "source") -> tuple[Path, list[str]]:
    """What is written of a cohort's own patients, and what is told of it."""
    target.mkdir()
    dataset = Folder(str(source))
    return target, Folder.write(json.loads(json.dumps(dataset.source())), dataset.load(), target, form)


def there_and_back(source: Path, target: Path) -> list[str]:
    """Assert that it is the same by the document that was written, and by the source's; and that headers are."""
    folder, told = back(source, target)
    was = Folder(str(source)).load()
    source_toys.assert_same(was, Folder(str(folder)).load())
    (folder / "cohort.yaml").write_bytes((source / "cohort.yaml").read_bytes())
    source_toys.assert_same(was, Folder(str(folder)).load())
    return told


def header(file: Path) -> bytes:
    return file.read_bytes().splitlines()[0].removeprefix(b"\xef\xbb\xbf").replace(b'"', b"")


def test_cases_are_there() -> None:
    assert len(GOOD) > 35


GOOD = [case for case in cells.CASES if not case.error]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_cells(case: cells.Case, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    cells.load(tmp_path / "source", case)
    told = there_and_back(tmp_path / "source", tmp_path / "back")
    assert header(tmp_path / "back" / "t.csv") == header(tmp_path / "source" / "t.csv")
    assert any("chapters" in line for line in told) == (case.name in NO_CODE)


@pytest.mark.parametrize(("top", "raw"), cells.FORMS)
def test_dialects(top: str, raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    cells.load(tmp_path / "source", cells.Case("", cells.ONE.cells, cells.ONE.declared, top=top), raw)
    there_and_back(tmp_path / "source", tmp_path / "back")
    assert header(tmp_path / "back" / "t.csv") == header(tmp_path / "source" / "t.csv")


@pytest.mark.parametrize("case", [*series.CASES, *series.LOST])
def test_series(case: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    modalities, files, _ = {**series.CASES, **series.LOST}[case]
    series.load(source, modalities, files)
    there_and_back(source, tmp_path / "back")
    for name in files:
        assert header(tmp_path / "back" / name) == header(source / name)


@pytest.mark.parametrize("case", pictures.LOADS)
def test_pictures(case: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    name, write, more, _ = pictures.LOADS[case]
    write(source / name)
    pictures.load(source, pictures.IMAGE + more, name)
    told = there_and_back(source, tmp_path / "back")
    assert any("in the place of" in line for line in told) == (not name.endswith(".png"))
