"""Small drawings that need no script: curves as SVG, pixels as PNG data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH, HEIGHT, EDGE = 132, 60, 4
SIDE = 96  # larger pictures are shrunk to this many pixels

Curve = Sequence[tuple[float, float]]


def lines(curves: Sequence[tuple[Curve, tuple[float, float]]]) -> str:
    """Curves of (time, value) over one time axis, each in its own value range; colours follow the order."""
    times = [t for curve, _ in curves for t, _ in curve]
    first, last = (min(times), max(times)) if times else (0.0, 1.0)
    drawn = "".join(_path(curve, i, (first, last), scale) for i, (curve, scale) in enumerate(curves) if curve)
    return f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{drawn}</svg>'


def _path(curve: Curve, i: int, time: tuple[float, float], scale: tuple[float, float]) -> str:
    points = [(_place(t, time, EDGE, WIDTH - EDGE), _place(v, scale, HEIGHT - EDGE, EDGE)) for t, v in curve]
    if len(points) == 1:
        return f'<circle class="s{i}" cx="{points[0][0]}" cy="{points[0][1]}" r="2"/>'
    return f'<path class="s{i}" d="M{"L".join(f"{x} {y}" for x, y in points)}"/>'


def _place(value: float, scale: tuple[float, float], start: float, end: float) -> str:
    low, high = scale
    share = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5
    return f"{start + share * (end - start):.1f}"


def shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most SIDE pixels on the longer side."""
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    factor = SIDE / max(height, width)
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """[h, w] or [h, w, 3] uint8 as a PNG in a data URI."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
