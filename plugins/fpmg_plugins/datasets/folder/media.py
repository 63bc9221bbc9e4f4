"""Images and clips of a folder: decoded once and kept where they fit in memory, else read when taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Pixels, Schema
from fpmg_plugins.datasets.folder.columns import strings
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import ImageSpec, VideoSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

KEPT_BYTES = 512 * 2**20
MODES = {1: "L", 3: "RGB"}


def files(spec: ImageSpec | VideoSpec, manifest: Manifest, root: Path, declared_at: str) -> list[Path | None]:
    """The file of each row, None where the cell is empty. Raises DatasetError where one is outside the root or not there."""
    found: list[Path | None] = []
    inside = root.resolve()
    for at, cell in enumerate(strings(manifest.cells(spec.column, declared_at))):
        path = None if cell is None else (inside / spec.folder / cell).resolve()
        if path is not None and not path.is_relative_to(inside):
            raise DatasetError(f"{manifest.place(at, spec.column)}: leads out of {root}", "media belong below the root")
        if path is not None and not path.is_file():
            raise DatasetError(f"{manifest.place(at, spec.column)}: there is no file {path}")
        found.append(path)
    return found


def pixels(spec: ImageSpec | VideoSpec, paths: list[Path | None], manifest: Manifest, declared_at: str) -> tuple[Schema, Pixels]:
    """Arrays [n, *shape], black where there is no file. Raises DatasetError at a file that cannot be decoded: now, or when

    taken if the cohort is larger than 512 MiB.
    """
    if spec.shape[-3] not in MODES and any(path is not None and path.suffix != ".npy" for path in paths):
        raise DatasetError(f"{declared_at}.shape: {spec.shape[-3]} channels; pictures have 1 or 3, others need .npy files")

    def read(rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        out = np.zeros((len(rows), *spec.shape), np.uint8)
        for at, row in enumerate(rows):
            path = paths[row]
            if path is not None:
                out[at] = decode(path, spec, manifest.place(int(row), spec.column))
        return out

    everything = np.arange(len(paths))
    small = len(paths) * int(np.prod(spec.shape)) <= KEPT_BYTES
    return Schema(spec.kind, (), spec.shape), Pixels.of(read(everything)) if small else Pixels(read, everything)


def decode(path: Path, spec: ImageSpec | VideoSpec, place: str) -> NDArray[np.uint8]:
    """One file as [c, h, w] or [t, c, h, w]; anything Pillow reads, or a uint8 .npy of exactly that shape."""
    from PIL import Image, UnidentifiedImageError

    try:
        if path.suffix == ".npy":
            return _array(path, spec)
        with Image.open(path) as picture:
            return _clip(picture, spec) if isinstance(spec, VideoSpec) else _picture(picture, spec)
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        what = str(error).splitlines()[0].replace(str(path), path.name) if str(error) else type(error).__name__
        raise DatasetError(f"{place}: {path} cannot be decoded ({what})", "replace the file, or empty the cell") from error


def _array(path: Path, spec: ImageSpec | VideoSpec) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = np.load(path, allow_pickle=False)
    if array.dtype != np.uint8 or array.shape != spec.shape:
        raise ValueError(f"{array.dtype} of shape {array.shape}, not uint8 of shape {spec.shape}")
    return array


def _clip(picture: Image, spec: VideoSpec) -> NDArray[np.uint8]:
    """The frames, repeated by their durations, `t` of them at even distances."""
    shown: list[int] = []
    for at in range(getattr(picture, "n_frames", 1)):
        picture.seek(at)
        if picture.format == "WEBP":
            picture.load()  # Pillow learns a WebP frame's duration when it decodes it
        duration = picture.info.get("duration", 0)
        shown += [at] * (max(1, round(duration / spec.frame_ms)) if spec.frame_ms else 1)
    wanted = np.asarray(shown)[np.round(np.linspace(0, len(shown) - 1, spec.shape[0])).astype(int)]
    frames: dict[int, NDArray[np.uint8]] = {}
    for at in np.unique(wanted):
        picture.seek(int(at))
        frames[int(at)] = _picture(picture, spec)
    return np.stack([frames[int(at)] for at in wanted])


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
