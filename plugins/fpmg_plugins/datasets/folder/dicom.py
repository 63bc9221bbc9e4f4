"""DICOM files (extra [dicom]) as 8-bit frames: modality LUT, window, photometric interpretation. No tag is kept, shown or logged."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_plugins.datasets.folder.pictures import bounded, scaled
from fpmg_plugins.datasets.folder.spec import ImageSpec, VideoSpec

if TYPE_CHECKING:
    from PIL.Image import Image

    from fpmg_plugins.datasets.folder.pictures import Window

ENDINGS = (".dcm", ".dicom", ".ima")
MAGIC_AT, MAGIC = 128, b"DICM"
BROKEN = (AttributeError, KeyError, TypeError, ValueError, IndexError, EOFError, OSError)
DECODERS = "pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
GRAY = ("MONOCHROME1", "MONOCHROME2")


def is_dicom(path: Path) -> bool:
    """By its ending; without one, by its first bytes."""
    if path.suffix.lower() in ENDINGS:
        return True
    if path.suffix[1:].isalpha():
        return False
    with path.open("rb") as stream:
        return stream.read(MAGIC_AT + 4)[MAGIC_AT:] == MAGIC


def frames(path: Path, spec: ImageSpec | VideoSpec, lost: Counter[str]) -> Generator[tuple[Image, int], None, None]:
    """8-bit frames with their milliseconds (0: not stated); of an image the first, others are counted in `lost`."""
    with _quiet():
        head = _read(path, stop_before_pixels=True)
        count = int(head.get("NumberOfFrames") or 1)
        bounded(int(head.get("Columns", 0)), int(head.get("Rows", 0)), count, spec)
        data = _read(path)
        array = _decoded(data)
        gray = data.PhotometricInterpretation in GRAY
        array = array[None] if count == 1 else array
        if spec.kind == "image":
            lost["frames behind the first of a picture (kind: video keeps them)"] += len(array) - 1
            array = array[:1]
        duration = round(float(data.get("FrameTime") or 0))
        pictures = [_gray(each, data, spec.window, lost) if gray else _coloured(each, data) for each in array]
    yield from ((picture, duration) for picture in pictures)


def _read(path: Path, **ways: Any) -> Any:
    pydicom = _pydicom()
    try:
        return pydicom.dcmread(path, **ways)
    except (pydicom.errors.InvalidDicomError, *BROKEN) as error:  # messages of pydicom may quote tags
        raise ValueError(f"not a DICOM file: {type(error).__name__}") from None


def _decoded(data: Any) -> Any:
    try:
        return _pydicom().pixels.pixel_array(data)
    except (RuntimeError, NotImplementedError):
        raise ValueError(f"its compression needs a decoder: pip install {DECODERS}") from None
    except BROKEN as error:
        raise ValueError(f"no pixels that can be read: {type(error).__name__}") from None


def place_in_series(path: Path) -> tuple[int, str]:
    """What slices of one folder are ordered by: their instance number, then their name."""
    with _quiet():
        head = _read(path, stop_before_pixels=True, specific_tags=["InstanceNumber"])
        return int(head.get("InstanceNumber") or 0), path.name


def _gray(values: Any, data: Any, window: Window | None, lost: Counter[str]) -> Image:
    """Modality units through the declared window, else the file's, else all that its stored bits can hold."""
    from PIL import ImageOps
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    units = np.asarray(apply_modality_lut(values, data), dtype=np.float64)
    if window is None and "WindowWidth" not in data and "VOILUTSequence" in data:
        units = np.asarray(apply_voi_lut(np.asarray(apply_modality_lut(values, data)), data), dtype=np.float64)
        window = (0.0, 2.0 ** int(data.VOILUTSequence[0].LUTDescriptor[2]) - 1)
    eight = scaled(units, window or _window(data) or _stored(data), lost)
    return ImageOps.invert(eight) if data.PhotometricInterpretation == "MONOCHROME1" else eight


def _window(data: Any) -> Window | None:
    """PS3.3 C.11.2.1.2: the first centre and width that the file states."""
    if "WindowCenter" not in data or "WindowWidth" not in data:
        return None
    centre, width = (
        float(each[0] if isinstance(each, list | tuple) or hasattr(each, "__len__") else each)
        for each in (data.WindowCenter, data.WindowWidth)
    )
    way = str(data.get("VOILUTFunction") or "LINEAR")
    if way == "SIGMOID":
        raise ValueError("its window is a sigmoid: declare a `window` in the file's units")
    if way == "LINEAR_EXACT":
        return centre - width / 2, centre + width / 2
    return centre - 0.5 - (width - 1) / 2, centre - 0.5 + max((width - 1) / 2, 0.5)


def _stored(data: Any) -> Window:
    """The units of the smallest and the largest number of the stored bits."""
    from pydicom.pixels.processing import apply_modality_lut

    bits = int(data.BitsStored)
    ends = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if data.PixelRepresentation else [0, 2**bits - 1])
    low, high = sorted(float(value) for value in apply_modality_lut(ends, data))
    return low, high


def _coloured(values: Any, data: Any) -> Image:
    from PIL import Image as Pil
    from pydicom.pixels.processing import apply_color_lut

    if data.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, data)
    if values.dtype != np.uint8:
        values = (values >> (8 * values.dtype.itemsize - 8)).astype(np.uint8)
    return Pil.fromarray(np.ascontiguousarray(values))


def _pydicom() -> Any:
    try:
        import pydicom
        import pydicom.pixels
    except ImportError:
        raise ValueError("DICOM needs the extra [dicom]: pip install 'fpmg-bench[dicom]'") from None
    return pydicom


@contextmanager
def _quiet() -> Iterator[None]:
    """pydicom warns with the values of tags, which may name a person."""
    log = logging.getLogger("pydicom")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
