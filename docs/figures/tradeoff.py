"""README's figure, from the committed reference report: `python docs/figures/tradeoff.py > docs/figures/tradeoff.svg`.

Utility (TSTR) against the worst membership attack, method by method, one panel a cohort of reports/leaderboard.md. It needs nothing but
Python, and the same report gives the same bytes (a test compares them).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

REPORT = Path(__file__).parents[2] / "reports" / "leaderboard.md"
COHORTS = ("phantom", "covid-cxr", "eicu-demo")
ATTACK, UTILITY = "PG attack", "TSTR"
CIRCLE = '<circle r="5"/>'
SQUARE = '<path d="M-4.5-4.5h9v9h-9z"/>'
DIAMOND = '<path d="M0-6.2L6.2 0 0 6.2-6.2 0z"/>'
UP = '<path d="M0-6L6 4.5H-6z"/>'
CROSS = '<path d="M-2-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z"/>'
DOWN = '<path d="M0 6L-6-4.5H6z"/>'
MARKS = {  # method -> colour, mark, whether it competes (filled), name in the legend; left to right where attacks are equal
    "copula": ("#a5407e", CROSS, True, "copula: sums and marginals"),
    "untrained": ("#007a5c", UP, True, "untrained: the GAN's start"),
    "fpmg": ("#0067a5", CIRCLE, True, "fpmg: GAN on a ring"),
    "fedavg": ("#c04a00", SQUARE, True, "fedavg: GAN on a star"),
    "flow": ("#8a6300", DIAMOND, True, "flow: latent diffusion"),
    "single-modal": ("#4d5966", DOWN, True, "single-modal: no joint network"),
    "local-only": ("#b3202c", SQUARE, True, "local-only: nothing is shared"),
    "centralized": ("#17212b", CIRCLE, False, "centralized: all patients pooled"),
    "decoded": ("#17212b", DIAMOND, False, "decoded: real patients, decoded"),
}
WIDTH, TOP, PLOT, GAP, LEFT, HEIGHT = 960, 58, (262, 238), 52, 46, 446
ACROSS = (0.46, 1.02)  # the attack's AUROC, the same in every panel
DODGE = 8  # pixels between methods whose attack is the same number
CELL = re.compile(r"(-?[\d.]+)(?: \[(-?[\d.]+), (-?[\d.]+)\])?")


@dataclass(frozen=True)
class Value:
    """A mean over seeds and its 95 % interval."""

    mean: float
    low: float
    high: float


def table(text: str, cohort: str) -> dict[str, dict[str, Value]]:
    """Row (its first word) -> column (as in its head) -> value, of the leaderboard of one cohort."""
    _, _, rest = text.partition(f"**{cohort}: methods**")
    head, _, *rows = [line.strip("| ").split("|") for line in rest.lstrip().splitlines()[:40] if line.startswith("|")]
    names = [name.strip() for name in head]
    return {
        cells[0].split()[0]: {name: value for name, cell in zip(names[1:], cells[1:], strict=True) if (value := _value(cell))}
        for cells in rows
        if len(cells) == len(head)
    }


def _value(cell: str) -> Value | None:
    found = CELL.match(cell.strip())
    if found is None:
        return None
    mean = float(found[1])
    return Value(mean, *(float(found[i]) if found[i] else mean for i in (2, 3)))


def column(row: dict[str, Value], name: str) -> Value:
    """The column whose head begins so: "TSTR" is not "TSTR gap"."""
    return next(value for head, value in row.items() if re.match(rf"{name} [^a-zA-Z]", head))


def panel(rows: dict[str, dict[str, Value]], cohort: str, left: float) -> Iterator[str]:
    """One cohort: axes, the real patients' line, a mark with its interval for every method."""
    width, height = PLOT
    shown = {name: (column(row, ATTACK), column(row, UTILITY)) for name, row in rows.items() if name in MARKS}
    real = column(rows["real"], UTILITY).mean
    ends = [real, *(end for _, utility in shown.values() for end in (utility.low, utility.high))]
    low, high = min(ends) - 0.01, max(ends) + 0.02

    def x(attack: float) -> float:
        return left + width * (attack - ACROSS[0]) / (ACROSS[1] - ACROSS[0])

    def y(utility: float) -> float:
        return TOP + height * (high - utility) / (high - low)

    yield f'<rect x="{left}" y="{TOP}" width="{width}" height="{height}" fill="none" stroke="#d9dfe5"/>'
    yield f'<text x="{left}" y="{TOP - 10}" font-weight="600" fill="#17212b">{escape(cohort)}</text>'
    for tick in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        yield f'<text x="{x(tick):.1f}" y="{TOP + height + 16}" text-anchor="middle">{tick:.1f}</text>'
    for tick in (i / 20 for i in range(21) if low < i / 20 < high):
        yield f'<path d="M{left} {y(tick):.1f}h{width}" stroke="#eef1f4"/>'
        yield f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.2f}</text>'
    yield f'<path d="M{x(0.5):.1f} {TOP}v{height}" stroke="#56636f" stroke-dasharray="2 3"/>'
    yield f'<path d="M{left} {y(real):.1f}h{width}" stroke="#15693f" stroke-dasharray="6 3"/>'
    yield f'<text x="{left + width - 4}" y="{y(real) - 5:.1f}" text-anchor="end" fill="#15693f">real patients {real:.3f}</text>'
    for name, (attack, utility) in shown.items():
        at = x(attack.mean) + DODGE * _place(name, shown)
        yield (
            f'<path d="M{at:.1f} {y(utility.low):.1f}V{y(utility.high):.1f}" stroke="{MARKS[name][0]}" stroke-width="1.3" opacity=".55"/>'
        )
        yield _mark(name, at, y(utility.mean))
    yield (f'<text x="{left + width / 2}" y="{TOP + height + 34}" text-anchor="middle">worst attack, AUROC (.5: guessing)</text>')


