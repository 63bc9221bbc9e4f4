"""Panel "Utility": what released records are worth to a classifier, for whom, and beside real patients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fpmg_bench.calibration import mark
from fpmg_bench.report.blocks import Cell, Head, Heading, Prose, Row, Section, Table
from fpmg_bench.report.measures import cell, marked
from fpmg_bench.report.view import Group, View
from fpmg_bench.report.wording import listing, number

LEAD = (
    "Classifiers (of a number regressions, of a time to an event survival models) on the evaluation space, without modalities that contain the label. TRTR: trained and tested on real patients, the most "
    "that can be had; TSTR: trained on the release; TRTS: trained on real patients, tested on the release (a caricature scores 1); "
    "augmentation: what adding the release to the real patients gains. Within a sex or age group: trained on the group's own records."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One column."""

    metric: str
    label: str
    better: str
    hint: str = ""


COLUMNS = (
    Shown("tstr.trtr", "TRTR", "reference"),
    Shown("tstr", "TSTR", "↑ higher"),
    Shown("tstr.trts", "TRTS", "↑ higher"),
    Shown("tstr.auprc", "AUPRC", "↑ higher"),
    Shown("tstr.balanced_accuracy", "balanced accuracy", "↑ higher"),
    Shown("tstr.brier", "Brier", "↓ lower"),
    Shown("tstr.r2.trtr", "TRTR R²", "reference"),
    Shown(
        "tstr.r2", "TSTR R²", "↑ higher", "Share of the label's variance explained on real patients; 0: no better than their mean"
    ),
    Shown("tstr.r2.trts", "TRTS R²", "↑ higher"),
    Shown("tstr.mae", "mean absolute error", "↓ lower", "Of the label, in its own unit"),
    Shown("survival.trtr", "TRTR concordance", "reference"),
    Shown(
        "survival",
        "TSTR concordance",
        "↑ higher",
        "Share of pairs of real patients put in the order of their events; 0.5: guessing",
    ),
    Shown("survival.cox", "Cox model", "↑ higher", "Concordance of the Cox model alone"),
    Shown("survival.forest", "survival forest", "↑ higher", "Concordance of the random survival forest alone"),
    Shown("survival.trts", "TRTS concordance", "↑ higher"),
    Shown("augmentation.r2", "augmentation", "↑ higher", "R² of real and released together, minus real alone"),
    Shown("augmentation", "augmentation", "↑ higher", "AUROC of real and released together, minus real alone"),
    Shown(
        "fairness.excess", "gap beyond real", "→ 0", "Largest gap between groups by sex, age or silo, minus that of real patients"
    ),
    Shown("fairness", "worst group", "↑ higher", "AUROC of the worst group by sex, age or silo"),
    *(
        Shown(f"{key}.with_leaks", "TSTR with leaks", "no headline", "With the modalities that contain the label by construction")
        for key in ("tstr", "tstr.r2", "survival")
    ),
)
BY_SCOPE = (
    ("class:", "class", ("tstr", "tstr.auprc", "tstr.recall", "augmentation.recall")),
    ("group:", "group", ("fairness.auroc",)),
)


def panel(view: View) -> Section | None:
    """One table a cohort for the whole, one for classes, one for groups; nothing where utility was not measured."""
    blocks = [block for group in view.groups for block in _group(view, group)]
    return Section("utility", "Utility, class by class and group by group", LEAD, blocks) if blocks else None


def _group(view: View, group: Group) -> Iterator[Heading | Table | Prose]:
    shown = [c for c in COLUMNS if any(view.summary(group, m, c.metric).mean is not None for m in group.methods)]
    if not shown:
        return
    yield Heading(f"utility-{group.id}", group.title)
    leaks = sorted(group.cohort.get("leaks") or ())
    notes = [f"Contains the label by construction and takes no part: {listing(leaks)}."] if leaks else []
    heads = [
        Head("Method", numeric=False),
        *(marked(Head(c.label, c.better, hint=c.hint), mark(c.metric, origin=view.origin(group, c.metric))) for c in shown),
    ]
    rows = [
        Row([_name(view, method.name), *(cell(view.summary(group, method, c.metric)) for c in shown)]) for method in group.methods
    ]
    yield Table(f"utility-table-{group.id}", f"{group.title}: utility", heads, rows, notes)
    for prefix, word, metrics in BY_SCOPE:
        yield from _by_scope(view, group, prefix, word, metrics)


def _by_scope(view: View, group: Group, prefix: str, word: str, metrics: Sequence[str]) -> Iterator[Table]:
    """Rows: methods; columns: a score in each class or group; the first row is the floor."""
    where = (group.run.suite, group.dataset)
    columns = [
        (metric, scope)
        for metric in metrics
        for scope in view.scores.scopes.get((*where, metric), {})
        if scope.startswith(prefix) and any(view.summary(group, m, metric, scope=scope).mean is not None for m in group.methods)
    ]
    if not columns:
        return
    heads = [
        Head("Method", numeric=False),
        *(Head(f"{scope.removeprefix(prefix)}: {metric}", "↑ higher") for metric, scope in columns),
    ]
    floor = Row([Cell("floor (real)", tone="muted"), *(_floor(view, group, *column) for column in columns)], True)
    rows = [
        Row([_name(view, m.name), *(cell(view.summary(group, m, metric, scope=scope)) for metric, scope in columns)])
        for m in group.methods
    ]
    hidden = _hidden(view, group, prefix, metrics)
    notes = [f"Not shown, too few held-out patients: {listing(hidden)}."] if hidden else []
    title = f"{group.title}: by {word}"
    yield Table(f"utility-{word}-{group.id}", title, heads, [floor, *rows], notes, fold=f"Utility by {word}")


def _hidden(view: View, group: Group, prefix: str, metrics: Sequence[str]) -> list[str]:
    """Classes or groups for which every row says "not applicable"."""
    where = (group.run.suite, group.dataset)
    found: dict[str, None] = {}
    for metric in metrics:
        for scope in view.scores.scopes.get((*where, metric), {}):
            if scope.startswith(prefix) and all(view.summary(group, m, metric, scope=scope).mean is None for m in group.methods):
                found[scope.removeprefix(prefix)] = None
    return list(found)


def _floor(view: View, group: Group, metric: str, scope: str) -> Cell:
    return Cell(number(view.floor(group, metric, scope)), tone="muted")


def _name(view: View, method: str) -> Cell:
    return Cell(method, swatch=view.styles[method].swatch)
