"""Panel 11: what did not work, was refused or skipped, each with its reason. Nothing of it is filled in anywhere."""

from __future__ import annotations

from fpmg_bench.report.blocks import Cell, Head, Prose, Row, Section, Table
from fpmg_bench.report.measures import TONES, WORDS
from fpmg_bench.report.view import View
from fpmg_bench.report.wording import first, plural


def panel(view: View) -> Section:
    """Trials, refusals, and metrics that gave no number."""
    tables = [table for table in (_trials(view), _planned(view), _metrics(view)) if table.rows]
    lead = "Everything that has no number, and why."
    blocks = [*tables, *_stale(view)]
    return Section(
        "failures", "Failures, refusals and skips", lead, blocks or [Prose(["Nothing failed, was refused or skipped."], "good")]
    )


def _stale(view: View) -> list[Prose]:
    count = sum(len(run.stale) for run in view.runs)
    text = "of an earlier version of the program, a plug-in, a cohort or the suite are left out of this report (results.parquet has them)"
    return [Prose([f"Results of {plural(count, 'trial')} {text}."], "warn")] if count else []


def _trials(view: View) -> Table:
    heads = [
        Head("Trial", numeric=False),
        Head("Status", numeric=False),
        Head("Reason", numeric=False),
        Head("Log", numeric=False),
    ]
    rows = [
        Row(
            [
                Cell(t.id, t.suite if len(view.runs) > 1 else ""),
                Cell(WORDS.get(t.status, t.status), tone=TONES.get(t.status, "warn")),
                Cell(t.reason or "no reason was recorded"),
                Cell(f"trials/{t.key}/log.txt" if (t.folder / "log.txt").is_file() else "–", tone="muted"),
            ]
        )
        for t in view.trials()
        if t.status != "ok"
    ]
    return Table("failed-trials", "Trials that did not finish", heads, rows)


def _planned(view: View) -> Table:
    heads = [Head("Trial", numeric=False), Head("Status", numeric=False), Head("Reason", numeric=False)]
    rows = [
        Row([Cell(str(entry.get("id"))), Cell(word, tone="warn"), Cell(str(entry.get("reason") or "no reason was recorded"))])
        for run in view.runs
        for word, key in (("refused", "refusals"), ("skipped", "skipped"))
        for entry in run.plan.get(key) or ()
    ]
    return Table("refusals", "Refused while planning, or skipped", heads, rows)


def _metrics(view: View) -> Table:
    """One row a cohort, status and reason, with the metrics and the methods that it holds for; seeds are counted, not listed."""
    found: dict[tuple[str, ...], dict[str, set[int]]] = {}
    for run in view.runs:
        for row in run.results:
            if row["status"] in ("not_applicable", "failed", "timeout") and row["scope"] == "all":
                name = f"{row['metric']} ({row['modality']})" if row["modality"] else row["metric"]
                key = (run.suite, row["dataset"], name, row["status"], row["reason"])
                found.setdefault(key, {}).setdefault(row["method"], set()).add(row["seed"])
    alike: dict[tuple[str, ...], list[str]] = {}
    for (suite, dataset, metric, status, reason), methods in found.items():
        alike.setdefault((suite, dataset, status, reason, _who(view, suite, dataset, methods)), []).append(metric)
    heads = [Head(word, numeric=False) for word in ("Cohort", "Metric", "Status", "Reason", "Methods (seeds)")]
    rows = [
        Row(
            [
                Cell(dataset, suite if len(view.runs) > 1 else ""),
                Cell(", ".join(metrics)),
                Cell(WORDS[status], tone=TONES.get(status, "muted")),
                Cell(reason or "no reason was recorded"),
                Cell(who),
            ]
        )
        for (suite, dataset, status, reason, who), metrics in alike.items()
    ]
    return Table("unmeasured", "Metrics without a number in trials that ran", heads, rows)


def _who(view: View, suite: str, dataset: str, methods: dict[str, set[int]]) -> str:
    group = next((g for g in view.groups if (g.run.suite, g.dataset) == (suite, dataset)), None)
    if group and len(methods) > 1 and all(len(methods.get(m.name, ())) == len(m.done) for m in group.methods):
        return f"all methods ({plural(sum(map(len, methods.values())), 'trial')})"
    return first([f"{name} ({len(seeds)})" for name, seeds in methods.items()], 8)
