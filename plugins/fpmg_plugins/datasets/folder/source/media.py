"""Pictures and clips in the declared folder, without loss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fpmg_bench.cohorts.folder import FRAME_MS, PNG_CHANNELS, pictures, write_pixels
from fpmg_bench.document import inside
from fpmg_plugins.datasets.folder.source.cells import SYNTHETIC
from fpmg_plugins.datasets.folder.spec import ImageSpec, VideoSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.types import Pixels


def write(spec: ImageSpec | VideoSpec, name: str, data: Pixels, here: NDArray[np.bool_], root: Path) -> list[str | None]:
    """Files below root, and the cell [n] that names each as the source would: relative to `folder`, else in one of the modality's name."""
    below = "" if spec.folder else f"{name}/"
    folder = inside(root, str(Path(spec.folder) / below), f"modality '{name}'")
    folder.mkdir(parents=True, exist_ok=True)
    ending = "png" if spec.shape[-3] in PNG_CHANNELS else "npy"
    width = len(str(len(data)))
    cells: list[str | None] = [None] * len(data)
    for row, array in pictures(data, here):
        file = f"{SYNTHETIC}{row + 1:0{width}d}.{ending}"
        write_pixels(array, folder / file, getattr(spec, "frame_ms", None) or FRAME_MS)
        cells[row] = below + file
    return cells
