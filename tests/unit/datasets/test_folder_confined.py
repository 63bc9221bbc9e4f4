"""Names in a cohort.yaml and its tables stay in the cohort's folder, what is too much is refused, and nothing is rounded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from folder_toys import COHORT, change, make
from fpmg_plugins.datasets.folder import Folder, media, pictures
from fpmg_plugins.datasets.phantom import Phantom
from PIL import Image, ImageFile

from fpmg_bench.cohorts.draft import draft
from fpmg_bench.cohorts.folder import write
from fpmg_bench.document import inside
from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort, Text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "cohort")


def _error(folder: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        Folder(root=str(folder)).load()
    return caught.value.message.replace(f"{folder}/", "")


def _link(folder: Path, name: str) -> None:
    """A link out of the folder, to a file that is there."""
    outside = folder.parent / f"outside-{name}"
    outside.write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(outside)


@pytest.mark.parametrize("name", ["/etc/hostname", "../x", "a/../../x", "a" * 5000, "a\0b", "", "."])
def test_a_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=r"^here: "):
        inside(tmp_path, name, "here")


def test_a_name_inside_is_a_path_that_need_not_exist(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/b/../c.csv", "here") == tmp_path.resolve() / "a" / "c.csv"


@pytest.mark.parametrize("name", ["../manifest.csv", "/etc/hostname", "sub/../../x.csv"])
def test_a_manifest_is_confined(folder: Path, name: str) -> None:
    change(folder, "cohort.yaml", "manifest: manifest.csv", f"manifest: {name}")
    assert _error(folder).startswith("cohort.yaml:3:1: manifest: leads out of")
    with pytest.raises(DatasetError, match="leads out of"):
        Folder(root=str(folder)).fingerprint()


@pytest.mark.parametrize("name", ["../long.csv", "/etc/hostname"])
def test_a_series_is_confined(folder: Path, name: str) -> None:
    change(folder, "cohort.yaml", "file: long.csv", f"file: {name}")
    assert _error(folder).startswith("cohort.yaml:21:5: modalities.vitals.file: leads out of")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("manifest.csv", "cohort.yaml:3:1: manifest"),
        ("long.csv", "cohort.yaml:21:5: modalities.vitals.file"),
        ("media/3.png", "manifest.csv:5: column 'file'"),
    ],
)
def test_a_link_out_of_the_folder_is_not_followed(folder: Path, name: str, place: str) -> None:
    (folder.parent / "outside-media").mkdir()
    _link(folder, name)
    assert _error(folder).startswith(f"{place}: leads out of")


@pytest.mark.parametrize("name", ["../../ESCAPED", "a/b", "..", ".", "/etc/x", 'a\\b', "n" * 201, "ü" * 101])  # fmt: skip
def test_a_modality_is_called_like_a_file(folder: Path, name: str) -> None:
    change(folder, "cohort.yaml", "  vitals:", f"  '{name}':")
    assert _error(folder).startswith("cohort.yaml:19:3: ")


def test_a_release_never_leaves_its_folder(tmp_path: Path) -> None:
    cohort = Phantom(patients=20, modalities=("series", "image")).load()
    for name in ("series", "image"):
        bad = {"../../ESCAPED": name}
        escaping = replace(
            cohort,
            schemas={k: cohort.schemas[v] for k, v in bad.items()},
            data={k: cohort.data[v] for k, v in bad.items()},
            present={k: cohort.present[v] for k, v in bad.items()},
        )
        with pytest.raises(DatasetError, match=r"modality '\.\./\.\./ESCAPED': leads out of"):
            write(escaping, tmp_path / "a" / "b" / name)
    assert not list(tmp_path.rglob("*ESCAPED*"))


def test_modalities_called_like_other_columns_and_files_are_kept(tmp_path: Path) -> None:
    cohort = Phantom(patients=20, modalities=("series", "text")).load()
    named = {"manifest": "series", "patient": "text"}
    odd = Cohort(
        **{
            **{field: getattr(cohort, field) for field in cohort.__dataclass_fields__},
            "schemas": {new: cohort.schemas[old] for new, old in named.items()},
            "data": {new: cohort.data[old] for new, old in named.items()},
            "present": {new: cohort.present[old] for new, old in named.items()},
        }
    )
    write(odd, tmp_path / "a")
    again = Folder(root=str(tmp_path / "a")).load()
    assert np.array_equal(again.patient, cohort.patient)
    assert isinstance(again.data["patient"], Text) and again.data["patient"].strings == cohort.data["text"].strings
    assert np.array_equal(again.data["manifest"].values, cohort.data["series"].values)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version: 1", "version: true", "cohort.yaml:1:1: version: Input should be a valid integer"),
        ("version: 1", "version: 1.0", "cohort.yaml:1:1: version: Input should be a valid integer"),
        ("person\n", "&p person\n", "cohort.yaml:5:10: anchors are not allowed"),
        ("person\n", "*p\n", "cohort.yaml:5:10: aliases are not allowed"),
        ("person\n", "!!str person\n", "cohort.yaml:5:10: tags are not allowed"),
        ("version: 1", "version: 1\n<<: {name: x}", "cohort.yaml:2:1: merge keys are not YAML 1.2"),
        ("version: 1", "version: 1\n7: x", "cohort.yaml:2:1: key 7 is no text"),
        ("version: 1", "version: 1\n? [a]\n: x", "cohort.yaml:2:3: a key must be a word"),
        ("CC0-1.0", '"a\\0b"', "cohort.yaml:2:10: a control character"),
        ("CC0-1.0", "a\0b", "cohort.yaml:2:11: special characters"),
        ("CC0-1.0", "[" * 5000, "nested deeper than 32 levels"),
        ("CC0-1.0", "x" * 600_000, "cohort.yaml:1:1: larger than 256 KiB"),
        ("name: weight", f"name: {'w' * 5000}", "cohort.yaml:14:10: modalities.table.columns.0.name: String should have at most 200"),
        ("{name: weight, low", "{name: sex, low", "cohort.yaml:13:5: modalities.table.columns: column 'sex' is declared twice"),
        ("shape: [1, 8, 8]", "shape: [1, 100000, 100000]", "modalities.image.shape: 10,000,000,000 values a record; at most"),
        ("shape: [1, 8, 8]", "shape: [1, 0, 8]", "modalities.image.shape.1: Input should be greater than 0"),
        ("shape: [1, 8, 8]", "shape: [1, 8, 8], window: [5, 5]", "window must be [start, stop] with start below stop"),
        ("steps: 3", "steps: 50000000", "modalities.vitals: 8 records x 50,000,000 steps x 1 channels; at most"),
        ("low: 20, high: 200", "low: 20, high: 9007199254740993", "9007199254740993 is beyond 2^53"),
        ("record: id", "record: id\nrows: [{column: site, keep: [north], min_class_patients: 1}]",
         "rows.0.min_class_patients: unknown key 'min_class_patients'. Known: column, keep, drop"),
        ("file: long.csv", "flie: long.csv", "modalities.vitals.flie: unknown key 'flie'. Did you mean 'file'? Known: kind, step"),
        ("  notes: {", "  columns: {shap: 1, ", "modalities.columns.shap: unknown key 'shap'. Known: kind, column, length, nothing, present"),
        ("  notes: {", "  table2: {kind: table, columns: [{name: a, lo: 1}]}\n  notes: {", "columns.0.lo: unknown key 'lo'. Did you mean 'low'?"),
    ],
)  # fmt: skip
def test_a_cohort_yaml_is_as_strict_as_a_suite(folder: Path, old: str, new: str, expected: str) -> None:
    change(folder, "cohort.yaml", old, new)
    message = _error(folder)
    assert expected in message
    assert max(map(len, message.split("\n"))) < 2500


def test_a_tower_of_aliases_costs_nothing(folder: Path) -> None:
    tower = "".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9) if at else 'x'}]\n" for at in range(9))
    (folder / "cohort.yaml").write_text(COHORT + tower)
    assert "aliases are not allowed" in _error(folder)


def test_a_bomb_is_refused_before_it_is_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("1", (9000, 9000)).save(folder / "media/3.png", compress_level=9)
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: load(self) if self.width < 9000 else pytest.fail("decoded"))
    assert "media/3.png cannot be decoded (81,000,000 pixels; at most 67,108,864)" in _error(folder)


def test_a_clip_is_bounded_in_all_its_frames(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(folder, "cohort.yaml", "kind: image, column: file, shape: [1, 8, 8]", "kind: video, column: file, shape: [2, 1, 8, 8]")
    frames = [Image.new("L", (8, 8), value) for value in (0, 40, 80)]
    frames[0].save(folder / "media/3.png", save_all=True, append_images=frames[1:], duration=10)
    monkeypatch.setattr(pictures, "MOST_PIXELS_OF_CLIP", 150)
    assert "3 frames of 64 pixels; at most 150 pixels in all" in _error(folder)


def test_a_file_that_many_rows_name_is_decoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (folder / "manifest.csv").read_text()
    for at in range(8):
        text = text.replace(f"media/{at}.png", "media/0.png")
    (folder / "manifest.csv").write_text(text)
    seen = []
    once = media.decode
    monkeypatch.setattr(media, "decode", lambda path, *more: seen.append(path) or once(path, *more))
    pixels = Folder(root=str(folder)).load().data["image"].array()
    assert len(seen) == 1 and (pixels == pixels[0]).all() and pixels.any()


def test_an_array_whose_header_promises_too_much_is_not_allocated(folder: Path) -> None:
    np.save(folder / "media/3.npy", np.zeros((1, 8, 8), np.uint8))
    raw = (folder / "media/3.npy").read_bytes()
    (folder / "media/3.npy").write_bytes(raw.replace(b"(1, 8, 8), }          ", b"(9, 99999, 999999), } "))
    change(folder, "manifest.csv", "media/3.png", "media/3.npy")
    assert "media/3.npy cannot be decoded" in _error(folder)


def test_a_whole_number_that_float64_would_round_is_refused(folder: Path) -> None:
    change(folder, "cohort.yaml", "low: 20, high: 200", "outside: keep")
    change(folder, "manifest.csv", "ill,33,64.0,f", "ill,33,9007199254740993,f")
    assert "manifest.csv:5: column 'weight': a whole number beyond 2^53" in _error(folder)
    change(folder, "manifest.csv", "ill,33,9007199254740993,f", "ill,33,9007199254740994,f")
    assert Folder(root=str(folder)).load().data["table"].frame["weight"][3] == 9007199254740994


@pytest.mark.parametrize("kind", ["int64", "uint64"])
def test_patients_of_a_parquet_are_told_apart_whatever_their_size(folder: Path, kind: str) -> None:
    base = 2**53 if kind == "int64" else 2**63 + 5
    frame = pd.read_csv(folder / "manifest.csv")
    frame["person"] = np.array([base + max(at - 1, 0) for at in range(8)], kind)
    frame.to_parquet(folder / "manifest.parquet")
    change(folder, "cohort.yaml", "manifest.csv", "manifest.parquet")
    patients = Folder(root=str(folder)).load().patient
    assert len(np.unique(patients)) == 7 and patients[0] == patients[1]
    if kind == "int64":
        assert patients.tolist() == frame["person"].tolist()


def test_whole_numbers_beside_empty_cells_are_not_made_floats(folder: Path) -> None:
    frame = pd.read_csv(folder / "manifest.csv")
    frame["id"] = pd.array([2**53 + at for at in range(8)], dtype="Int64")
    frame["weight"] = pd.array([2**53 + 1, *[None] * 7], dtype="Int64")
    frame.to_parquet(folder / "manifest.parquet")
    change(folder, "cohort.yaml", "manifest.csv", "manifest.parquet")
    change(folder, "cohort.yaml", "low: 20, high: 200", "outside: keep")
    assert "manifest.parquet:1: column 'weight': a whole number beyond 2^53" in _error(folder)


def test_names_that_were_stored_as_floats_beyond_2_53_are_refused(folder: Path) -> None:
    frame = pd.read_csv(folder / "manifest.csv")
    frame["person"] = np.arange(8) * 2.0 + 2.0**54
    frame.to_parquet(folder / "manifest.parquet")
    change(folder, "cohort.yaml", "manifest.csv", "manifest.parquet")
    assert "manifest.parquet:1: column 'person': a name that was stored as a float beyond 2^53" in _error(folder)


def test_a_draft_looks_at_no_file_outside_and_at_no_bomb(folder: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(folder / "media/0.png", compress_level=9)  # Pillow raises at this one
    change(folder, "manifest.csv", "media/3.png", "../../x.png")
    change(folder, "manifest.csv", "media/4.png", "x" * 5000 + ".png")
    text = draft(folder / "manifest.csv", patient="person", label="label")
    assert "2 files are not there (first: ../../x.png)" in text


def test_a_draft_names_modalities_so_that_they_can_be_files(folder: Path) -> None:
    frame = pd.read_csv(folder / "manifest.csv").rename(columns={"file": "scan/file"})
    frame.to_csv(folder / "manifest.csv", index=False)
    assert '"scan_file": {"kind": "image", "column": "scan/file"' in draft(
        folder / "manifest.csv", patient="person", label="label"
    )
