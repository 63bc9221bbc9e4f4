"""From run directories to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import StoreError

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.report.beside.sources import Loader
    from fpmg_bench.report.patients.samples import Real
    from fpmg_bench.report.view import View
    from fpmg_bench.types import Cohort, Panel


def build(
    run: Path | Sequence[Path],
    out: Path | None = None,
    *,
    panels: Sequence[Panel] = (),
    real: Real | None = None,
    loader: Loader | None = None,
) -> Path:
    """Write the report and return its path; default: report.html in the first run. The same results give the same bytes.

    panels: of plug-ins, shown after privacy. real: dataset name -> its cohort; then the page shows real patients of publishable
    cohorts beside the synthetic ones, is marked so, and `out` must lie outside every run. loader: reads cohorts again for counts of
    real patients beside synthetic ones; None: no such panel. Raises StoreError.
    """
    from fpmg_bench.report.page import render
    from fpmg_bench.store import write_bytes

    paths = [run] if isinstance(run, Path) else list(run)
    target = _target(paths, out, real is not None)
    seen = _seen(paths)
    write_bytes(target, render(_sections(seen, panels, real, loader), **_titles(seen, real)).encode())
    return target


def in_words(
    runs: Sequence[Path], out: Path, ids: Sequence[str] = (), *, plugged: Sequence[Panel] = (), loader: Loader | None = None
) -> Path:
    """Write these panels of the report (all for none) as Markdown and return its path. Raises StoreError, also for an unknown id."""
    from fpmg_bench.report import markdown
    from fpmg_bench.store import write_bytes

    seen = _seen(runs)
    titles = _titles(seen, None)
    sections = markdown.chosen(_sections(seen, plugged, None, loader), ids)
    write_bytes(out, markdown.render(sections, title=titles["title"], subtitle=titles["subtitle"]).encode())
    return out


def write(
    runs: Sequence[Path],
    *,
    out: str | Path | None = None,
    show_real: str | Path | None = None,
    markdown: str | Path | None = None,
    panels: Sequence[str] = (),
    pdf: str | Path | None = None,
    aggregates: bool = True,
    registry: Registry,
) -> list[Path]:
    """What `fpmg-bench report` does: the page, with `show_real` a second one with real patients, with `markdown` these panels in words.

    aggregates: count real patients, too, for a panel of real beside synthetic ones; pdf: the page (without real patients) on paper. Returns the
    files. Raises StoreError, before anything is written where no browser prints.
    """
    from fpmg_bench.report import paper
    from fpmg_bench.report.beside.sources import loader

    if pdf is not None:
        paper.browser()
    plugged = [panel for run in runs for panel in registry.panels(str(run))]
    reading = loader(registry) if aggregates else None
    made = [] if markdown is None else [in_words(runs, Path(markdown), panels, plugged=plugged, loader=reading)]
    made.append(page := build(runs, None if out is None else Path(out), panels=plugged, loader=reading))
    if pdf is not None:
        made.append(paper.print_page(page, Path(pdf)))
    if show_real is not None:
        made.append(build(runs, Path(show_real), panels=plugged, real=_real(runs, registry), loader=reading))
    return made


def _seen(paths: Sequence[Path]) -> View:
    from fpmg_bench.report.read import read_run
    from fpmg_bench.report.view import view

    return view([read_run(path) for path in paths])


def _target(paths: Sequence[Path], out: Path | None, real: bool) -> Path:
    if not paths:
        raise StoreError("no run to report on", "fpmg-bench report runs/SUITE")
    target = out or paths[0] / "report.html"
    if real and any(target.resolve().is_relative_to(path.resolve()) for path in paths):
        raise StoreError(
            f"{target}: a page with real patients must lie outside the run directory", "--show-real ../real-patients.html"
        )
    return target


def _sections(seen: View, panels: Sequence[Panel], real: Real | None, loader: Loader | None = None) -> list[Any]:
    from fpmg_bench.report import beside
    from fpmg_bench.report.appendix import calibration, cards, failures, plugged, provenance
    from fpmg_bench.report.federation import cost, faults, plumbing, rounds
    from fpmg_bench.report.patients import cohorts, samples
    from fpmg_bench.report.privacy import neighbour, privacy
    from fpmg_bench.report.quality import association, fidelity, latent, round_trip, sensitivity, utility
    from fpmg_bench.report.verdicts import frontier, leaderboard, validity, verdict

    order: list[Any] = [verdict, leaderboard, frontier]  # the answer
    order += [latent, round_trip]  # what was lost where
    before = [made for each in order if (made := each.panel(seen))]
    before += [
        *beside.sections(seen, loader),
        *([drawn] if (drawn := samples.panel(seen, real)) else []),
    ]  # real beside synthetic
    before += [made for each in (fidelity, association, privacy, neighbour) if (made := each.panel(seen))]
    order = [utility]  # for whom
    order += [faults, rounds, plumbing, cost]  # the federation, and what it costs
    order += [validity, calibration, sensitivity, failures]  # whether to believe it
    order += [cohorts, cards, provenance]
    return [*before, *plugged.sections(panels), *(made for each in order if (made := each.panel(seen)))]


def _titles(seen: View, real: Real | None) -> dict[str, str]:
    from fpmg_bench.report.patients.samples import banner
    from fpmg_bench.report.wording import listing, plural

    suites = listing(run.suite for run in seen.runs)
    cohorts, methods = len(seen.groups), len({m.name for g in seen.groups for m in g.methods})
    damaged = sum(trial.status == "damaged" for trial in seen.trials())
    subtitle = f"{plural(methods, 'method')} on {plural(cohorts, 'cohort')}, {plural(sum(1 for _ in seen.trials()), 'trial')}"
    subtitle += f", {damaged} of them damaged on disk and left out" if damaged else ""
    return {"title": suites, "subtitle": subtitle, "banner": banner(real)}


def _real(runs: Sequence[Path], registry: Registry) -> Mapping[str, Cohort]:
    """The publishable cohorts of the runs, loaded again."""
    from fpmg_bench.store import RunDir

    found: dict[str, Cohort] = {}
    for run in runs:
        planned = RunDir(run)
        public = {name for name, info in (planned.plan().get("cohorts") or {}).items() if info.get("publishable")}
        for trial in planned.trials():
            name = trial.spec.dataset_name
            if name in public and name not in found:
                dataset: Any = registry.build("dataset", trial.spec.dataset)
                found[name] = dataset.load()
    return found
