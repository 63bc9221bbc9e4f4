"""`fpmg-bench plan`: what a run would do, send, spend and take, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpmg_bench.cli.run import Deadline, Device, Joined, Json, OnDead, Only, Seeds, SuiteName, numbers
from fpmg_bench.document.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fpmg_bench.planning.forecast import Forecast
    from fpmg_bench.registry import Registry
    from fpmg_bench.runner import RunPlan
    from fpmg_bench.types import Cohort

EPILOG = """\b
Examples:
  fpmg-bench plan smoke
  fpmg-bench plan suites/multimodal.yaml -k fpmg
  fpmg-bench plan suites/topology.yaml --graph --liars 2
  fpmg-bench plan smoke --seeds 0 --json
  fpmg-bench plan smoke --transport gloo --out runs/smoke
"""


def command(
    suite: SuiteName,
    only: Only = None,
    seeds: Seeds = None,
    graph: Annotated[bool, typer.Option("--graph", help="Draw every graph and judge every installed aggregator on it.")] = False,
    liars: Annotated[
        int, typer.Option("--liars", min=1, metavar="N", help="Wanted number of liars: the fewest hops or hubs for them.")
    ] = 1,
    json: Json = False,
    transport: Joined = "inproc",
    deadline: Deadline = 60.0,
    on_dead: OnDead = "stop",
    device: Device = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Print where the processor time of the suite's run directory went, instead.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write the plan into this run directory.", show_default=False)] = None,
) -> None:
    """Validate SUITE and print its trials, refusals with reasons, skew, graphs, bytes, privacy per silo and training time.

    Nothing runs, and nothing is written without --out. With --transport gloo the lines that start silos on hosts of their own
    come last. Each method is forecast on each cohort for its first seed. Bytes follow the closed forms
    that the meter is checked against; sigma is the noise multiplier that the trial will use; seconds are one core's, measured
    here on made-up rows, without sampling and measuring. A rule is proven for as many liars as leave every merge near the
    honest models, whatever liars send; where merges see neighbours only, for no more than leave honest silos connected enough to agree.
    """
    from fpmg_bench import runner
    from fpmg_bench.cli import graphs, ranks, shares
    from fpmg_bench.registry import Registry
    from fpmg_bench.store import RunDir

    if profile:
        return shares.show(out, suite, json)
    wire, registry = runner.Wire(transport, deadline, on_dead), Registry.discover()
    cohorts: dict[str, Cohort] = {}
    made = runner.plan(suite, registry, only=only, seeds=numbers(seeds), loaded=cohorts, device=device)
    run = RunDir(out or Path("runs") / made.suite.name)
    made = runner.joined(made, run, registry, wire)
    if out is not None:
        made.save(run)
    forecasts = list(_forecasts(made, registry, cohorts))
    on_hosts = ranks.lines(made, forecasts, run.root, wire) if transport == "gloo" else {}
    drawn = graphs.planned(forecasts, registry, liars, every=graph)
    if json:
        _emit(made, forecasts, [graphs.as_json(each) for each in drawn], on_hosts)
    else:
        _print(made, forecasts)
        shares.left(made, run)
        graphs.show(drawn, liars, pictures=graph)
        ranks.show(on_hosts, run.root, str(suite), written=out is not None)


def _forecasts(made: RunPlan, registry: Registry, cohorts: Mapping[str, Cohort]) -> Iterator[Forecast]:
    """One for each dataset and method that is selected."""
    import torch

    from fpmg_bench.planning.forecast import forecast
    from fpmg_bench.runner.one import build

    torch.set_num_threads(1)  # as a trial has it: two threads that wait for each other would be timed
    first: dict[tuple[str, str], Any] = {}
    for trial in made.trials:
        if trial.id in made.selected:
            first.setdefault((trial.spec.dataset_name, trial.spec.method), trial.spec)
    for (dataset, _), spec in sorted(first.items(), key=lambda item: item[0][0]):
        yield forecast(spec, build(spec, registry), cohorts[dataset])


def _emit(made: RunPlan, forecasts: Sequence[Forecast], graphs: Sequence[Any], ranks: dict[str, str]) -> None:
    from dataclasses import asdict

    from fpmg_bench.cli import console

    console.emit(
        {
            "suite": made.suite.name,
            "trials": [
                {"id": t.id, "key": t.key, "stage1": t.stage1, "measure": t.measure} for t in made.trials if t.id in made.selected
            ],
            "refusals": [asdict(refusal) for refusal in made.refusals],
            "skipped": [asdict(refusal) for refusal in made.skipped],
            "notes": made.notes,
            "forecasts": [asdict(f) | {"bytes": f.bytes, "seconds": f.seconds} for f in forecasts],
            "graphs": graphs,
        }
        | ({"ranks": ranks} if ranks else {})
    )


def _print(made: RunPlan, forecasts: Sequence[Forecast]) -> None:
    from fpmg_bench.cli import console
    from fpmg_bench.cli.progress import clock
    from fpmg_bench.results import left_out_lines

    chosen = [trial for trial in made.trials if trial.id in made.selected]
    seeds = {
        name: sorted({t.spec.seed for t in chosen if _cell(t.id) == name}) for name in dict.fromkeys(_cell(t.id) for t in chosen)
    }
    typer.echo(
        f"{made.suite.name}: {plural(len(chosen), 'trial')}, {len({t.key for t in chosen})} distinct, {len({t.stage1 for t in chosen if t.stage1})} stage 1"
    )
    for note in made.notes:
        typer.echo(f"note: {note}")
    refused, skipped = ([(entry.id, entry.reason) for entry in entries] for entries in (made.refusals, made.skipped))
    for line in left_out_lines(refused, skipped):
        typer.echo(line)
    rows = [
        (
            _cell(f.id),
            ",".join(map(str, seeds[_cell(f.id)])),
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
        (_cell(f.id), s.stage, s.silos, s.rounds, *map(console.size_of, (s.message, s.per_round, s.statistics, s.keys, s.total)))
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
            *(_cell(f.id), s.silo, s.patients, _stages(s.stage1.rate, s.stage2.rate), _stages(s.stage1.steps, s.stage2.steps)),
            *(s.noise, s.noise_statistics, s.epsilon, s.delta, s.holds, *([s.totals] * shared)),
        )
        for f in private
        for s in f.silos
    ]
    console.table("Privacy, calibrated to the whole plan (PRV)", columns, rows, right=columns[2:-1])
    without = [_cell(f.id) for f in forecasts if f.silos and f not in private]
    if without:
        typer.echo(f"epsilon infinite (no privacy asked for): {', '.join(without)}")


def _stages(first: float, second: float) -> float | str:
    """One number where both stages have the same."""
    return second if first == second else f"{first:g} then {second:g}"


def _cell(id: str) -> str:
    return id.rpartition("/")[0]


def _graph(forecast: Forecast) -> str:
    """Edges of one round, at most twelve: 0>1 1>2 2>0; s is the server, h2 a hub."""
    names = [f"{_node(a)}>{_node(b)}" for a, b in forecast.edges]
    return " ".join(names[:12]) + (f" ... {plural(len(names), 'edge')}" if len(names) > 12 else "") or "-"


def _node(node: int) -> str:
    return "s" if node == -1 else str(node) if node >= 0 else f"h{-node}"
