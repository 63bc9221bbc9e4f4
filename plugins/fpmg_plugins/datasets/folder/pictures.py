"""Pictures and clips that Pillow reads, in 8 bits: EXIF turned, 16 bits through a window that is declared or stated in the file."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_plugins.datasets.folder.spec import ImageSpec, VideoSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    Window = tuple[float, float]

MOST_PIXELS, MOST_PIXELS_OF_CLIP = 2**26, 2**29
DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")  # modes of more than 8 bits
PNG = b"\x89PNG\r\n\x1a\n"
LARGEST_VALUE = 281  # TIFF's MaxSampleValue
TURNED = 274  # EXIF's orientation


def frames(path: Path, spec: ImageSpec | VideoSpec, lost: Counter[str]) -> Generator[tuple[Image, int], None, None]:
    """8-bit frames with their milliseconds (0: not stated); of an image the first, others are counted in `lost`."""
    from PIL import Image as Pil
    from PIL import ImageOps

    with Pil.open(path) as picture:
        bounded(picture.width, picture.height, getattr(picture, "n_frames", 1) if spec.kind == "video" else 1, spec)
        count = getattr(picture, "n_frames", 1)
        window = spec.window or _stated(path, picture)
        if _sixteen_bit_colours(path):
            lost["pictures of 16 bits a colour, of which 8 are kept (one gray picture a colour keeps them)"] += 1
        if spec.kind == "image":
            lost["frames behind the first of a picture (kind: video keeps them)"] += count - 1
            turned = ImageOps.exif_transpose(picture) if picture.getexif().get(TURNED, 1) != 1 else picture
            yield eight_bits(turned, window, lost), 0
            return
        for at in range(count):
            picture.seek(at)
            picture.load()  # Pillow learns a WebP frame's duration when it decodes it
            yield eight_bits(picture, window, lost), picture.info.get("duration", 0)


def bounded(width: int, height: int, count: int, spec: ImageSpec | VideoSpec) -> None:
    """Before anything is decoded: a file of some kB may hold a picture of many GB."""
    pixels = width * height
    if pixels > MOST_PIXELS:
        raise ValueError(f"{pixels:,} pixels; at most {MOST_PIXELS:,}")
    if count * max(pixels, math.prod(spec.shape[-3:])) > MOST_PIXELS_OF_CLIP:
        raise ValueError(f"{count:,} frames of {pixels:,} pixels; at most {MOST_PIXELS_OF_CLIP:,} pixels in all")


def eight_bits(picture: Image, window: Window | None, lost: Counter[str]) -> Image:
    """Pictures of more than 8 bits through the window; Pillow would cut them off at 255."""
    if picture.mode not in DEEP:
        return picture
    if window is None:
        bits = "a float picture" if picture.mode == "F" else "a picture of more than 8 bits that does not state how many are used"
        raise ValueError(f"{bits}: declare its `window`, [0, 4095] for 12 bits")
    return scaled(np.asarray(picture, dtype=np.float64), window, lost)


def scaled(values: NDArray[Any], window: Window, lost: Counter[str]) -> Image:
    """Gray values [h, w], the window's ends as 0 and 255."""
    from PIL import Image as Pil

    low, high = window
    beyond = int(((values < low) | (values > high)).sum())
    if beyond:
        lost["pixels outside the window, clipped (a wider window keeps them)"] += beyond
    return Pil.fromarray(np.round(255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8))


def _stated(path: Path, picture: Image) -> Window | None:
    """The range that the file itself states: a PNG's significant bits, a TIFF's largest value."""
    if picture.mode not in DEEP or picture.mode == "F":
        return None
    if picture.format == "PNG":
        bits = _chunk(path, b"sBIT")
        return (0.0, 2.0 ** bits[0] - 1) if bits else None
    tags = getattr(picture, "tag_v2", {})
    largest = tags.get(LARGEST_VALUE)
    largest = largest[0] if isinstance(largest, tuple) else largest
    return (0.0, float(largest)) if largest else None


def _sixteen_bit_colours(path: Path) -> bool:
    """A PNG in colour or with transparency, of which Pillow reads the upper 8 of 16 bits."""
    if path.suffix.lower() != ".png":
        return False
    header = _chunk(path, b"IHDR")
    return len(header) == 13 and header[8] == 16 and header[9] != 0


def _chunk(path: Path, name: bytes) -> bytes:
    """A PNG's first chunk of that name before its pixels; empty where there is none."""
    with path.open("rb") as stream:
        if stream.read(8) != PNG:
            return b""
        while len(head := stream.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == name:
                return stream.read(min(length, 1024))
            if kind == b"IDAT":
                break
            stream.seek(length + 4, 1)
    return b""
