"""Panel 2: every method by every headline measure, beside what real patients and centralized training score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fpmg_bench.report.blocks import Cell, Prose, Row, Section, Tab, Table, Tabs
from fpmg_bench.report.measures import CO, EPSILON, LEADERBOARD, SPREAD, TONES, WORDS, Measure, cell, heads, holds
from fpmg_bench.report.verdicts import sweeps, tested
from fpmg_bench.report.verdicts.leaders import SEEDS_TO_RANK, best_first, leading
from fpmg_bench.report.verdicts.shades import shades
from fpmg_bench.report.verdicts.verdict import UNDER_DISPERSED
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import MISSING, as_float, byte_size, plural


def panel(view: View) -> Section:
    """One table a cohort for methods, one for controls."""
    items = [Tab(f"board-{group.id}", f"{group.title} ({_ranking(group)})", _group(view, group)) for group in view.groups]
    lead = (
        "Best mean first by the first column; mean over seeds with its 95 % interval below. Reference rows come first and do not compete. The deeper a "
        "cell's shade, the nearer its mean to the column's best, which says nothing of a difference being real. ✗ and °: what calibration said of "
        "the score; a demoted one (✗) leads nothing."
    )
    return Section("leaderboard", "Leaderboard", lead, [Tabs("boards", "Cohorts", items)])


def _group(view: View, group: Group) -> list[Table | Prose]:
    shown = [measure for measure in LEADERBOARD if measure.metric(view, group)]
    if not shown:
        return [Prose([f"{group.title}: no headline metric was measured on this cohort."], "warn")]
    first = leading(view, group)
    shown.sort(key=lambda measure: measure is not first)
    found: list[Table | Prose] = [_board(view, group, shown), *tested.tables(view, group)]
    if group.controls:
        found.append(_controls(view, group, shown))
    if any(method.audited for method in group.trained):
        found.append(_audits(view, group, shown))
    return found


def _ranking(group: Group) -> str:
    seeds = len(group.seeds)
    if seeds < SEEDS_TO_RANK:
        return f"not ranked: {plural(seeds, 'seed')}, {SEEDS_TO_RANK} are needed"
    return plural(seeds, "seed")


def _board(view: View, group: Group, shown: Sequence[Measure]) -> Table:
    pooled = [method for method in group.ranked if method.pooled]
    others = best_first(view, group, [method for method in group.ranked if not method.pooled])
    rows = [_floor(view, group, shown)]
    rows += [_row(view, group, method, shown, pinned=True) for method in [*group.decoded, *pooled]]
    shaded = {measure.names: shades(view, group, measure, others) for measure in shown}
    lines = [(method, _row(view, group, method, shown, shaded=shaded)) for method in others]
    rows += sweeps.lines(view, group, shown, lines)
    return Table(f"leaderboard-{group.id}", f"{group.title}: methods", heads(view, group, shown), rows, board=True)


def _controls(view: View, group: Group, shown: Sequence[Measure]) -> Table:
    rows = [_row(view, group, method, shown) for method in group.controls]
    notes = [
        "Controls are generators with a known fault (or none: the oracle), some of them behind a method's encoders. They test the "
        "metrics and are not ranked with methods."
    ]
    return Table(f"controls-{group.id}", f"{group.title}: controls", heads(view, group, shown, "Control"), rows, notes)


def _audits(view: View, group: Group, shown: Sequence[Measure]) -> Table:
    rows = [_row(view, group, method, shown) for method in group.trained if method.audited]
    notes = [
        "Canaries, made-up patients, trained with the others and change every score: these trials serve the audit and do not compete."
    ]
    return Table(f"audits-{group.id}", f"{group.title}: audit trials", heads(view, group, shown, "Audit trial"), rows, notes)


def _floor(view: View, group: Group, shown: Sequence[Measure]) -> Row:
    """What real patients score against real patients; for bytes, what uploading them once costs."""
    cells = [Cell("real (floor)", "real against real")]
    for measure in shown:
        metric = measure.metric(view, group)
        if measure is CO:
            raw = _raw_upload(group)
            cells.append(Cell(byte_size(raw), "raw records, once") if raw else Cell(MISSING, tone="muted"))
        elif measure is EPSILON:
            cells.append(Cell(MISSING, tone="muted"))
        else:
            floor = view.floor(group, metric)
            cells.append(Cell(MISSING, tone="muted") if floor is None else Cell(measure.say(floor)))
    return Row(cells, pinned=True)


def _raw_upload(group: Group) -> float | None:
    found = (as_float((t.record.get("bytes") or {}).get("raw_upload")) for m in group.trained if not m.pooled for t in m.done)
    return next((raw for raw in found if raw), None)


def _row(
    view: View,
    group: Group,
    method: Method,
    shown: Sequence[Measure],
    *,
    pinned: bool = False,
    shaded: Mapping[tuple[str, ...], Mapping[str, int]] | None = None,
) -> Row:
    """One method; where no trial of it finished, one cell that says so."""
    name = Cell(method.name, _kind(method), sort=method.name, swatch=view.styles[method.name].swatch)
    if not method.done:
        status, reason = method.verdict
        return Row([name, Cell(WORDS.get(status, status), reason, tone=TONES.get(status, "muted"), span=len(shown))], pinned)
    cells = [
        replace(_cell(view, group, method, measure), shade=(shaded or {}).get(measure.names, {}).get(method.name))
        for measure in shown
    ]
    return Row([name, *cells], pinned)


def _kind(method: Method) -> str:
    """What stands under a method's name."""
    if method.role == "control":
        return "encoded and decoded" if method.spec.get("topology") else ""
    if method.role == "decoded":
        return "reference, real patients encoded and decoded"
    if method.role == "external":
        return f"made elsewhere, outside the boundary: no ledger, no federation; {'pools all patients' if method.pooled else 'one a silo'}"
    if method.pooled:
        return "reference, pools all patients"
    if method.uses("topology", "isolated"):
        return "baseline, shares nothing"
    return f"with differential privacy, {holds(method)}".rstrip(", ") if method.private else ""


def _cell(view: View, group: Group, method: Method, measure: Measure) -> Cell:
    found = measure.summary(view, group, method)
    flat = measure is SPREAD and found.mean is not None and found.mean < UNDER_DISPERSED
    made = cell(found, measure.say, badge="under-dispersed" if flat else "")
    if measure is EPSILON and made.text == "∞":
        return Cell("∞", "no guarantee", sort=float("inf"), tone="muted")
    return made
