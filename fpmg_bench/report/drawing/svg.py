"""Small drawings that need no script: curves and graphs as SVG, pixels as PNG data URIs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH, HEIGHT, EDGE = 132, 40, 4
SIDE = 128  # larger pictures are shrunk to this many pixels

Curve = Sequence[tuple[float, float]]


def curve(points: Curve, time: tuple[float, float], scale: tuple[float, float]) -> str:
    """One curve of (time, value); what lies beyond the scale is drawn at its edge, single values are dots."""
    drawn = _path(points, time, scale) if points else ""
    return f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{drawn}</svg>'


def _path(points: Curve, time: tuple[float, float], scale: tuple[float, float]) -> str:
    at = [(_place(t, time, EDGE, WIDTH - EDGE), _place(v, scale, HEIGHT - EDGE, EDGE)) for t, v in points]
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="1.3"/>' for x, y in at)
    return f'<path class="s0" d="M{"L".join(f"{x} {y}" for x, y in at)}"/>{dots}' if len(at) > 1 else dots


def _place(value: float, scale: tuple[float, float], start: float, end: float) -> str:
    low, high = scale
    share = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5
    return f"{start + share * (end - start):.1f}"


def graph(edges: Iterable[tuple[int, int]], silos: int) -> str:
    """Silos on a circle, 0 on top, clockwise; hubs and the server (squares) inside. One-way edges have a head."""
    sent = {(a, b) for a, b in edges}
    at = {silo: _around(silo / silos, 44.0) for silo in range(silos)}
    at |= _inside(sent, at)
    lines = [_edge(at[a], at[b], one_way=(b, a) not in sent) for a, b in sorted(sent) if a < b or (b, a) not in sent]
    dots = [_dot(place, silo=node >= 0) for node, place in sorted(at.items())]
    return f'<svg viewBox="0 0 100 100" aria-hidden="true">{"".join(lines + dots)}</svg>'


def _around(share: float, radius: float) -> tuple[float, float]:
    return 50 + radius * math.sin(2 * math.pi * share), 50 - radius * math.cos(2 * math.pi * share)


def _inside(sent: Iterable[tuple[int, int]], at: Mapping[int, tuple[float, float]]) -> dict[int, tuple[float, float]]:
    """Servers in the middle, hubs half-way to the middle of their silos."""
    found: dict[int, tuple[float, float]] = {}
    for hub in sorted({node for edge in sent for node in edge if node < 0}):
        own = [at[a] for a, b in sent if b == hub and a >= 0]
        x, y = (sum(p[i] for p in own) / len(own) if own else 50.0 for i in (0, 1))
        away = math.hypot(x - 50, y - 50)
        found[hub] = (50.0, 50.0) if hub == -1 or away < 1e-6 else (50 + 24 * (x - 50) / away, 50 + 24 * (y - 50) / away)
    return found


def _edge(start: tuple[float, float], end: tuple[float, float], *, one_way: bool) -> str:
    (x, y), (u, v) = start, end
    drawn = f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}"/>'
    length = math.hypot(u - x, v - y)
    if not one_way or not length:
        return drawn
    dx, dy, tx, ty = (u - x) / length, (v - y) / length, u - 6 * (u - x) / length, v - 6 * (v - y) / length
    left, right = ((tx - 6 * dx - s * 2.5 * dy, ty - 6 * dy + s * 2.5 * dx) for s in (1, -1))
    return f'{drawn}<path d="M{tx:.1f} {ty:.1f}L{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}z"/>'


def _dot(place: tuple[float, float], *, silo: bool) -> str:
    x, y = place
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>' if silo else f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
    )


def shrink(pixels: NDArray[np.uint8], side: int = SIDE) -> NDArray[np.uint8]:
    """At most `side` pixels on the longer side."""
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def data_uri(pixels: NDArray[np.uint8], packed: bool = True) -> str:
    """[h, w] or [h, w, 3] uint8 as a PNG in a data URI. packed False: not compressed, so that its length tells nothing but its size."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", **({"optimize": True} if packed else {"compress_level": 0}))
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def strip(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Frames of one size side by side, a pixel apart."""
    import numpy as np

    gap = np.zeros((len(frames[0]), 1, *frames[0].shape[2:]), np.uint8)
    return np.concatenate([part for frame in frames for part in (frame, gap)][:-1], axis=1)
