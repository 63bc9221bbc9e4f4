"""From run directories to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    paths = [run] if isinstance(run, Path) else list(run)
    target = _target(paths, out, real is not None)
    seen = _seen(paths)
    return _page(_sections(seen, panels, real, loader), _titles(seen, real), target)


def in_words(
    runs: Sequence[Path], out: Path, ids: Sequence[str] = (), *, plugged: Sequence[Panel] = (), loader: Loader | None = None
) -> Path:
    """Write these panels of the report (all for none) as Markdown and return its path. Raises StoreError, also for an unknown id."""
    seen = _seen(runs)
    return _words(_sections(seen, plugged, None, loader), _titles(seen, None), out, ids)


def _page(sections: Sequence[Any], titles: Mapping[str, str], target: Path) -> Path:
    from fpmg_bench.report.page import render
    from fpmg_bench.store import write_bytes

    write_bytes(target, render(sections, **titles).encode())
    return target


def _words(sections: Sequence[Any], titles: Mapping[str, str], out: Path, ids: Sequence[str]) -> Path:
    from fpmg_bench.report import markdown
    from fpmg_bench.store import write_bytes

    chosen = markdown.chosen(sections, ids)
    write_bytes(out, markdown.render(chosen, title=titles["title"], subtitle=titles["subtitle"]).encode())
    return out


@dataclass(frozen=True, slots=True)
class Files:
    """The page, and what else is written of its panels. panels: ids of those of `markdown`; export: a folder that is new or empty."""

    page: Path
    markdown: Path | None = None
    panels: Sequence[str] = ()
    export: Path | None = None
    pdf: Path | None = None

    def ready(self) -> None:
        """Raises StoreError for what could not be written in the end."""
        from fpmg_bench.report.browser import browser
        from fpmg_bench.report.export.folder import free

        if self.pdf is not None:
            browser()
        if self.export is not None:
            free(self.export)

    def write(self, sections: Sequence[Any], titles: Mapping[str, str]) -> list[Path]:
        """The files, in this order: words, page, list of the export, PDF."""
        from fpmg_bench.report import paper
        from fpmg_bench.report.export import folder

        made = [] if self.markdown is None else [_words(sections, titles, self.markdown, self.panels)]
        made.append(_page(sections, titles, self.page))
        made += [] if self.export is None else [folder.write(sections, self.export, titles["title"])]
        return made + ([] if self.pdf is None else [paper.print_page(self.page, self.pdf)])


def write(
    runs: Sequence[Path],
    *,
    out: str | Path | None = None,
    show_real: str | Path | None = None,
    markdown: str | Path | None = None,
    panels: Sequence[str] = (),
    pdf: str | Path | None = None,
    aggregates: bool = True,
    officer: str | Path | None = None,
    export: str | Path | None = None,
    registry: Registry,
) -> list[Path]:
    """What `fpmg-bench report` does: the page, with `show_real` a second one with real patients, with `markdown` these panels in words.

    aggregates: count real patients, too, for a panel of real beside synthetic ones; pdf: the page (without real patients) on paper; officer: a
    page a method for a data officer; export: a new folder for the page's figures and tables, file by file. Returns the files. Raises StoreError, before anything is written where no browser prints.
    """
    from fpmg_bench.report import officer as sheets
    from fpmg_bench.report.beside.sources import loader

    paths = list(runs)
    files = Files(_target(paths, _path(out), False), _path(markdown), panels, _path(export), _path(pdf))
    files.ready()
    plugged = [panel for run in runs for panel in registry.panels(str(run))]
    reading, seen = loader(registry) if aggregates else None, _seen(paths)
    made = [] if officer is None else [sheets.write(seen, Path(officer))]
    made += files.write(_sections(seen, plugged, None, reading), _titles(seen, None))
    if show_real is not None:
        beside, real = _target(paths, Path(show_real), True), _real(runs, registry)
        made.append(_page(_sections(seen, plugged, real, reading), _titles(seen, real), beside))
    return made


def write_over_time(
    runs: Sequence[Path],
    *,
    out: str | Path | None = None,
    markdown: str | Path | None = None,
    panels: Sequence[str] = (),
    pdf: str | Path | None = None,
    export: str | Path | None = None,
) -> list[Path]:
    """What `fpmg-bench report --over-time` does: a page of the headline scores run by run; default: over-time.html in the first run.

    The runs are of one suite or of several, which have a panel each. The rest is as for `write`. Raises StoreError.
    """
    from fpmg_bench.report import over_time
    from fpmg_bench.report.wording import plural

    files = Files(_target(runs, _path(out), False, "over-time.html"), _path(markdown), panels, _path(export), _path(pdf))
    files.ready()
    sections = over_time.sections(runs)
    return files.write(sections, {"title": "Over time", "subtitle": plural(len(runs), "run"), "banner": ""})


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _seen(paths: Sequence[Path]) -> View:
    from fpmg_bench.report.read import read_run
    from fpmg_bench.report.view import view

    runs = [read_run(path) for path in paths]
    if again := next((run for i, run in enumerate(runs) if run.suite in [each.suite for each in runs[:i]]), None):
        raise StoreError(
            f"{again.path}: another run of suite '{again.suite}': one page would mix their scores",
            "fpmg-bench report --over-time shows runs of a suite side by side",
        )
    return view(runs)


def _target(paths: Sequence[Path], out: Path | None, real: bool, name: str = "report.html") -> Path:
    if not paths:
        raise StoreError("no run to report on", "fpmg-bench report runs/SUITE")
    target = out or paths[0] / name
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

    def of(*modules: Any) -> list[Any]:
        return [made for each in modules if (made := each.panel(seen))]

    return [
        *of(verdict, leaderboard, frontier),  # the answer
        *of(latent, round_trip),  # what was lost where
        *beside.sections(seen, loader),  # real beside synthetic
        samples.panel(seen, real),
        *of(fidelity, association, privacy, neighbour),
        *plugged.sections(panels),
        *of(utility),  # for whom
        *of(faults, rounds, plumbing, cost),  # the federation, and what it costs
        *of(validity, calibration, sensitivity, failures),  # whether to believe it
        *of(cohorts, cards, provenance),
    ]


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
