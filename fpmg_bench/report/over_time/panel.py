"""The panel of a suite: a table of its runs, and of every cohort small drawings of the headline scores, run by run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fpmg_bench.report.blocks import Cell, Figure, Head, Key, Plot, Prose, Row, Section, Table
from fpmg_bench.report.drawing import figures
from fpmg_bench.report.measures import AMP, ATTACK, CO, DG, FC, RG, TSTR, Measure, cell
from fpmg_bench.report.over_time.history import COMMIT, Chain, Past, chains, history, method_of
from fpmg_bench.report.scores import Summary
from fpmg_bench.report.wording import listing, plural, slug

HEADLINE = (TSTR, RG, DG, ATTACK, FC, CO, AMP)
LEAD = (
    "Runs by date, numbered from the oldest. On one line stand runs of the same patients (by fingerprint) and the same seeds only; a mean that lacks a seed is in the table "
    "and not drawn. Bars are 95 % intervals. Whether two runs differ by more than chance says fpmg-bench compare RUN:METHOD RUN:METHOD."
)
ASIDE = 0.05  # of a run: lines stand side by side, so that bars are seen
FEWEST = 2  # runs that make a line


def sections(paths: Sequence[Path]) -> list[Section]:
    """One a suite. Raises StoreError for what is no run directory."""
    return [
        Section(slug("over-time", suite), f"{suite} over time", LEAD, list(_suite(suite, runs)))
        for suite, runs in history(paths).items()
    ]


def _suite(suite: str, runs: Sequence[Past]) -> Iterator[Any]:
    yield _runs(suite, runs)
    found = chains(runs)
    for chain in found:
        others = [each for each in found if each.dataset == chain.dataset and each is not chain]
        if others:
            yield Prose([_apart(chain)], "warn")
        if len(chain.runs) >= FEWEST:
            yield from _figure(chain, slug(suite, chain.dataset, *([str(chain.runs[0][0].number)] if others else [])))


def _runs(suite: str, runs: Sequence[Past]) -> Table:
    heads = [
        "Run",
        "Planned",
        "Version",
        "Commit",
        "suite.yaml",
        "Cohorts (fingerprints)",
        "Seeds",
        "Trials that are ok",
        "Folder",
    ]
    rows = []
    for i, past in enumerate(runs):
        (run,) = past.view.runs
        same = "–" if i == 0 else "as before" if run.text == runs[i - 1].view.runs[0].text else "changed"
        cohorts = [f"{group.dataset} ({_short(group.cohort.get('fingerprint'))})" for group in past.view.groups]
        seeds = dict.fromkeys(", ".join(map(str, group.seeds)) for group in past.view.groups)
        ok = sum(trial.status == "ok" for trial in run.trials)
        said = [str(past.number), past.date or "unknown", past.version, past.commit, same]
        said += [listing(cohorts), " / ".join(seeds), f"{ok} of {len(run.trials)}", run.path.name]
        rows.append(Row([Cell(text, tone="warn" if text == "changed" else "") for text in said]))
    return Table(slug("over-time", suite, "runs"), f"{suite}: the runs", [Head(head, numeric=False) for head in heads], rows)


def _short(fingerprint: Any) -> str:
    return str(fingerprint or "unknown")[:COMMIT]


def _apart(chain: Chain) -> str:
    """Runs of a cohort that are not drawn with its other runs, and why."""
    runs = listing(str(past.number) for past, _ in chain.runs)
    which = f"{chain.dataset}, {'run' if len(chain.runs) == 1 else 'runs'} {runs}"
    own = f"patients {_short(chain.cohort)} and {'seed' if len(chain.seeds) == 1 else 'seeds'} {listing(map(str, chain.seeds))}"
    alone = "; a single run is no line" if len(chain.runs) < FEWEST else ""
    return f"{which}: {own}. Other runs of this cohort have other patients or seeds, and are not compared with {'it' if len(chain.runs) == 1 else 'these'}{alone}."


def _figure(chain: Chain, id: str) -> Iterator[Figure]:
    past, group = chain.runs[-1]
    measures = [(each, metric) for each in HEADLINE if (metric := each.metric(past.view, group))]
    plots = [plot for measure, metric in measures if (plot := _plot(chain, measure, metric, id)) is not None]
    styles = past.view.styles
    yield Figure(
        f"over-time-{id}",
        chain.dataset,
        f"Headline scores of {plural(len(chain.methods), 'method')} on {chain.dataset} in {plural(len(chain.runs), 'run')}, one drawing a score. The table below holds the same numbers.",
        plots,
        _table(chain, measures, id),
        [Key(name, styles[name].swatch) for name in chain.methods],
    )


def _plot(chain: Chain, measure: Measure, metric: str, id: str) -> Plot | None:
    """None where fewer than two runs have a whole mean of any method."""
    past, group = chain.runs[-1]
    traces = [trace for i, name in enumerate(chain.methods) if (trace := _line(chain, measure, metric, name, i)) is not None]
    known = [value for trace in traces for value in trace["y"] if value is not None]
    if len({x for trace in traces for x, y in zip(trace["at"], trace["y"], strict=True) if y is not None}) < FEWEST:
        return None
    numbers = [past.number for past, _ in chain.runs]
    x = figures.axis("run", tickvals=numbers, ticktext=[str(number) for number in numbers])
    unit = measure.said(past.view, group)[2]
    y = figures.axis(f"{f'{unit}, ' if unit else ''}{measure.better}")
    if measure is CO and all(value > 0 for value in known):
        y |= {"type": "log", **figures.byte_ticks(known)}
    shapes = [figures.rule(y=measure.best)] if measure.best is not None else []
    return Plot(
        slug("over-time", id, metric), measure.name(past.view, group), traces, figures.layout(x, y, height=230, shapes=shapes)
    )


def _line(chain: Chain, measure: Measure, metric: str, name: str, i: int) -> dict[str, Any] | None:
    """A method's whole means; None where there are none. `at`: the numbers of the runs."""
    found = [_summary(past, group, name, metric) for past, group in chain.runs]
    whole = [each if each.mean is not None and each.seeds == each.of else None for each in found]
    if not any(whole):
        return None
    at = [past.number for past, _ in chain.runs]
    aside = ASIDE * (i - (len(chain.methods) - 1) / 2)
    drawn = figures.line(
        name, [x + aside for x in at], [each and each.mean for each in whole], chain.runs[-1][0].view.styles[name]
    )
    ends = [
        (each.mean, *each.interval) if each and each.mean is not None and each.interval else (0.0, 0.0, 0.0) for each in whole
    ]
    hover = [
        f"{name}\nrun {x}: {said.text} {said.small}"
        for x, said in zip(at, (cell(each, measure.say) for each in found), strict=True)
    ]
    bars = {"array": [high - mean for mean, _, high in ends], "arrayminus": [mean - low for mean, low, _ in ends]}
    return {**drawn, "at": at, "hover": hover, "error_y": bars}


def _summary(past: Past, group: Any, name: str, metric: str) -> Summary:
    method = method_of(group, name)
    return (
        Summary(None, None, None, 0, 0, "absent", "no such method in this run")
        if method is None
        else past.view.summary(group, method, metric)
    )


def _table(chain: Chain, measures: Sequence[tuple[Measure, str]], id: str) -> Table:
    """A row a method and score, a column a run."""
    past, group = chain.runs[-1]
    heads = [Head("Method", numeric=False), Head("Score", numeric=False)]
    heads += [Head(f"run {each.number}", unit=each.date[:10]) for each, _ in chain.runs]
    rows = []
    for name in chain.methods:
        for measure, metric in measures:
            found = [_summary(each, there, name, metric) for each, there in chain.runs]
            if any(each.mean is not None for each in found):
                said = f"{measure.name(past.view, group)} {measure.better}"
                rows.append(
                    Row(
                        [
                            Cell(name, swatch=past.view.styles[name].swatch),
                            Cell(said),
                            *(cell(each, measure.say) for each in found),
                        ]
                    )
                )
    return Table(f"over-time-{id}-scores", f"{chain.dataset}: headline scores by run", heads, rows)
