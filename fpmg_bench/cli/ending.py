"""How `run` ends: what came of the trials, the best three rows of every cohort, where everything is, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from fpmg_bench.document.words import plural
from fpmg_bench.errors import ExitCode

if TYPE_CHECKING:
    from fpmg_bench.report.verdicts.board import Line
    from fpmg_bench.report.view import View
    from fpmg_bench.results import Results
    from fpmg_bench.store import TrialRecord

LABEL = 9  # columns of what a line is about


def tell(results: Results, json: bool) -> None:
    """Counts, failures with their reasons, the best rows, and where everything is."""
    troubles = [record for record in results.records() if record.status not in ("ok", "")]
    files = {"results": results.path / "results.parquet", "report": results.path / "report.html"}
    present = {name: str(path) for name, path in files.items() if path.is_file()}
    seen = None if results.code in (ExitCode.INTERRUPTED, ExitCode.NOTHING_MEASURED) else results.view()
    if json:
        return _emit(results, troubles, present, seen)
    _counts(results, troubles)
    if seen is not None and seen.groups:
        _best(seen)
    for name, path in present.items():
        typer.echo(f"{name:<{LABEL}}{path}")
    _next(results)
    return None


def _emit(results: Results, troubles: Sequence[TrialRecord], present: dict[str, str], seen: View | None) -> None:
    from fpmg_bench.cli import console
    from fpmg_bench.report.verdicts.board import best

    failed = [{"id": t.trial.id, "status": t.status, **_place(t)} for t in troubles]
    console.emit(
        {
            "run": str(results.path),
            "exit_code": int(results.code),
            "counts": results.counts,
            "failed": failed,
            "not_run": results.left_out(),
            "red_flags": results.red_flags(),
            "best": [_as_json(seen, line) for line in best(seen)] if seen else [],
            "release": results.release_lines(),
            **present,
        }
    )


def _as_json(seen: View, line: Line) -> dict[str, Any]:
    found = {name: getattr(line.found, name) for name in ("mean", "low", "high", "seeds")}
    score = line.measure.metric(seen, line.group)
    return {"dataset": line.group.dataset, "method": line.method.name, "score": score, **found, "stands": line.stands}


def _place(record: TrialRecord) -> dict[str, str]:
    if record.result is None:
        return {"where": "", "reason": record.reason}
    return {name: str(record.result[name]) for name in ("where", "reason")}


def _counts(results: Results, troubles: Sequence[TrialRecord]) -> None:
    from fpmg_bench.cli import console

    console.say(", ".join(f"{count} {what}" for what, count in results.counts.items() if count) or "nothing to do")
    for trial in troubles:
        console.say(f"{trial.status}: {trial.trial.id}: {': '.join(filter(None, _place(trial).values()))}")
    for line in [*results.left_out_lines(), *(f"red flag: {flag}" for flag in results.red_flags())]:
        console.say(line)


def _best(seen: View) -> None:
    """The first three of every cohort, with the report's own first sentence: nothing is ranked below five seeds."""
    from fpmg_bench.cli import console
    from fpmg_bench.report.verdicts.board import best
    from fpmg_bench.report.verdicts.opening import answer
    from fpmg_bench.report.wording import span

    lines = best(seen)
    rows = [
        (
            line.group.title,
            line.method.name,
            f"{line.measure.name(seen, line.group)} {line.measure.better}",
            line.measure.say(line.found.mean),
            span(line.found.low, line.found.high, line.measure.say),
            line.found.seeds,
            line.stands,
        )
        for line in lines
    ]
    if rows:
        columns = ("cohort", "method", "score", "mean", "95 % interval", "seeds", "stands")
        console.table("\nBest means", columns, rows, right=("mean", "95 % interval", "seeds"))
    own = (
        " An interval of one seed is over patients."
        if any(line.found.own and line.found.low is not None for line in lines)
        else ""
    )
    console.say(f"{answer(seen)}{own}")


def _next(results: Results) -> None:
    """Releases, and one command to go on with: the same again where trials are left, else patients of one's own."""
    from fpmg_bench.results import releases
    from fpmg_bench.store import RunDir

    run = RunDir(results.path)
    stored = sum(len(releases(run.trial(key))) for key in dict.fromkeys(trial.key for trial in run.trials()))
    if stored:
        typer.echo(f"{'releases':<{LABEL}}{results.path / 'trials'}/*/synthetic ({stored})")
    lines = results.release_lines()
    if results.counts.get("left"):
        typer.echo(f"{'next':<{LABEL}}{run.plan().get('command', 'fpmg-bench run SUITE')}")
    elif lines:
        others = f"  (or {plural(len(lines) - 1, 'other')}: another method, or --dataset)" if len(lines) > 1 else ""
        typer.echo(f"{'next':<{LABEL}}{lines[0]}{others}")
