"""Images and clips of a folder: decoded once and kept where they fit in memory, else read when taken."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Pixels, Schema
from fpmg_plugins.datasets.folder import dicom, nifti, pictures
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import ImageSpec, VideoSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from fpmg_plugins.datasets.folder.naming import Named

KEPT_BYTES = 512 * 2**20
MODES = {1: "L", 3: "RGB"}
TINT, SMALL = 8, 32  # gray levels by which colours of a gray picture may differ, seen at so many pixels


def pixels(
    name: str, spec: ImageSpec | VideoSpec, named: Sequence[Named], manifest: Manifest, declared_at: str, dropped: Counter[str]
) -> tuple[Schema, Pixels]:
    """Arrays [n, *shape], black where there is no file. Raises DatasetError at a file that cannot be decoded: now, or when

    taken if the cohort is larger than 512 MiB; what pictures lose is counted in `dropped` if they are decoded now.
    """
    if spec.shape[-3] not in MODES and any(path.suffix != ".npy" for files in named for path in files):
        raise DatasetError(f"{declared_at}.shape: {spec.shape[-3]} channels; pictures have 1 or 3, others need .npy files")

    lost: Counter[str] = Counter()

    def read(rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        out = np.zeros((len(rows), *spec.shape), np.uint8)
        decoded: dict[Named, int] = {}  # where files that several rows name are already
        for at, row in enumerate(rows):
            files = named[row]
            if files:
                before = decoded.setdefault(files, at)
                out[at] = out[before] if before < at else decode(files, spec, _place(manifest, int(row), spec), lost)
        return out

    everything = np.arange(len(named))
    schema = Schema(spec.kind, (), spec.shape)
    if len(named) * math.prod(spec.shape) > KEPT_BYTES:
        dropped[f"{name}: records read when taken, and not looked at for this count (a smaller cohort or shape is)"] += sum(
            map(bool, named)
        )
        return schema, Pixels(read, everything)
    kept = Pixels.of(read(everything))
    dropped.update({f"{name}: {reason}": count for reason, count in lost.items() if count})
    return schema, kept


def _place(manifest: Manifest, row: int, spec: ImageSpec | VideoSpec) -> str:
    return manifest.place(row, spec.column) if spec.column else f"{manifest.file}:{manifest.rows[row]}"


def decode(files: Named, spec: ImageSpec | VideoSpec, place: str, lost: Counter[str]) -> NDArray[np.uint8]:
    """A record's files as [c, h, w] or [t, c, h, w]: what Pillow reads, DICOM, NIfTI, or a uint8 .npy of exactly that shape."""
    path = files[0]
    try:
        if path.suffix == ".npy":
            return _array(path, spec, len(files))
        if isinstance(spec, ImageSpec):
            with closing(_frames(path, spec, lost)) as found:
                return _fitted(next(found)[0], spec, lost)
        return _clip([frame for path in files for frame in _each(path, spec, lost)], spec, lost)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise many kinds at a broken file
        what = str(error).splitlines()[0].replace(str(path), path.name) if str(error) else type(error).__name__
        raise DatasetError(f"{place}: {path} cannot be decoded ({what})", "replace the file, or empty the cell") from error


def _frames(path: Path, spec: ImageSpec | VideoSpec, lost: Counter[str]) -> Generator[tuple[Image, int], None, None]:
    if nifti.is_nifti(path):
        return nifti.frames(path, spec, lost)
    return dicom.frames(path, spec, lost) if dicom.is_dicom(path) else pictures.frames(path, spec, lost)


def _each(path: Path, spec: VideoSpec, lost: Counter[str]) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Frames in the declared shape: large ones are not held."""
    return ((_fitted(picture, spec, lost), duration) for picture, duration in _frames(path, spec, lost))


def _array(path: Path, spec: ImageSpec | VideoSpec, files: int) -> NDArray[np.uint8]:
    """Mapped first: a header may promise more than memory holds."""
    if files > 1:
        raise ValueError(f"one of {files} files: an array is a whole clip")
    array: NDArray[np.uint8] = np.lib.format.open_memmap(path, mode="r")
    if array.dtype != np.uint8 or array.shape != spec.shape:
        raise ValueError(f"{array.dtype} of shape {array.shape}, not uint8 of shape {spec.shape}")
    return array


def _clip(frames: list[tuple[NDArray[np.uint8], int]], spec: VideoSpec, lost: Counter[str]) -> NDArray[np.uint8]:
    """The frames, repeated by their durations, `t` of them at even distances."""
    times = [max(1, round(duration / spec.frame_ms)) if spec.frame_ms else 1 for _, duration in frames]
    ends = np.cumsum(times)
    wanted = np.searchsorted(ends, np.round(np.linspace(0, ends[-1] - 1, spec.shape[0])), side="right")
    lost[f"frames between the {spec.shape[0]} that are taken evenly (a longer shape keeps them)"] += len(frames) - len(
        set(wanted)
    )
    return np.stack([frames[at][0] for at in wanted])


def _fitted(picture: Image, spec: ImageSpec | VideoSpec, lost: Counter[str]) -> NDArray[np.uint8]:
    """One frame [c, h, w]."""
    channels, height, width = spec.shape[-3:]
    what = "frames" if isinstance(spec, VideoSpec) else "pictures"
    if channels == 1 and _coloured(picture):
        lost[f"{what} whose colours become gray (shape [3, ...] keeps them)"] += 1
    if picture.width > width or picture.height > height:
        lost[f"{what} scaled down to {height} x {width} (a larger shape keeps more)"] += 1
    array = np.asarray(_resized(picture.convert(MODES[channels]), width, height, spec.fit))
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def _coloured(picture: Image) -> bool:
    if picture.mode in ("1", "L", "LA"):
        return False
    small = np.asarray(picture.convert("RGB").resize((SMALL, SMALL)), dtype=np.int16)
    return bool((small.max(axis=2) - small.min(axis=2)).max() > TINT)


def _resized(picture: Image, width: int, height: int, fit: str) -> Image:
    from PIL import Image as Pil
    from PIL import ImageOps

    if picture.size == (width, height):
        return picture
    if fit == "pad":
        return ImageOps.pad(picture, (width, height), Pil.Resampling.BILINEAR)
    if fit == "crop":
        return ImageOps.fit(picture, (width, height), Pil.Resampling.BILINEAR)
    return picture.resize((width, height), Pil.Resampling.BILINEAR)
