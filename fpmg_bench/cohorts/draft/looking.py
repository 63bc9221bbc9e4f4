"""What pictures are like: frames, colours, and how many of their bits are used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 2**26  # of a picture whose colours are looked at
TINT = 8  # gray levels by which the colours of a gray picture may differ after compression
DEPTHS = (8, 10, 12, 14, 16)  # bits that scanners use
DICOM, NIFTI = (".dcm", ".dicom", ".ima"), (".nii", ".nii.gz")


@dataclass
class Looks:
    """frames: the most of a file; low, high: of values of more than 8 bits (nan: none were seen); extra: what must be installed."""

    frames: int = 1
    gray: bool = True
    low: float = math.nan
    high: float = math.nan
    whole: bool = True
    extra: str = ""

    def window(self) -> tuple[list[float] | None, str]:
        """(what becomes 0 and 255, a remark)."""
        if math.isnan(self.high):
            return None, ""
        if self.whole and self.low >= 0:
            bits = next((bits for bits in DEPTHS if self.high < 2**bits), 32)
            return [0, 2**bits - 1], f"window: {bits} bits are used in what was looked at: declare what the scanner stores"
        return [math.floor(self.low), math.ceil(self.high)], "window: as seen in what was looked at: declare the scanner's"

    def saw(self, low: float, high: float, whole: bool) -> None:
        """Values of a picture of more than 8 bits."""
        self.low, self.high = min(low, self.low), max(high, self.high)
        if math.isnan(self.low) or math.isnan(self.high):
            self.low, self.high = low, high
        self.whole &= whole


def looked_at(files: list[Path]) -> Looks:
    """What these files are like; a broken one is passed over: the folder dataset names it when it loads."""
    looks = Looks()
    for file in files:
        name = file.name.lower()
        if name.endswith(NIFTI):
            _nifti(file, looks)
        elif name.endswith(DICOM):
            _dicom(file, looks)
        elif not name.endswith(".npy"):
            _pillow(file, looks)
    return looks


def _pillow(file: Path, looks: Looks) -> None:
    from PIL import Image as Pil

    try:
        with Pil.open(file) as found:
            looks.frames = max(looks.frames, getattr(found, "n_frames", 1))
            if found.width * found.height > MOST_PIXELS:
                return
            looks.gray &= _gray(found)
            if found.mode in ("I", "F") or found.mode.startswith("I;16"):
                low, high = (float(each) for each in found.getextrema()[:2])  # type: ignore[arg-type]
                looks.saw(low, high, found.mode != "F")
    except (OSError, ValueError, SyntaxError, Pil.DecompressionBombError):
        return


def _gray(found: Image) -> bool:
    """WebP and many scanners write gray pictures in three equal colours."""
    from PIL import ImageChops

    if found.mode in ("1", "L", "LA", "I", "F") or found.mode.startswith("I;16"):
        return True
    red, green, blue = found.convert("RGB").split()
    return not any(sum(ImageChops.difference(*pair).histogram()[TINT + 1 :]) for pair in ((red, green), (green, blue)))


def _dicom(file: Path, looks: Looks) -> None:
    """Its window or its stored bits are read with it."""
    try:
        import pydicom
    except ImportError:
        looks.extra = "dicom"
        return
    try:
        head: Any = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["NumberOfFrames", "SamplesPerPixel"])
        looks.frames = max(looks.frames, int(head.get("NumberOfFrames") or 1))
        looks.gray &= int(head.get("SamplesPerPixel") or 1) == 1
    except (pydicom.errors.InvalidDicomError, OSError, ValueError, AttributeError):
        return


def _nifti(file: Path, looks: Looks) -> None:
    try:
        import nibabel
    except ImportError:
        looks.extra = "nifti"
        return
    import numpy as np

    try:
        found: Any = nibabel.load(file)
        looks.frames = max(looks.frames, int(found.shape[2]) if len(found.shape) > 2 else 1)
        if found.get_data_dtype() != np.uint8 and not float(found.header["cal_max"]) > float(found.header["cal_min"]):
            low, high = np.nanquantile(np.asarray(found.dataobj), (0.005, 0.995))
            looks.saw(float(low), float(high), False)
    except (nibabel.filebasedimages.ImageFileError, OSError, ValueError, EOFError, KeyError):
        return