def _place(name: str, shown: dict[str, tuple[Value, Value]]) -> float:
    """How many steps aside a mark is drawn: methods whose attack is the same number stand side by side around it."""
    same = [other for other in MARKS if other in shown and shown[other][0].mean == shown[name][0].mean]
    return same.index(name) - (len(same) - 1) / 2


def _mark(name: str, x: float, y: float) -> str:
    colour, mark, competes, _ = MARKS[name]
    fill = colour if competes else "#ffffff"
    return f'<g transform="translate({x:.1f} {y:.1f})" fill="{fill}" stroke="{colour}" stroke-width="1.6"><title>{name}</title>{mark}</g>'


def legend() -> Iterator[str]:
    """Three columns of marks below the panels; what is hollow does not compete."""
    for i, (name, (_, _, _, words)) in enumerate(MARKS.items()):
        x, y = LEFT + 314 * (i // 3), TOP + PLOT[1] + 68 + 22 * (i % 3)
        yield _mark(name, x, y - 4)
        yield f'<text x="{x + 12}" y="{y}" fill="#17212b">{escape(words)}</text>'


def figure(text: str) -> str:
    """The whole drawing from the text of reports/leaderboard.md."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#56636f">',
        "<title>Utility of synthetic patients against the worst membership attack on three cohorts</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="14" font-weight="600" fill="#17212b">'
        "What synthetic patients teach (up is better) against how well the worst attack works (left is better)</text>",
    ]
    for i, cohort in enumerate(COHORTS):
        parts += panel(table(text, cohort), cohort, LEFT + i * (PLOT[0] + GAP))
    parts += legend()
    parts.append(
        f'<text x="{LEFT}" y="{HEIGHT - 14}">Up: TSTR (AUROC), means over five seeds with 95 % intervals. Hollow marks do not compete. '
        "Equal attacks are drawn side by side.</text></svg>"
    )
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(figure(REPORT.read_text(encoding="utf-8")))
