"""Cohort by cohort in one table: who leads by what, who is found out, who sends least."""

from __future__ import annotations

from fpmg_bench.errors import NotApplicable
from fpmg_bench.report.blocks import Cell, Head, Row, Table
from fpmg_bench.report.measures import ATTACK, CO, DG, RG, TSTR, Measure
from fpmg_bench.report.privacy.attacks import distinguishable
from fpmg_bench.report.verdicts.leaders import SEEDS_TO_RANK, Standing, lead, standing
from fpmg_bench.report.view import Group, View
from fpmg_bench.report.wording import first, listing, number, plural, span

ASKED: tuple[tuple[str, Measure], ...] = (
    ("Utility", TSTR),
    ("Realism", RG),
    ("Diversity", DG),
    ("Attack", ATTACK),
    ("Bytes", CO),
)
NOTE = (
    "Methods that compete: centralized, decoded patients and controls do not. Best mean: no more than that. Clear lead: no other interval touches it. "
    f"Best, and by the headline measure wins: {SEEDS_TO_RANK} seeds or more, and the paired test (corrected, or plain where every seed has fresh "
    "patients), adjusted for the number of methods, tells it from every other. Attack: whose training patients are told from others better than "
    "by guessing, by their interval over seeds and by that over patients. Nobody wins by bytes: to send nothing is no merit."
)


def table(view: View) -> Table:
    """Rows: cohorts; columns: the best mean by each measure and how far it may be trusted, attacks that succeed, fewest bytes."""
    shown = [(word, measure) for word, measure in ASKED if any(measure.metric(view, group) for group in view.groups)]
    heads = [
        Head("Cohort", numeric=False),
        *(Head(word, measure.better, measure.name(view, _first(view, measure)), measure.hint, False) for word, measure in shown),
    ]
    rows = [Row([Cell(group.title), *(_cell(view, group, measure) for _, measure in shown)]) for group in view.groups]
    return Table("glance", "Cohort by cohort", heads, rows, [NOTE, across(view)])


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
    if not measure.verdict(view, group).counts:
        return Cell("names no leader", f"{measure.label} missed a bar of its calibration", tone="muted")
    if measure is ATTACK:
        return _attacked(view, group)
    if measure is CO:
        return _least(view, group)
    found = standing(view, group, measure)
    if found is None:
        return Cell("nothing to compare", tone="muted")
    headline = lead(view, group)
    return _leader(found, headline is not None and headline.measure is measure)


def _leader(found: Standing, headline: bool) -> Cell:
    """headline: only this measure has a winner, in green."""
    method, best = found.leader
    said = f"{found.measure.say(best.mean)} {span(best.low, best.high, found.measure.say)}".strip()
    aside = "".join(f"\n{words}" for words in (found.where.strip(), found.short and f"not tested: {found.unranked}") if words)
    if found.seeds < 2 and not found.ranked:
        return Cell(f"{method.name}: best mean", f"{said}\none seed: not told from any other")
    if found.rivals:
        level = [m.name for m, s in found.rivals if s.mean == best.mean]
        beside = f"level with {first(level)}" if level else f"not told from {first([m.name for m, _ in found.rivals])}"
        return Cell(f"{method.name}: best mean", f"{said}\n{beside}{aside}")
    if not found.ranked:
        return Cell(f"{method.name}: clear lead, not ranked", said + aside)
    return Cell(f"{method.name}: {'wins' if headline else 'best'}", said + aside, tone="good" if headline else "")


def _attacked(view: View, group: Group) -> Cell:
    """Who is found out; the least attacked has won nothing."""
    known = [(m, s) for m in group.ranked if not m.pooled and (s := ATTACK.summary(view, group, m)).mean is not None]
    if not known:
        return Cell("not measured", tone="muted")
    worst, found = max(known, key=lambda entry: ATTACK.loss(entry[1].mean or 0.0))
    said = f"{worst.name} {number(found.mean)} {span(found.low, found.high)}".strip()
    caught = [m.name for m, s in known if distinguishable(s)]
    if caught:
        return Cell(f"found out: {first(caught)}", f"furthest from guessing: {said}", tone="bad")
    return Cell("nobody found out", f"furthest from guessing: {said}")


def _least(view: View, group: Group) -> Cell:
    """Who sends least among those that send."""
    sent = [(m, s.mean) for m in group.ranked if not m.pooled and (s := CO.summary(view, group, m)).mean is not None]
    silent = [m.name for m, mean in sent if mean == 0]
    aside = f"{first(silent)}: nothing sent" if silent else ""
    if len(silent) == len(sent):
        return Cell("nothing sent" if sent else "not measured", tone="muted")
    least = min(mean for _, mean in sent if mean)
    names = first([m.name for m, mean in sent if mean == least])
    return Cell(f"least: {names}", f"{CO.say(least)}\n{aside}".strip())
