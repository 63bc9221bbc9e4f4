"""Images and clips of a folder: decoded once and kept where they fit in memory, else read when taken."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.document import inside
from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Pixels, Schema
from fpmg_plugins.datasets.folder.columns import strings
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import ImageSpec, VideoSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

KEPT_BYTES = 512 * 2**20
MOST_PIXELS, MOST_PIXELS_OF_CLIP = 2**26, 2**29
MODES = {1: "L", 3: "RGB"}


def files(spec: ImageSpec | VideoSpec, manifest: Manifest, root: Path, declared_at: str) -> list[Path | None]:
    """The file of each row, None where the cell is empty; it need not be there. Raises DatasetError where one is outside the root."""
    cells = enumerate(strings(manifest.cells(spec.column, declared_at)))
    return [
        None if cell is None else inside(root, str(Path(spec.folder) / cell), manifest.place(at, spec.column))
        for at, cell in cells
    ]


def pixels(spec: ImageSpec | VideoSpec, paths: list[Path | None], manifest: Manifest, declared_at: str) -> tuple[Schema, Pixels]:
    """Arrays [n, *shape], black where there is no file. Raises DatasetError at a file that cannot be decoded: now, or when

    taken if the cohort is larger than 512 MiB.
    """
    for at, path in enumerate(paths):
        if path is not None and not path.is_file():
            raise DatasetError(f"{manifest.place(at, spec.column)}: there is no file {path}", "bring it, or empty the cell")
    if spec.shape[-3] not in MODES and any(path is not None and path.suffix != ".npy" for path in paths):
        raise DatasetError(f"{declared_at}.shape: {spec.shape[-3]} channels; pictures have 1 or 3, others need .npy files")

    def read(rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        out = np.zeros((len(rows), *spec.shape), np.uint8)
        decoded: dict[Path, int] = {}  # where a file that several rows name is already
        for at, row in enumerate(rows):
            path = paths[row]
            if path is not None:
                before = decoded.setdefault(path, at)
                out[at] = out[before] if before < at else decode(path, spec, manifest.place(int(row), spec.column))
        return out

    everything = np.arange(len(paths))
    small = len(paths) * math.prod(spec.shape) <= KEPT_BYTES
    return Schema(spec.kind, (), spec.shape), Pixels.of(read(everything)) if small else Pixels(read, everything)


def decode(path: Path, spec: ImageSpec | VideoSpec, place: str) -> NDArray[np.uint8]:
    """One file as [c, h, w] or [t, c, h, w]; anything Pillow reads, or a uint8 .npy of exactly that shape."""
    from PIL import Image

    try:
        if path.suffix == ".npy":
            return _array(path, spec)
        with Image.open(path) as picture:
            _bounded(picture, spec)
            return _clip(picture, spec) if isinstance(spec, VideoSpec) else _picture(picture, spec)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise many kinds at a broken file
        what = str(error).splitlines()[0].replace(str(path), path.name) if str(error) else type(error).__name__
        raise DatasetError(f"{place}: {path} cannot be decoded ({what})", "replace the file, or empty the cell") from error


def _array(path: Path, spec: ImageSpec | VideoSpec) -> NDArray[np.uint8]:
    """Mapped first: a header may promise more than memory holds."""
    array: NDArray[np.uint8] = np.lib.format.open_memmap(path, mode="r")
    if array.dtype != np.uint8 or array.shape != spec.shape:
        raise ValueError(f"{array.dtype} of shape {array.shape}, not uint8 of shape {spec.shape}")
    return array


def _bounded(picture: Image, spec: ImageSpec | VideoSpec) -> None:
    """Before anything is decoded: a file of some kB may hold a picture of many GB."""
    pixels = picture.width * picture.height
    if pixels > MOST_PIXELS:
        raise ValueError(f"{pixels:,} pixels; at most {MOST_PIXELS:,}")
    frames = getattr(picture, "n_frames", 1) if isinstance(spec, VideoSpec) else 1
    if frames * max(pixels, math.prod(spec.shape[-3:])) > MOST_PIXELS_OF_CLIP:
        raise ValueError(f"{frames:,} frames of {pixels:,} pixels; at most {MOST_PIXELS_OF_CLIP:,} pixels in all")


def _clip(picture: Image, spec: VideoSpec) -> NDArray[np.uint8]:
    """The frames, repeated by their durations, `t` of them at even distances."""
    frames: list[NDArray[np.uint8]] = []
    times: list[int] = []
    for at in range(getattr(picture, "n_frames", 1)):
        picture.seek(at)
        frames.append(_picture(picture, spec))  # going back to a frame would decode all before it again
        duration = picture.info.get("duration", 0)  # Pillow learns a WebP frame's when it decodes it
        times.append(max(1, round(duration / spec.frame_ms)) if spec.frame_ms else 1)
    ends = np.cumsum(times)
    wanted = np.round(np.linspace(0, ends[-1] - 1, spec.shape[0]))
    return np.stack([frames[at] for at in np.searchsorted(ends, wanted, side="right")])


def _picture(picture: Image, spec: ImageSpec | VideoSpec) -> NDArray[np.uint8]:
    channels, height, width = spec.shape[-3:]
    flat = _eight_bits(picture, spec.window).convert(MODES[channels])
    array = np.asarray(_fitted(flat, width, height, spec.fit))
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def _eight_bits(picture: Image, window: tuple[float, float] | None) -> Image:
    """16-bit and float pictures through the window (default: 0 to 65535, floats 0 to 1); Pillow would cut them off at 255."""
    if picture.mode not in ("I", "F", "I;16", "I;16B", "I;16L", "I;16N"):
        return picture
    from PIL import Image as Pil

    low, high = window or ((0.0, 1.0) if picture.mode == "F" else (0.0, 65535.0))
    scaled = (np.asarray(picture, dtype=np.float64) - low) / (high - low)
    return Pil.fromarray(np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8))


def _fitted(picture: Image, width: int, height: int, fit: str) -> Image:
    from PIL import Image as Pil
    from PIL import ImageOps

    if picture.size == (width, height):
        return picture
    if fit == "pad":
        return ImageOps.pad(picture, (width, height), Pil.Resampling.BILINEAR)
    if fit == "crop":
        return ImageOps.fit(picture, (width, height), Pil.Resampling.BILINEAR)
    return picture.resize((width, height), Pil.Resampling.BILINEAR)
