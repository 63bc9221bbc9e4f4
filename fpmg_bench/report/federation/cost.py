"""Panel 9: seconds, processor, memory and bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fpmg_bench.report.blocks import Cell, Figure, Head, Key, Plot, Prose, Row, Section, Table
from fpmg_bench.report.drawing import figures
from fpmg_bench.report.drawing.palette import style
from fpmg_bench.report.federation import overhead
from fpmg_bench.report.read import RunFiles, TrialFiles
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import as_float, byte_size, duration, number, percent, plural, slug, times
from fpmg_bench.store import read_json
from fpmg_bench.store.shares import COSTS, shares, useful

STAGES = ("load", "stage1", "encode", "stage2", "sample", "decode", "measure")
LABELS = {
    "load": "load",
    "stage1": "train encoders",
    "encode": "encode",
    "stage2": "train generator",
    "sample": "sample",
    "decode": "decode",
    "measure": "measure",
}


def panel(view: View) -> Section:
    """One figure a cohort: seconds by stage; the table adds processor, memory and bytes."""
    lead = "Means over finished trials, one thread each. Bytes are what all silos send in both stages; raw upload is every training record of all silos but the first, sent once."
    return Section(
        "cost",
        "Cost",
        lead,
        [
            *(table for run in view.runs if (table := _shares(run)) is not None),
            *(block for group in view.groups for block in (_figure(view, group), *overhead.tables(view, group))),
        ],
    )


def _shares(run: RunFiles) -> Table | None:
    """Where the run's processor time went; None for a run of an earlier version, whose trials do not say."""
    found = shares(
        (trial.record for trial in run.trials if trial.record.get("status") == "ok"), read_json(run.path / COSTS) or {}
    )
    if not found:
        return None
    total = sum(share.seconds for share in found)
    rows = [
        Row(
            [
                Cell(share.what),
                Cell("yes" if share.useful else ""),
                _cell(share.seconds, duration),
                _cell(share.seconds / total, percent),
            ]
        )
        for share in found
    ]
    heads = [Head("Work", numeric=False), Head("useful", numeric=False), Head("CPU"), Head("share")]
    title = f"{run.suite}: {percent(useful(found))} of {duration(total)} of processor time trained, released and scored"
    return Table(f"shares-{slug(run.suite)}", title, heads, rows)


def _figure(view: View, group: Group) -> Figure | Prose:
    drawn = [m for m in group.methods if m.done]
    if not drawn:
        return Prose([f"{group.title}: no trial has finished, so nothing was timed."], "warn")
    names = [m.name for m in reversed(drawn)]
    traces = []
    for i, stage in enumerate(STAGES):
        spent = [mean(m, partial(_seconds, stage)) for m in reversed(drawn)]
        traces.append(figures.bars(LABELS[stage], spent, names, style(i), [duration(s) for s in spent]))
    x, y = figures.axis("seconds a trial"), figures.axis("", type="category")
    plot = Plot(
        f"seconds-{group.id}",
        "Seconds by stage",
        traces,
        figures.layout(x, y, height=80 + 30 * len(drawn), barmode="stack", bargap=0.35),
    )
    keys = [
        Key(
            LABELS[stage],
            f'<svg class="swatch c{style(i).index}" viewBox="0 0 14 14" aria-hidden="true"><path d="M1 2h12v10H1z"/></svg>',
        )
        for i, stage in enumerate(STAGES)
    ]
    return Figure(
        f"cost-{group.id}",
        group.title,
        f"Mean seconds of a trial by stage for {plural(len(drawn), 'method')}.",
        [plot],
        _table(view, group),
        keys,
    )


def _seconds(stage: str, trial: TrialFiles) -> Any:
    return (trial.record.get("seconds") or {}).get(stage)


def mean(method: Method, read: Callable[[TrialFiles], Any]) -> float | None:
    """Mean of a number over the finished trials that have it."""
    values = [v for trial in method.done if (v := as_float(read(trial))) is not None]
    return sum(values) / len(values) if values else None


def _table(view: View, group: Group) -> Table:
    heads = [
        Head("Method", numeric=False),
        Head("total"),
        *(Head(LABELS[stage]) for stage in STAGES),
        Head("CPU"),
        Head("peak memory"),
        Head("bytes sent"),
        Head("of raw upload"),
        Head("messages"),
    ]
    rows = [Row(list(_cells(view, method))) for method in group.methods]
    return Table(f"cost-table-{group.id}", f"{group.title}: cost of a trial", heads, rows)


def _cells(view: View, method: Method) -> Iterator[Cell]:
    yield Cell(method.name, swatch=view.styles[method.name].swatch)
    if not method.done:
        status, reason = method.verdict
        yield Cell(status.replace("_", " "), tone="bad", why=reason)
        yield from (Cell("–", tone="muted") for _ in range(len(STAGES) + 5))
        return
    for name in ("total", *STAGES):
        yield _cell(mean(method, partial(_seconds, name)), duration)
    yield _cell(mean(method, lambda t: t.record.get("cpu_seconds")), duration)
    yield _cell(mean(method, lambda t: t.record.get("peak_rss_bytes")), byte_size)
    sent, raw = mean(method, _bytes("total")), mean(method, _bytes("raw_upload"))
    yield _cell(sent, byte_size)
    yield _cell(sent / raw if sent is not None and raw else None, times)
    yield _cell(mean(method, _messages), lambda v: number(v, 0))


def _bytes(key: str) -> Callable[[TrialFiles], Any]:
    return lambda trial: (trial.record.get("bytes") or {}).get(key)


def _messages(trial: TrialFiles) -> int | None:
    entries = [entry for entry in (trial.record.get("bytes") or {}).values() if isinstance(entry, dict)]
    return sum(int(entry.get("messages") or 0) for entry in entries) if entries else None


def _cell(value: float | None, say: Callable[[Any], str]) -> Cell:
    return Cell(say(value), sort=value, tone="muted" if value is None else "")
