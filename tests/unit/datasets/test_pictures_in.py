"""Pictures as hospitals keep them: small made-up cohorts, one a case, with what each loads to, loses or is refused for."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fpmg_plugins.datasets.folder import Folder
from PIL import Image

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort

HEAD = """\
version: 1
licence: CC0-1.0
manifest: manifest.csv
record: id
patient: patient
min_class_patients: 1
conditions: [{name: label, type: category, categories: [a, b]}]
modalities:
"""
MANIFEST = "id,patient,label,file\nr1,p1,a,one\nr2,p2,b,\n"
STEPS = np.array([[0, 1000], [2000, 4095]], np.uint16)
IMAGE = "  x: {kind: image, column: file, shape: [1, 2, 2]"


def counted(cohort: Cohort) -> dict[str, int]:
    """What was lost, without columns of the manifest that a case does not name."""
    return {reason: count for reason, count in cohort.dropped.items() if not reason.startswith("columns of manifest")}


def load(folder: Path, modalities: str, name: str = "one", manifest: str = MANIFEST) -> Cohort:
    (folder / "cohort.yaml").write_text(HEAD + modalities + "\n")
    (folder / "manifest.csv").write_text(manifest.replace("one", name))
    return Folder(root=str(folder)).load()


def picture(cohort: Cohort, name: str = "x", row: int = 0) -> Any:
    return cohort.data[name].array()[row].tolist()


def png(path: Path, array: Any, bits: int = 0) -> None:
    """A PNG, with its significant bits where they are given."""
    Image.fromarray(array).save(path)
    if bits:
        raw = path.read_bytes()
        chunk = b"sBIT" + bytes([bits])
        path.write_bytes(raw[:33] + struct.pack(">I", 1) + chunk + struct.pack(">I", zlib.crc32(chunk)) + raw[33:])


def dicom(path: Path, array: Any, **tags: Any) -> None:
    """A DICOM file of a made-up patient."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.PatientName = "Made^Up"
    data.Rows, data.Columns = array.shape[-2:] if array.shape[-1] != 3 else array.shape[-3:-1]
    bits = 8 * array.dtype.itemsize
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(array.dtype.kind == "i")
    for name, value in tags.items():
        setattr(data, name, value)
    data.HighBit = data.BitsStored - 1
    data.PixelData = array.tobytes()
    data.save_as(path, enforce_file_format=True)


def nifti(path: Path, array: Any, **header: float) -> None:
    """A volume whose axes run to the right, to the front and up, as its affine says."""
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(array, np.eye(4))
    for name, value in header.items():
        image.header[name] = value
    nibabel.save(image, path)


