"""`fpmg-bench plan`: what a run would do, send, spend and take, without running it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpmg_bench.cli.run import Deadline, Device, Joined, Json, OnDead, Only, Seeds, SuiteName, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fpmg_bench.planning.forecast import Forecast
    from fpmg_bench.planning.totals import Totals
    from fpmg_bench.registry import Registry
    from fpmg_bench.runner import RunPlan
    from fpmg_bench.types import Cohort

EPILOG = """\b
Examples:
  fpmg-bench plan smoke
  fpmg-bench plan smoke -v
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
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="All trials, refusals, skew, bytes by stage, privacy by silo, graphs.")
    ] = False,
) -> None:
    """Validate SUITE and print in ten lines whether it can run, its time, bytes and epsilon, and what it leaves out; -v prints the rest.

    Nothing runs, and nothing is written without --out. With --transport gloo the lines that start silos on hosts of their own
    come last. Each method is forecast on each cohort for its first seed. Bytes follow the closed forms
    that the meter is checked against; sigma is the noise multiplier that the trial will use; seconds are one core's, measured
    here on made-up rows, without sampling and measuring. A rule is proven for as many liars as leave every merge near the
    honest models, whatever liars send; where merges see neighbours only, for no more than leave honest silos connected enough to agree.
    """
    from fpmg_bench import runner
    from fpmg_bench.cli.planned import details, graphs, ranks, shares, verdict
    from fpmg_bench.planning.totals import totals
    from fpmg_bench.registry import Registry
    from fpmg_bench.store import RunDir, cores

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
    chosen = [trial for trial in made.trials if trial.id in made.selected]
    todo = [trial for trial in {trial.key: trial for trial in chosen}.values() if not run.finished(trial)]
    found = totals(chosen, todo, forecasts, cores(), run.stage1_ready)
    on_hosts = ranks.lines(made, forecasts, run.root, wire) if transport == "gloo" else {}
    drawn = graphs.planned(forecasts, registry, liars, every=graph) if verbose or graph or json or liars > 1 else []
    if json:
        return _emit(made, forecasts, found, [graphs.as_json(each) for each in drawn], on_hosts)
    again = {"-k": only, "--seeds": seeds, "--device": device, "--out": out, "--transport": transport.replace("inproc", "")}
    verdict.show(made, run, found, todo, details.said(made), _run(suite, again), verbose)
    if verbose:
        details.show(made, forecasts)
    if drawn:
        graphs.show(drawn, liars, pictures=graph)
    ranks.show(on_hosts, run.root, str(suite), written=out is not None)
    return None


def _run(suite: str, options: Mapping[str, Any]) -> str:
    """The command that runs what was planned."""
    given = [str(word) for option, value in options.items() if value for word in (option, value)]
    return shlex.join(["fpmg-bench", "run", suite, *given])


def _forecasts(made: RunPlan, registry: Registry, cohorts: Mapping[str, Cohort]) -> Iterator[Forecast]:
    """One for each dataset and method that is selected."""
    import torch

    from fpmg_bench.planning.forecast import Known, forecast
    from fpmg_bench.runner.one import build

    torch.set_num_threads(1)  # as a trial has it: two threads that wait for each other would be timed
    first: dict[tuple[str, str], Any] = {}
    known: Known = {}
    for trial in made.trials:
        if trial.id in made.selected:
            first.setdefault((trial.spec.dataset_name, trial.spec.method), trial.spec)
    for (dataset, _), spec in sorted(first.items(), key=lambda item: item[0][0]):
        yield forecast(spec, build(spec, registry), cohorts[dataset], known)


def _emit(made: RunPlan, forecasts: Sequence[Forecast], found: Totals, graphs: Sequence[Any], ranks: dict[str, str]) -> None:
    from dataclasses import asdict, replace

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
            "totals": asdict(replace(found, most=None)) | {"most": found.most.id if found.most else None},
            "forecasts": [asdict(f) | {"bytes": f.bytes, "seconds": f.seconds} for f in forecasts],
            "graphs": graphs,
        }
        | ({"ranks": ranks} if ranks else {})
    )
