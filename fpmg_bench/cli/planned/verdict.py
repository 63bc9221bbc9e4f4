"""A plan in ten lines: whether it can run, how long, how many bytes, which epsilon, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from fpmg_bench.document.words import plural

if TYPE_CHECKING:
    from fpmg_bench.planning.totals import Totals
    from fpmg_bench.runner import RunPlan
    from fpmg_bench.store import Planned, RunDir

LINES = 10
LABEL = 10  # columns of what a line is about
NAMED = 3


def show(
    made: RunPlan, run: RunDir, found: Totals, todo: Sequence[Planned], more: Sequence[str], command: str, verbose: bool
) -> None:
    """The ten lines. more: notes and what was left out, of which as many are shown as there is room for; all with `-v`.

    command: what runs this plan.
    """
    from fpmg_bench.cli import console

    told = [("plan", _verdict(made, found, todo)), ("time", _time(made, run, found, todo)), ("bytes", _bytes(found))]
    told += [("epsilon", _epsilon(found)), ("seeds", _seeds(made))]
    printed = [_lines(label, text) for label, text in told]
    room = LINES - 2 - sum(map(len, printed))
    asides = [*(f"cannot begin: {name}: {why}" for name, why in found.impossible.items()), *more]
    while asides and not verbose and len(shown := _cut(_lines("", asides[0]), 2)) <= room:
        printed.append(shown)
        room -= len(shown)
        del asides[0]
    typer.echo("\n".join(line for lines in printed for line in lines))
    typer.echo(f"{'next':<{LABEL}}{command}")
    if not verbose:
        notes = f"{plural(len(asides), 'more note')}, " if asides else ""
        console.say(f"{'more':<{LABEL}}with -v: {notes}trials, skew, stages, privacy, graphs")


def _lines(label: str, text: str) -> list[str]:
    from fpmg_bench.cli import console
    from fpmg_bench.cli.layout import wrapped

    return wrapped(f"{label:<{LABEL}}{text}", console.width(), " " * LABEL)


def _cut(lines: Sequence[str], most: int) -> list[str]:
    return list(lines) if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1]} ..."]


def _verdict(made: RunPlan, found: Totals, todo: Sequence[Planned]) -> str:
    chosen = [trial for trial in made.trials if trial.id in made.selected]
    cohorts, methods = ({getattr(trial.spec, name) for trial in chosen} for name in ("dataset_name", "method"))
    size = f"{plural(len(chosen), 'trial')} of {plural(len(methods), 'method')} on {plural(len(cohorts), 'cohort')}"
    kept = len({trial.key for trial in chosen}) - len(todo)
    counts = [f"{kept} finished before"] * bool(kept)
    counts += [f"{len(made.refusals)} refused"] * bool(made.refusals) + [f"{len(made.skipped)} skipped"] * bool(made.skipped)
    counts += [f"{plural(len(found.impossible), 'method')} cannot begin"] * bool(found.impossible)
    some = made.refusals or found.impossible
    word = "can run in part" if some and chosen else "valid" if chosen else "nothing can run"
    return f"{made.suite.name}: {word}: {size}{''.join(f', {each}' for each in counts)}"


def _time(made: RunPlan, run: RunDir, found: Totals, todo: Sequence[Planned]) -> str:
    """As finished trials took; else what training alone takes, measured now."""
    from fpmg_bench.cli.progress import clock
    from fpmg_bench.runner import remaining, seconds_by_method
    from fpmg_bench.store import cores

    jobs = plural(cores(), "job")
    if not todo:
        return f"nothing is left: all is finished in {run.root}"
    took = remaining(todo, seconds_by_method(run), cores(), run.stage1_ready)
    if took is not None:
        return f"{clock(took)} with {jobs} for {plural(len(todo), 'trial')}, as finished trials in {run.root} took"
    return f"{clock(found.training)} of training with {jobs}, measured here; measuring comes on top, often as long"


def _bytes(found: Totals) -> str:
    from fpmg_bench.cli import console

    if found.most is None and not found.unstated:
        return "0 B: nothing is sent"
    said = f"{console.size_of(found.bytes)} in all"
    if found.most is not None:
        raw = found.most.raw_upload
        times = f" ({(found.most.bytes or 0) / raw:,.3g} x its records)" if raw else ""
        said += f"; most: {console.size_of(found.most.bytes)}{times} by {found.most.id.rpartition('/')[0]}"
    if found.unstated:
        said += f"; no closed form: {', '.join(_names(found.unstated))}"
    return said


def _epsilon(found: Totals) -> str:
    formal = [f"{e:.3g} at delta {d:g} ({name}; {holds})" for name, e, d, holds in found.epsilons]
    if not formal:
        return "infinite: no method asks for privacy" if found.unprotected else "nothing trains here"
    rest = f"; infinite for {plural(len(found.unprotected), 'other method')}" if found.unprotected else ""
    return ", ".join(_names(formal)) + rest


def _seeds(made: RunPlan) -> str:
    from fpmg_bench.report.verdicts.leaders import SEEDS_TO_RANK

    seeds = {trial.spec.seed for trial in made.trials if trial.id in made.selected}
    few = f": nothing is ranked below {SEEDS_TO_RANK}" if len(seeds) < SEEDS_TO_RANK else ", enough to rank"
    return f"{len(seeds)}{few}"


def _names(words: Sequence[str]) -> list[str]:
    return [*words[:NAMED], *([f"{len(words) - NAMED} more"] if len(words) > NAMED else [])]