def _exif(path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # held upright by a turn to the right
    Image.fromarray(np.array([[0, 0], [255, 255]], np.uint8).repeat(8, 0).repeat(8, 1)).save(path, exif=exif, quality=100)


def _pages(path: Path) -> None:
    pages = [Image.fromarray(np.full((2, 2), value, np.uint8)) for value in (7, 8, 9)]
    pages[0].save(path, save_all=True, append_images=pages[1:])


CT = np.array([[0, 1024], [1064, 1424]], np.int16)
RESCALED = {"RescaleSlope": 1, "RescaleIntercept": -1024}
SOFT = {"WindowCenter": [40, 500], "WindowWidth": [401, 1500], "VOILUTFunction": "LINEAR"}

LOADS: dict[str, tuple[str, Callable[[Path], None], str, Any]] = {
    "a PNG": ("a.png", lambda path: png(path, np.array([[1, 2], [3, 4]], np.uint8)), "}", [[1, 2], [3, 4]]),
    "a PNG that states 12 bits": ("a.png", lambda path: png(path, STEPS, 12), "}", [[0, 62], [125, 255]]),
    "12 bits by a window": ("a.png", lambda path: png(path, STEPS), ", window: [0, 4095]}", [[0, 62], [125, 255]]),
    "a DICOM of 12 stored bits": ("a.dcm", lambda path: dicom(path, STEPS, BitsStored=12), "}", [[0, 62], [125, 255]]),
    "MONOCHROME1 is inverted": ("a.dcm", lambda path: dicom(path, STEPS, BitsStored=12, PhotometricInterpretation="MONOCHROME1"), "}", [[255, 193], [130, 0]]),
    "a CT through the window of its file": ("a.dcm", lambda path: dicom(path, CT, **RESCALED, **SOFT), "}", [[0, 102], [128, 255]]),
    "a CT through a declared window, in Hounsfield units": ("a.dcm", lambda path: dicom(path, CT, **RESCALED, **SOFT), ", window: [-1024, 400]}", [[0, 183], [191, 255]]),
    "a CT that states no window": ("a.dcm", lambda path: dicom(path, CT, BitsStored=12, **RESCALED), "}", [[128, 191], [194, 216]]),
    "a DICOM without an ending": ("IM0001", lambda path: dicom(path, STEPS, BitsStored=12), "}", [[0, 62], [125, 255]]),
    "a NIfTI slice": ("a.nii.gz", lambda path: nifti(path, np.array([[[3.0], [1.0]], [[2.0], [0.0]]], np.float32), cal_max=3.0), "}", [[0, 85], [170, 255]]),
}  # fmt: skip


@pytest.mark.parametrize("case", LOADS)
def test_a_picture_loads(case: str, tmp_path: Path) -> None:
    name, write, more, expected = LOADS[case]
    write(tmp_path / name)
    cohort = load(tmp_path, IMAGE + more, name)
    assert picture(cohort) == [expected] and cohort.present["x"].tolist() == [True, False]
    assert [reason for reason in counted(cohort) if "pixels outside" not in reason] == []


def test_a_turned_photograph_is_turned_back(tmp_path: Path) -> None:
    _exif(tmp_path / "a.jpg")
    (shown,) = picture(load(tmp_path, IMAGE.replace("2, 2", "16, 16") + "}", "a.jpg"))
    assert shown[0][0] > 200 and shown[-1][0] > 200 and shown[0][-1] < 50 and shown[-1][-1] < 50


LOST: dict[str, tuple[str, Callable[[Path], None], str, dict[str, int]]] = {
    "scaled down": (
        "a.png",
        lambda path: png(path, np.zeros((4, 2), np.uint8)),
        "}",
        {"x: pictures scaled down to 2 x 2 (a larger shape keeps more)": 1},
    ),
    "clipped": (
        "a.png",
        lambda path: png(path, STEPS),
        ", window: [0, 1500]}",
        {"x: pixels outside the window, clipped (a wider window keeps them)": 2},
    ),
    "colours": (
        "a.png",
        lambda path: png(path, np.array([[[255, 0, 0]] * 2] * 2, np.uint8)),
        "}",
        {"x: pictures whose colours become gray (shape [3, ...] keeps them)": 1},
    ),
    "pages": ("a.tif", _pages, "}", {"x: frames behind the first of a picture (kind: video keeps them)": 2}),
    "frames of a DICOM": (
        "a.dcm",
        lambda path: dicom(path, np.zeros((3, 2, 2), np.uint8), NumberOfFrames=3),
        "}",
        {"x: frames behind the first of a picture (kind: video keeps them)": 2},
    ),
    "slices": (
        "a.nii",
        lambda path: nifti(path, np.zeros((2, 2, 5), np.uint8)),
        "}",
        {"x: slices beside the middle one of a volume (kind: video keeps them)": 4},
    ),
}


@pytest.mark.parametrize("case", LOST)
def test_what_pictures_lose_is_counted(case: str, tmp_path: Path) -> None:
    name, write, more, expected = LOST[case]
    write(tmp_path / name)
    assert counted(load(tmp_path, IMAGE + more, name)) == expected


REFUSED: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "16 bits of which nobody says how many are used": ("a.png", lambda path: png(path, STEPS), r"declare its `window`, \[0, 4095\] for 12 bits"),
    "floats": ("a.tif", lambda path: Image.fromarray(np.ones((2, 2), np.float32)).save(path), "a float picture: declare its `window`"),
    "a volume of unknown range": ("a.nii", lambda path: nifti(path, np.ones((2, 2, 2), np.int16)), "does not state its range of values"),
    "no DICOM": ("a.dcm", lambda path: path.write_bytes(b"nothing") and None, "not a DICOM file: InvalidDicomError"),
    "a DICOM without pixels": ("a.dcm", lambda path: dicom(path, STEPS, BitsAllocated=7), "no pixels that can be read"),
    "a sigmoid": ("a.dcm", lambda path: dicom(path, STEPS, WindowCenter=1, WindowWidth=2, VOILUTFunction="SIGMOID"), "declare a `window`"),
    "no NIfTI": ("a.nii", lambda path: path.write_bytes(b"nothing") and None, "not a NIfTI file"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_unknown_is_refused_and_no_tag_is_shown(case: str, tmp_path: Path, capsys: Any, caplog: Any) -> None:
    name, write, words = REFUSED[case]
    write(tmp_path / name)
    with pytest.raises(DatasetError, match=words) as caught:
        load(tmp_path, IMAGE + "}", name)
    said = str(caught.value) + "".join(capsys.readouterr()) + caplog.text
    assert "manifest.csv:2: column 'file'" in said and "Made" not in said


def _many(folder: Path) -> None:
    (folder / "scans").mkdir()
    for name, value in (("r1_2.png", 2), ("r1_10.png", 10), ("r2_1.png", 21), ("r3_1.png", 31)):
        png(folder / "scans" / name, np.full((2, 2), value, np.uint8))


def test_pictures_are_called_after_the_record(tmp_path: Path) -> None:
    _many(tmp_path)
    cohort = load(
        tmp_path,
        "  x: {kind: image, folder: scans, files: '{id}_*.png', shape: [1, 2, 2]}\n"
        "  y: {kind: image, folder: scans, files: '{id}_*.png', shape: [1, 2, 2], view: 2}",
    )
    assert [picture(cohort, "x", row)[0][0][0] for row in (0, 1)] == [2, 21]
    assert picture(cohort, "y")[0][0][0] == 10 and cohort.present["y"].tolist() == [True, False]
    assert cohort.dropped["x: files that are called after no record (add it to the manifest)"] == 1


def test_further_pictures_of_a_record_are_counted(tmp_path: Path) -> None:
    _many(tmp_path)
    cohort = load(tmp_path, "  x: {kind: image, files: 'scans/{id}_*.png', shape: [1, 2, 2]}")
    assert counted(cohort) == {
        "x: files that are called after no record (add it to the manifest)": 1,
        "x: further pictures of a record beside 1 (another modality with view: 2 keeps them)": 1,
    }
    cell = "id,patient,label,file\nr1,p1,a,r1_10.png; r1_2.png\nr2,p2,b,r2_1.png\n"
    cohort = load(tmp_path, "  x: {kind: image, folder: scans, column: file, split: ';', shape: [1, 2, 2]}", manifest=cell)
    assert picture(cohort)[0][0][0] == 10
    assert counted(cohort) == {"x: further pictures of a record beside 1 (another modality with view: 2 keeps them)": 1}


@pytest.mark.parametrize(("column", "place"), [("patient", "{patient}.png"), ("id", "{patient}/{id}.png")])
def test_a_pattern_names_any_columns(column: str, place: str, tmp_path: Path) -> None:
    file = tmp_path / place.format(patient="p1", id="r1")
    file.parent.mkdir(exist_ok=True)
    png(file, np.full((2, 2), 5, np.uint8))
    cohort = load(tmp_path, f"  x: {{kind: image, files: '{place}', shape: [1, 2, 2]}}")
    assert picture(cohort)[0][0][0] == 5 and cohort.present["x"].tolist() == [True, False] and column


def test_a_pattern_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inner = tmp_path / "cohort"
    inner.mkdir()
    png(tmp_path / "r1.png", np.zeros((2, 2), np.uint8))
    (inner / "r1.png").symlink_to(tmp_path / "r1.png")
    with pytest.raises(DatasetError, match="leads out of"):
        load(inner, "  x: {kind: image, files: '{id}.png', shape: [1, 2, 2]}")


def test_slices_of_a_folder_are_the_frames_of_a_clip_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    for at, name in enumerate(("c", "b", "a")):
        dicom(tmp_path / "ct" / name, np.full((2, 2), 10 * at, np.uint8), InstanceNumber=at + 1)
    cohort = load(tmp_path, "  x: {kind: video, column: file, shape: [3, 1, 2, 2]}", "ct")
    assert [frame[0][0][0] for frame in picture(cohort)] == [0, 10, 20]
    cohort = load(tmp_path, "  x: {kind: video, column: file, shape: [2, 1, 2, 2]}", "ct")
    assert counted(cohort) == {"x: frames between the 2 that are taken evenly (a longer shape keeps them)": 1}


def test_a_volume_is_a_clip_from_the_feet_up(tmp_path: Path) -> None:
    nifti(tmp_path / "a.nii.gz", np.arange(8, dtype=np.uint8).reshape(2, 2, 2))
    cohort = load(tmp_path, "  x: {kind: video, column: file, shape: [2, 1, 2, 2]}", "a.nii.gz")
    # value = 4 right + 2 front + up: the first row is the front, the first column the patient's right
    assert picture(cohort) == [[[[6, 2], [4, 0]]], [[[7, 3], [5, 1]]]]


def test_pictures_that_do_not_fit_in_memory_say_what_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fpmg_plugins.datasets.folder import media

    monkeypatch.setattr(media, "KEPT_BYTES", 1)
    png(tmp_path / "a.png", np.zeros((4, 4), np.uint8))
    dropped = counted(load(tmp_path, IMAGE + "}", "a.png"))
    assert dropped == {"x: records read when taken, and not looked at for this count (a smaller cohort or shape is)": 1}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("", "give either column"),
        (", column: file, files: '{id}.png'", "give either column"),
        (", files: 'x.png'", "a pattern names a column"),
        (", files: '{idd}.png'", "has no column 'idd'. Did you mean 'id'?"),
        (", files: '{id}.png', split: ';'", "split parts the cells of column"),
    ],
)
def test_a_pattern_that_makes_no_sense_is_refused(more: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, f"  x: {{kind: image{more}}}")
    assert words in str(caught.value)
