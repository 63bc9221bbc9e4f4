"""The details of a plan: trials, skew, bytes stage by stage, privacy silo by silo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpmg_bench.document.words import plural
from fpmg_bench.planning.totals import cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpmg_bench.planning.forecast import Forecast
    from fpmg_bench.runner import RunPlan


def show(made: RunPlan, forecasts: Sequence[Forecast]) -> None:
    """All tables but those of graphs."""
    from fpmg_bench.cli import console
    from fpmg_bench.cli.progress import clock

    chosen = [trial for trial in made.trials if trial.id in made.selected]
    stages = plural(len({t.stage1 for t in chosen if t.stage1}), "stage 1", "stages 1")
    console.say(f"\n{plural(len(chosen), 'trial')}, {len({t.key for t in chosen})} distinct, {stages}")
    for line in said(made):
        console.say(line)
    seeds = {
        name: sorted({t.spec.seed for t in chosen if cell(t.id) == name}) for name in dict.fromkeys(cell(t.id) for t in chosen)
    }
    rows = [
        (
            cell(f.id),
            ",".join(map(str, seeds[cell(f.id)])),
            len(f.silos),
            _graph(f),
            console.size_of(f.bytes),
            console.size_of(f.raw_upload),
            clock(f.seconds) if f.stages else "-",
            f.reason,
        )
        for f in forecasts
    ]
    columns = ("dataset/method", "seeds", "silos", "graph of a round", "bytes", "raw upload", "training", "note")
    console.table("Trials", columns, rows, right=("silos", "bytes", "raw upload", "training"))
    _print_skew(forecasts)
    _print_stages(forecasts)
    _print_privacy(forecasts)


def said(made: RunPlan) -> list[str]:
    """Notes, and what planning left out with its reasons: a line each."""
    from fpmg_bench.results import left_out_lines

    refused, skipped = ([(entry.id, entry.reason) for entry in entries] for entries in (made.refusals, made.skipped))
    return [*(f"note: {note}" for note in made.notes), *left_out_lines(refused, skipped)]


def _print_skew(forecasts: Sequence[Forecast]) -> None:
    """One row for each cohort and partition in silos: how different these are with the first seed."""
    from fpmg_bench.cli import console
    from fpmg_bench.partition import words

    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    for f in forecasts:
        if f.skew and not f.pooled:
            said, s = words(f.partition), f.skew
            lost = ", ".join(f"{m} at {', '.join(by)}" for m, by in s.get("withheld", {}).items())
            row = (f.id.partition("/")[0], said, len(f.silos), s["js"], s["gini"], s["features"], s["features_by_chance"])
            found.setdefault(row[:2], (*row, s.get("by"), s.get("without_feature"), s["absent"], lost))
    columns = ("dataset", "partition", "silos", "labels", "sizes", "features", "by chance", "by", "without", "absent", "withheld")
    title = (
        "Skew: Jensen-Shannon distance of labels, Gini of sizes, standardised difference of features, share of modalities absent"
    )
    console.table(title, columns, found.values(), right=columns[2:10])


def _print_stages(forecasts: Sequence[Forecast]) -> None:
    from fpmg_bench.cli import console

    columns = ("dataset/method", "stage", "silos", "rounds", "message", "a round", "statistics", "keys", "total")
    rows = [
        (cell(f.id), s.stage, s.silos, s.rounds, *map(console.size_of, (s.message, s.per_round, s.statistics, s.keys, s.total)))
        for f in forecasts
        for s in f.stages
    ]
    console.table("Bytes, from closed forms", columns, rows, right=columns[2:])


def _print_privacy(forecasts: Sequence[Forecast]) -> None:
    """Silos under differential privacy; all others release weights without a formal bound."""
    from fpmg_bench.cli import console

    columns: tuple[str, ...] = (
        "dataset/method",
        "silo",
        "patients",
        "rate",
        "steps a round",
        "sigma",
        "sigma of statistics",
        "epsilon",
        "delta",
        "holds",
    )
    private = [f for f in forecasts if any(s.noise is not None for s in f.silos)]
    shared = any(s.totals is not None for f in private for s in f.silos)
    columns += ("epsilon of totals",) * shared
    rows = [
        (
            *(cell(f.id), s.silo, s.patients, _stages(s.stage1.rate, s.stage2.rate), _stages(s.stage1.steps, s.stage2.steps)),
            *(s.noise, s.noise_statistics, s.epsilon, s.delta, s.holds, *([s.totals] * shared)),
        )
        for f in private
        for s in f.silos
    ]
    console.table("Privacy, calibrated to the whole plan (PRV)", columns, rows, right=columns[2:-1])
    without = [cell(f.id) for f in forecasts if f.silos and f not in private]
    if without:
        console.say(f"epsilon infinite (no privacy asked for): {', '.join(without)}")


def _stages(first: float, second: float) -> float | str:
    """One number where both stages have the same."""
    return second if first == second else f"{first:g} then {second:g}"


def _graph(forecast: Forecast) -> str:
    """Edges of one round, at most twelve: 0>1 1>2 2>0; s is the server, h2 a hub."""
    names = [f"{_node(a)}>{_node(b)}" for a, b in forecast.edges]
    return " ".join(names[:12]) + (f" ... {plural(len(names), 'edge')}" if len(names) > 12 else "") or "-"


def _node(node: int) -> str:
    return "s" if node == -1 else str(node) if node >= 0 else f"h{-node}"
