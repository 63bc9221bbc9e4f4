"""The verdict in one line and one table: who leads where, and where nobody won."""

from __future__ import annotations

from fpmg_bench.errors import NotApplicable
from fpmg_bench.report.blocks import Cell, Head, Headline, Row, Table
from fpmg_bench.report.measures import ATTACK, CO, DG, RG, TSTR, Measure
from fpmg_bench.report.verdicts.leaders import SEEDS_TO_RANK, Standing, standing
from fpmg_bench.report.view import Group, View
from fpmg_bench.report.wording import first, listing, plural, span

ASKED: tuple[tuple[str, Measure], ...] = (
    ("Utility", TSTR),
    ("Realism", RG),
    ("Diversity", DG),
    ("Attack", ATTACK),
    ("Bytes", CO),
)


def headline(view: View) -> Headline:
    """The first sentence of the report, by utility (realism where utility was not measured)."""
    groups = [group for group in view.groups if any(method.done for method in group.methods)]
    tables = [(group, standing(view, group, TSTR) or standing(view, group, RG)) for group in groups]
    won = [(group, table) for group, table in tables if table is not None and table.ranked and not table.rivals]
    if not groups:
        return Headline("Nothing was measured.")
    if won:
        said = listing(f"{table.leader[0].name} leads on {group.title}" for group, table in won)
        return Headline(f"{said}." if len(won) == len(groups) else f"{said}; no winner on {_others(groups, won)}.")
    least = min(len(group.seeds) for group in groups)
    few = f" {plural(least, 'seed').capitalize()}: nothing is ranked below {SEEDS_TO_RANK}." if least < SEEDS_TO_RANK else ""
    return Headline(f"No winner{'' if len(groups) == 1 else f' on any of the {len(groups)} cohorts'}.{few}")


def _others(groups: list[Group], won: list[tuple[Group, Standing]]) -> str:
    names = {group.id for group, _ in won}
    return listing(group.title for group in groups if group.id not in names)


def table(view: View) -> Table:
    """Rows: cohorts; columns: the best mean by each measure, and how far it may be trusted."""
    shown = [(word, measure) for word, measure in ASKED if any(measure.metric(view, group) for group in view.groups)]
    heads = [
        Head("Cohort", numeric=False),
        *(Head(word, measure.better, measure.name(view, _first(view, measure)), measure.hint, False) for word, measure in shown),
    ]
    rows = [Row([Cell(group.title), *(_cell(view, group, measure) for _, measure in shown)]) for group in view.groups]
    notes = [
        "The best mean among the methods that compete; centralized, decoded patients and controls do not. Clear lead: no other interval touches it. "
        f"Wins: {SEEDS_TO_RANK} seeds or more, and the paired test (corrected, or plain where every seed has fresh patients), adjusted for the number of methods, tells it from every other.",
        across(view),
    ]
    return Table("glance", "Who leads, cohort by cohort", heads, rows, notes)


def _first(view: View, measure: Measure) -> Group:
    """The first cohort that shows the measure, whose spelling the head speaks of."""
    return next(group for group in view.groups if measure.metric(view, group))


def across(view: View) -> str:
    """What may be said over all cohorts: Friedman's test and Nemenyi's critical difference of mean ranks, or why nothing."""
    from scipy.stats import rankdata

    from fpmg_bench.stats import critical_difference, friedman

    measure = TSTR if any(TSTR.metric(view, group) for group in view.groups) else RG
    tables = [table for group in view.groups if (table := standing(view, group, measure)) is not None]
    shared = set.intersection(*({m.name for m, _ in table.order} for table in tables)) if tables else set()
    names = sorted(shared)
    losses = [
        [measure.loss(s.mean or 0.0) for m, s in sorted(t.order, key=lambda e: e[0].name) if m.name in shared] for t in tables
    ]
    try:
        p, gap = friedman(losses), critical_difference(len(names), len(losses))
    except NotApplicable as refused:
        return f"Over all cohorts: {refused.reason}."
    ranks = rankdata(losses, axis=1).mean(0)
    order = sorted(zip(ranks, names, strict=True))
    said = listing(f"{name} {rank:.2f}" for rank, name in order)
    return f"Over {plural(len(losses), 'cohort')}: mean ranks by {measure.name(view, view.groups[0])} {said}; Friedman p = {p:.3g}, critical difference {gap:.2f}."


def _cell(view: View, group: Group, measure: Measure) -> Cell:
    found = standing(view, group, measure)
    if found is None and not measure.verdict(view, group).counts:
        return Cell("names no leader", f"{measure.label} missed a bar of its calibration", tone="muted")
    if found is None:
        return Cell("nothing to compare", tone="muted")
    method, best = found.leader
    said = f"{method.name} {found.measure.say(best.mean)} {span(best.low, best.high, found.measure.say)}".strip()
    if found.seeds < 2 and not found.ranked and measure is not CO:
        return Cell("one seed: no winner", said, tone="muted")
    tied = [m.name for m, s in found.rivals if s.mean == best.mean]
    aside = "".join(f"\n{words}" for words in (found.where.strip(), found.short and f"not tested: {found.unranked}") if words)
    if found.rivals:
        return Cell("no winner", f"{said}\nlevel with {_level(found, tied)}{aside}", tone="muted")
    word = "wins" if found.ranked else "clear lead, not ranked"
    return Cell(f"{method.name}: {word}", said.removeprefix(f"{method.name} ") + aside, tone="good" if found.ranked else "")


def _level(found: Standing, tied: list[str]) -> str:
    names = tied or [method.name for method, _ in found.rivals]
    return first(names)
