"""Small charts as SVG that need no script. Colours are the page's variables, so dark mode and print follow."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.report.drawing.marks import dashed
from fpmg_bench.report.drawing.palette import Style
from fpmg_bench.report.wording import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.report.beside.cells import Cells

    Floats = NDArray[np.float64]

WIDTH, HEIGHT = 300, 150
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 8, 34
LETTERS = 16  # of a category beside its bar
Lines = Sequence[tuple[Style, "Floats"]]


def histogram(cells: Cells, real: Floats, synthetic: Lines, unit: str) -> str:
    """Real shares filled, synthetic ones as steps; the height of a cell is its share for each step of the grid."""
    ends = np.array(cells.ends)
    heights = [each / (np.diff(ends) / cells.step) for each in (real, *(line for _, line in synthetic))]
    frame = Frame((float(ends[0]), float(ends[-1])), (0.0, max(float(max(h.max() for h in heights)), 1e-9)))
    filled = f'<path d="M{frame.at(ends[0], 0)}{frame.steps(ends, heights[0])}L{frame.at(ends[-1], 0)}z" fill="var(--ink)" fill-opacity=".22"/>'
    lines = [
        f'<path d="M{frame.steps(ends, h)[1:]}" fill="none" stroke="var(--c{style.index})" stroke-width="1.6"{dashed(style.dash)}/>'
        for (style, _), h in zip(synthetic, heights[1:], strict=True)
    ]
    ticks = [ends[1], ends[len(ends) // 2], ends[-2]] if len(ends) > 3 else [ends[1]]
    return frame.svg(filled + "".join(lines), dict.fromkeys(float(t) for t in ticks), unit or "value", "share")


def shared(cells: Cells, real: Floats, synthetic: Lines) -> str:
    """Horizontal bars, a category a line: the real share filled, synthetic ones below it."""
    lines = len(synthetic) + 1
    band = 6 * lines + 5
    height = len(cells) * band + 22
    most = max(float(max(each.max() for each in (real, *(line for _, line in synthetic)))), 1e-9)
    across, left = WIDTH - 112 - RIGHT, 104
    drawn = []
    for i, label in enumerate(cells.labels):
        y = 4 + i * band
        drawn.append(_text(left - 4, y + 3 * lines + 2, label if len(label) <= LETTERS else label[: LETTERS - 1] + "…", "end"))
        drawn.append(
            f'<rect x="{left}" y="{y}" width="{across * real[i] / most:.1f}" height="5" fill="var(--ink)" fill-opacity=".35"/>'
        )
        for j, (style, line) in enumerate(synthetic, 1):
            drawn.append(
                f'<rect x="{left}" y="{y + 6 * j}" width="{across * line[i] / most:.1f}" height="5" fill="var(--c{style.index})"/>'
            )
    base = height - 18
    drawn.append(f'<path d="M{left} 2V{base}H{left + across}" fill="none" stroke="var(--line)"/>')
    drawn.append(_text(left, base + 12, "0", "middle") + _text(left + across, base + 12, f"{100 * most:.0f} %", "end"))
    return _svg(WIDTH, height, "".join(drawn))


def grid(matrix: Floats) -> str:
    """A correlation map: one colour for above 0, another for below, as strong as the number; blank cells are crossed."""
    k, side, place = len(matrix), 11, 20
    paths: dict[tuple[str, int], list[str]] = {}
    for i, j in np.ndindex(k, k):
        value = matrix[i, j]
        how = (
            ("--ink", 1)
            if i == j
            else ("", 0)
            if np.isnan(value)
            else ("--c0" if value >= 0 else "--c1", round(10 * min(abs(float(value)), 1.0)))
        )
        x, y = place + j * side, place + i * side
        paths.setdefault(how, []).append(f"M{x} {y}h10v10h-10z" if how[0] else f"M{x + 2} {y + 2}l6 6m0-6l-6 6")
    drawn = "".join(
        f'<path d="{"".join(cells)}" fill="var({colour})" fill-opacity="{level / 10:g}"/>'
        if colour
        else f'<path d="{"".join(cells)}" stroke="var(--muted)" stroke-width=".7"/>'
        for (colour, level), cells in sorted(paths.items())
        if level or not colour
    )
    names = "".join(
        _text(place - 3, place + i * side + 9, str(i + 1), "end")
        + _text(place + (i + 0.5) * side, place - 4, str(i + 1), "middle")
        for i in range(k)
    )
    frame = f'<path d="M{place} {place}h{k * side}v{k * side}h-{k * side}z" fill="none" stroke="var(--line)"/>'
    return _svg(place + k * side + 4, place + k * side + 4, frame + drawn + names)


def plane(edges: tuple[Floats, Floats], share: Floats, points: Sequence[tuple[Style, Floats]], labels: tuple[str, str]) -> str:
    """Shares [g, g] of real patients as shades, synthetic records [n, 2] as dots; what lies beyond stands at the edge."""
    (x, y), most = edges, max(float(share.max()), 1e-9)
    frame = Frame((float(x[0]), float(x[-1])), (float(y[0]), float(y[-1])), 420, 340)
    drawn = []
    for i in range(len(x) - 1):
        for j in range(len(y) - 1):
            if share[i, j] > 0:
                left, top, right, bottom = frame.x(x[i]), frame.y(y[j + 1]), frame.x(x[i + 1]), frame.y(y[j])
                drawn.append(
                    f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" fill="var(--ink)" fill-opacity="{0.08 + 0.5 * share[i, j] / most:.2f}"/>'
                )
    for style, found in points:
        clipped = np.clip(found, [x[0], y[0]], [x[-1], y[-1]])
        dots = "".join(f'<circle cx="{frame.x(a):.1f}" cy="{frame.y(b):.1f}" r="1.8"/>' for a, b in clipped)
        drawn.append(f'<g fill="var(--c{style.index})" fill-opacity=".65">{dots}</g>')
    return frame.svg("".join(drawn), {}, *labels, share=False)


def band(time: Floats, real: tuple[Floats, Floats], synthetic: Sequence[tuple[Style, Floats, Floats]], unit: str, of: str) -> str:
    """Mean [t] with a standard deviation around it: real shaded, synthetic as lines with thin ones around; NaN leaves a gap."""
    every = [m + s * d for m, d in (real, *((m, d) for _, m, d in synthetic)) for s in (1, -1)]
    found = np.concatenate(every)
    found = found[np.isfinite(found)]
    low, high = float(found.min()), float(found.max())
    frame = Frame(
        (float(time[0]), float(time[-1]) if len(time) > 1 else float(time[0]) + 1), (low, high if high > low else low + 1)
    )
    mean, spread = real
    known = np.flatnonzero(np.isfinite(mean))
    over = "L".join(frame.at(time[i], mean[i] + spread[i]) for i in known)
    under = "L".join(frame.at(time[i], mean[i] - spread[i]) for i in known[::-1])
    drawn = f'<path d="M{over}L{under}z" fill="var(--ink)" fill-opacity=".15"/>' if len(known) else ""
    drawn += _line(frame, time, mean, 'stroke="var(--ink)" stroke-width="1.8"')
    for style, m, d in synthetic:
        colour = f'stroke="var(--c{style.index})"'
        drawn += _line(frame, time, m, f'{colour} stroke-width="1.6"{dashed(style.dash)}')
        drawn += "".join(_line(frame, time, m + s * d, f'{colour} stroke-width=".6" stroke-dasharray="2 2"') for s in (1, -1))
    ticks = dict.fromkeys(float(t) for t in (time[0], time[len(time) // 2], time[-1]))
    return frame.svg(drawn, ticks, of, unit or "value", zero=False)


class Frame:
    """Axes of a chart: values to places, ticks, labels."""

    def __init__(self, across: tuple[float, float], up: tuple[float, float], width: int = WIDTH, height: int = HEIGHT) -> None:
        self.across, self.up, self.width, self.height = across, up, width, height

    def x(self, value: float) -> float:
        low, high = self.across
        return LEFT + (self.width - LEFT - RIGHT) * (float(value) - low) / (high - low or 1.0)

    def y(self, value: float) -> float:
        low, high = self.up
        return self.height - BOTTOM - (self.height - TOP - BOTTOM) * (float(value) - low) / (high - low or 1.0)

    def at(self, x: float, y: float) -> str:
        return f"{self.x(x):.1f} {self.y(y):.1f}"

    def steps(self, ends: Floats, heights: Floats) -> str:
        """A line along the tops of the cells."""
        return "".join(f"L{self.at(ends[i], h)}L{self.at(ends[i + 1], h)}" for i, h in enumerate(heights))

    def svg(
        self, drawn: str, ticks: Sequence[float] | dict[float, None], x: str, y: str, *, share: bool = True, zero: bool = True
    ) -> str:
        """With axes: ticks along x, both ends along y. share: y is one, in per cent; zero: it begins there."""
        base, left = self.height - BOTTOM, LEFT
        axes = f'<path d="M{left} {TOP}V{base}H{self.width - RIGHT}" fill="none" stroke="var(--line)"/>'
        for tick in ticks:
            axes += f'<path d="M{self.x(tick):.1f} {base}v3" stroke="var(--muted)"/>' + _text(
                self.x(tick), base + 12, number(tick).rstrip("0").rstrip(".") if "." in number(tick) else number(tick), "middle"
            )
        low, high = self.up
        if ticks:
            ends = (f"{100 * low:.0f}", f"{100 * high:.0f} %") if zero and share else (number(low), number(high))
            axes += _text(left - 4, base, ends[0], "end") + _text(left - 4, TOP + 7, ends[1], "end")
        axes += _text((left + self.width - RIGHT) / 2, self.height - 6, x, "middle")
        middle = (TOP + base) / 2
        axes += f'<text x="10" y="{middle:.1f}" font-size="9" fill="var(--muted)" text-anchor="middle" transform="rotate(-90 10 {middle:.1f})">{_safe(y)}</text>'
        return _svg(self.width, self.height, drawn + axes)


def _line(frame: Frame, x: Floats, y: Floats, how: str) -> str:
    known = [i for i in range(len(x)) if np.isfinite(y[i])]
    return f'<path d="M{"L".join(frame.at(x[i], y[i]) for i in known)}" fill="none" {how}/>' if known else ""


def _text(x: float, y: float, said: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="9" fill="var(--muted)" text-anchor="{anchor}">{_safe(said)}</text>'


def _svg(width: float, height: float, drawn: str) -> str:
    return f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" width="{width:g}" aria-hidden="true">{drawn}</svg>'


def _safe(said: str) -> str:
    return html.escape(said, quote=True)
