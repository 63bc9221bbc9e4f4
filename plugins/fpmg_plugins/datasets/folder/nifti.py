"""NIfTI volumes (extra [nifti]) as axial frames from the feet up, front at the top, the patient's right on the left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_plugins.datasets.folder.pictures import bounded, scaled
from fpmg_plugins.datasets.folder.spec import ImageSpec, VideoSpec

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".nii", ".nii.gz")


def is_nifti(path: Path) -> bool:
    """By its ending."""
    return path.name.lower().endswith(ENDINGS)


def frames(path: Path, spec: ImageSpec | VideoSpec, lost: Counter[str]) -> Generator[tuple[Image, int], None, None]:
    """8-bit slices; of an image the middle one. Slices and volumes that are not taken are counted in `lost`."""
    try:
        import nibabel
    except ImportError:
        raise ValueError("NIfTI needs the extra [nifti]: pip install 'fpmg-bench[nifti]'") from None
    try:
        found: Any = nibabel.load(path)
    except (nibabel.filebasedimages.ImageFileError, EOFError) as error:
        raise ValueError(f"not a NIfTI file: {type(error).__name__}") from None
    shape = (*found.shape, 1, 1)[: max(3, len(found.shape))]
    bounded(shape[0], shape[1], int(np.prod(shape[2:])), spec)
    if len(shape) > 3 and np.prod(shape[3:]) > 1:
        lost["volumes behind the first of a file (a file each keeps them)"] += int(np.prod(shape[3:])) - 1
    volume = _upright(nibabel, found, shape)
    header, kept = found.header, range(volume.shape[2])
    if spec.kind == "image":
        lost["slices beside the middle one of a volume (kind: video keeps them)"] += len(kept) - 1
        kept = range(len(kept) // 2, len(kept) // 2 + 1)
    stated = (float(header["cal_min"]), float(header["cal_max"])) if "cal_max" in header else (0.0, 0.0)
    window = spec.window or (stated if stated[0] < stated[1] else (0.0, 255.0) if found.get_data_dtype() == np.uint8 else None)
    if window is None:
        raise ValueError("a volume that does not state its range of values: declare its `window`")
    for at in kept:
        yield scaled(volume[:, :, at], window, lost), 0


def _upright(nibabel: Any, found: Any, shape: tuple[int, ...]) -> Any:
    """The first volume [rows, columns, slices], axes by the file's affine."""
    first = np.asarray(found.dataobj[(..., *([0] * (len(shape) - 3)))] if len(found.shape) > 3 else found.dataobj)
    image = nibabel.Nifti1Image(np.nan_to_num(first.astype(np.float32)).reshape(shape[:3]), found.affine)
    canonical = nibabel.as_closest_canonical(image)  # x to the right, y to the front, z up
    return np.asarray(canonical.dataobj)[::-1, ::-1].transpose(1, 0, 2)
