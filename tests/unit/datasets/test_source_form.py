"""Records go back into the form that they came from: columns, order, types, codes, decimals, files; and are read again as they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import source_toys
from fpmg_plugins.datasets.folder import Folder
from fpmg_plugins.datasets.folder.source.form import Source
from fpmg_plugins.datasets.folder.spec import ColumnSpec

from fpmg_bench.cohorts.draft import draft
from fpmg_bench.errors import DatasetError


@pytest.fixture(params=source_toys.TOYS)
def written(request, tmp_path):
    """(source, what was written of its own patients, what was told)."""
    root = source_toys.TOYS[request.param](tmp_path / "source")
    (tmp_path / "back").mkdir()
    dataset = Folder(str(root))
    said = json.loads(json.dumps(dataset.source()))  # as a run keeps it
    return root, tmp_path / "back", Folder.write(said, dataset.load(), tmp_path / "back")


def manifest(folder: Path) -> Path:
    return next(folder / name for name in ("visits.csv", "stays.parquet", "m.csv") if (folder / name).exists())


def table(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, dtype=str, keep_default_na=False) if file.suffix == ".csv" else pd.read_parquet(file)


def test_the_manifest_has_the_sources_name_columns_order_and_types(written):
    root, back, _ = written
    source = manifest(root)
    assert list(table(back / source.name).columns) == list(table(source).columns)
    if source.suffix == ".parquet":
        assert pq.read_schema(back / source.name).types == pq.read_schema(source).types


def test_patients_are_read_again_as_they_were(written):
    root, back, _ = written
    source_toys.assert_same(Folder(str(root)).load(), Folder(str(back)).load())


def test_no_name_of_a_record_patient_or_file_is_a_real_one(written):
    root, back, _ = written
    was, now = table(manifest(root)).astype(str), table(back / manifest(root).name).astype(str)
    for column in {"visit", "mrn", "subject", "stay_id", "id", "film", "clip", "clinician", "seen_on"} & set(was.columns):
        assert not (set(was[column]) - {"", "None", "nan"}) & set(now[column])
    assert not {file.name for file in root.rglob("*.png")} & {file.name for file in back.rglob("*.png")}


def test_the_draft_of_what_was_written_declares_what_the_sources_draft_does(written):
    root, back, _ = written

    def lines(folder):
        text = draft(manifest(folder), label="died" if (folder / "visits.csv").exists() else "label")
        return sorted(
            line.split('"low"')[0].split("  #")[0]
            for line in text.splitlines()
            if line.strip().startswith("- {") and "unused" not in line
        )

    assert lines(back) == lines(root)


def test_codes_decimals_and_flags_are_the_sources_to_the_letter(tmp_path):
    root = source_toys.codes(tmp_path / "source")
    (tmp_path / "back").mkdir()
    dataset = Folder(str(root))
    told = Folder.write(dataset.source(), dataset.load(), tmp_path / "back")
    was, now = table(root / "visits.csv"), table(tmp_path / "back" / "visits.csv")
    same = ["died", "age", "sex", "dose", "smoker"]
    pd.testing.assert_frame_equal(now[same], was[same])
    assert now["kg"].tolist() == was["kg"].replace("NA", "").tolist()
    assert set(now["stage"]) == {"1", "3", "none"}
    assert (
        now["hospital"].tolist() == was["hospital"].replace("N2", "N1").tolist()
    )  # a group's first: which was which is not kept
    assert (now["seen_on"] == "").all() and (now["clinician"] == "").all()
    assert any("seen_on, clinician" in line for line in told)


def test_long_tables_keep_their_folder_names_and_times(tmp_path):
    root = source_toys.all_kinds(tmp_path / "source")
    (tmp_path / "back").mkdir()
    dataset = Folder(str(root))
    Folder.write(dataset.source(), dataset.load(), tmp_path / "back")
    was, now = (table(folder / "tables/long.csv") for folder in (root, tmp_path / "back"))
    assert list(now.columns) == list(was.columns)
    assert sorted(set(now["hour"])) == sorted(set(was["hour"])) == ["1", "3", "5", "7"]
    assert sorted(now["value"][now["what"] == "HR"]) == sorted(was["value"][was["what"] == "HR"].str.removesuffix(".0"))
    assert sorted(now["value"][now["what"] == "temperature"]) == sorted(was["value"][was["what"] == "temperature"])
    assert len(list((tmp_path / "back" / "films").iterdir())) == sum(at % 3 > 0 for at in range(source_toys.N))


@pytest.mark.parametrize(("form", "ending"), [("csv", ".csv"), ("parquet", ".parquet")])
def test_tables_of_another_form_hold_the_same(form, ending, written, tmp_path):
    root, _, _ = written
    (tmp_path / form).mkdir()
    dataset = Folder(str(root))
    Folder.write(dataset.source(), dataset.load(), tmp_path / form, form)
    assert {file.suffix for file in (tmp_path / form).rglob("*") if file.suffix in (".csv", ".parquet")} == {ending}
    np.testing.assert_array_equal(Folder(str(tmp_path / form)).load().condition, dataset.load().condition)


def test_any_text_survives_a_csv(tmp_path):
    import source_toys as toys

    root = toys.all_kinds(tmp_path / "source")
    frame = pd.read_parquet(root / "stays.parquet")
    frame["note"] = (['a "quoted", word', "two\nlines", "a lone \r return", " blanks ", "=1+1", "é ☃"] * toys.N)[: toys.N]
    frame.to_parquet(root / "stays.parquet", index=False)
    (tmp_path / "back").mkdir()
    was = Folder(str(root)).load()
    Folder.write(Folder(str(root)).source(), was, tmp_path / "back", "csv")
    assert Folder(str(tmp_path / "back")).load().data["note"].strings == was.data["note"].strings


def test_a_key_that_nobody_can_write_back_is_told(tmp_path, monkeypatch):
    from fpmg_plugins.datasets.folder.source import known as form

    without = {**form.WRITTEN, "ColumnSpec": form.WRITTEN["ColumnSpec"] - {"unit"}}
    monkeypatch.setattr(form, "WRITTEN", without)
    said = Folder(str(source_toys.codes(tmp_path / "source"))).source()
    assert list(form.unwritten(Source.from_json(said).spec)) == ["modalities.table.columns.weight.unit"]


def test_every_key_of_a_cohort_yaml_has_a_way_back():
    """A new key of the reader fails here until `WRITTEN` has it, with what writes it."""
    from fpmg_plugins.datasets.folder import column_spec, spec
    from fpmg_plugins.datasets.folder.source.known import WRITTEN
    from pydantic import BaseModel

    said = {
        name: model
        for name, model in {**vars(column_spec), **vars(spec)}.items()
        if isinstance(model, type) and issubclass(model, BaseModel)
    }
    models = {
        name: set(model.model_fields) for name, model in said.items() if name not in ("BaseModel", "Strict") and name[0] != "_"
    }
    assert set(models) == set(WRITTEN)
    assert {name: fields - WRITTEN[name] for name, fields in models.items() if fields - WRITTEN[name]} == {}


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path):
    dataset = Folder(str(source_toys.all_kinds(tmp_path / "source")))
    said, cohort = dataset.source(), dataset.load()
    said["spec"]["modalities"]["film"]["folder"] = "../../elsewhere"
    (tmp_path / "back").mkdir()
    with pytest.raises(DatasetError, match="leads out of"):
        Folder.write(said, cohort, tmp_path / "back")
    assert not (tmp_path.parent / "elsewhere").exists()


@pytest.mark.parametrize(
    ("spec", "values", "expected"),
    [
        ({"step": 0.1}, [36.55, -0.04, np.nan], ["36.6", "0.0", None]),
        ({"step": 5.0}, [35.0, 1e6], ["35", "1000000"]),
        ({}, [71.0, 36.91, 1e-7], ["71", "36.91", "1e-07"]),
        ({"map": {"0": 5, "<1": 0}}, [0.0, 5.0, 3.0], ["<1", "5", "3"]),
        ({"type": "flag"}, [1.0, 0.0, np.nan], ["1", "0", None]),
        ({"type": "flag", "map": {"pos": True, "neg": "no"}}, [1.0, 0.0], ["pos", "neg"]),
        ({"type": "category", "categories": ("a", "b"), "map": {"b": "a", "x": "b"}}, ["a", "b", None], ["b", "x", None]),
    ],
)
def test_cells_by_hand(spec, values, expected):
    from fpmg_plugins.datasets.folder.source.cells import texts

    assert texts(ColumnSpec(name="c", **spec), values) == expected
