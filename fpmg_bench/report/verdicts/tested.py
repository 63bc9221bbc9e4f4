"""Each method against one named reference, by paired tests: who is better, worse, equivalent, and what could have been found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpmg_bench.report.blocks import Cell, Head, Row, Table, Tone
from fpmg_bench.report.measures import ATTACK, DG, RG, SPREAD, TSTR, Measure
from fpmg_bench.report.verdicts.headroom import Headroom, detectable, headroom
from fpmg_bench.report.verdicts.leaders import SEEDS_TO_RANK, against, ratio_of
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import number, plural, span

if TYPE_CHECKING:
    from fpmg_bench.stats import Judgement

ASKED = (TSTR, RG, DG, SPREAD, ATTACK)
TONES: dict[str, Tone] = {"better": "good", "worse": "bad", "not ranked": "muted", "undecided": "muted"}
NOTE = (
    "Differences are of losses, below 0 is better: 1 - AUROC, |ln| of ratios, an attack's AUC above guessing; paired by seed, "
    "95 % interval of the {test}, Holm-adjusted over the methods of a column. Equivalent: "
    "certainly within the margin (two one-sided tests). Undecided: neither; it says nothing about being equal. "
    "Could find: the smallest difference found with power .8, median over the column. Headroom: what the best reference (real patients, "
    "encoded and decoded, or the simulator) loses less than a generator before its first round; where it is no larger than could be "
    "found, nothing could win here."
)


def reference(group: Group) -> Method | None:
    """The method that the others are compared with: `fpmg` where there is one, else the first that competes."""
    competing = [method for method in group.ranked if not method.pooled and method.done]
    return next((method for method in competing if method.name == "fpmg"), competing[0] if competing else None)


def compared(group: Group, beside: Method) -> list[Method]:
    """The methods that are judged beside this one: finished, and no reference that pools patients."""
    return [method for method in group.ranked if method is not beside and not method.pooled and method.done]


def tables(view: View, group: Group) -> list[Table]:
    """Against the reference and, where patients were pooled, against centralized training; nothing below five seeds."""
    if len(group.seeds) < SEEDS_TO_RANK:
        return []
    shown = [measure for measure in ASKED if measure.metric(view, group) and measure.verdict(view, group).counts]
    central = next((method for method in group.ranked if method.pooled and method.done), None)
    chosen = [method for method in (reference(group), central) if method is not None]
    return [_table(view, group, shown, method) for method in chosen if shown]


def _table(view: View, group: Group, shown: Sequence[Measure], beside: Method) -> Table:
    others = compared(group, beside)
    columns = [against(view, group, measure, beside, others) for measure in shown]
    rows = [
        Row([Cell(method.name, swatch=view.styles[method.name].swatch), *(_cell(column[i]) for column in columns)])
        for i, method in enumerate(others)
    ]
    power = Row([Cell("could find", "power .8"), *(_power(view, group, m, c) for m, c in zip(shown, columns, strict=True))], True)
    room = Row([Cell("headroom"), *(_room(headroom(view, group, m, c)) for m, c in zip(shown, columns, strict=True))], True)
    heads = [
        Head("Method", numeric=False),
        *(Head(m.name(view, group), "↓ loss", m.said(view, group)[2], m.said(view, group)[1]) for m in shown),
    ]
    name = "centralized" if beside.pooled else "reference"
    return Table(f"tested-{name}-{group.id}", f"{group.title}: beside {beside.name}", heads, [power, room, *rows], [_note(group)])


def _note(group: Group) -> str:
    """Says which test was used."""
    shared = "corrected resampled t-test (Nadeau & Bengio 2003)"
    return NOTE.format(test=shared if ratio_of(group) else "plain paired t-test: every seed has patients of its own")


def _cell(found: Judgement) -> Cell:
    if found.verdict == "not ranked":
        return Cell("not ranked", plural(found.seeds, "paired seed"), tone="muted", why=found.reason)
    said = f"{found.mean:+.3f} {span(found.low, found.high, number)}"
    return Cell(found.verdict, said, sort=found.mean, tone=TONES.get(found.verdict, ""))


def _power(view: View, group: Group, measure: Measure, column: Sequence[Judgement]) -> Cell:
    """Median over the methods; the margin stands below."""
    from fpmg_bench.stats import margin

    known, least = detectable(column), margin(measure.metric(view, group))
    return Cell(number(known) if math.isfinite(known) else "–", f"margin {least:g}" if least else "")


def _room(found: Headroom | None) -> Cell:
    if found is None:
        return Cell(
            "–",
            tone="muted",
            why="it takes a method with `budget: {rounds: 0}`, and a reference: `generator: null`, or an oracle",
        )
    said = f"{found.reference.name} beside {found.start.name}"
    if not found.wins:
        return Cell(f"{found.value:+.3f}", f"{said}\nnothing could win here", sort=found.value, tone="muted")
    return Cell(f"{found.value:+.3f}", said, sort=found.value)
