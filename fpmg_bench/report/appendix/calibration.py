"""Panel "Calibration": what every metric says of generators with known faults. Only for runs that have controls in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fpmg_bench.calibration import (
    Outcome,
    Response,
    Verdict,
    by_score,
    by_size,
    judge,
    observe,
    responses,
    shown,
    smallest_n,
    verdicts,
)
from fpmg_bench.report.blocks import Cell, Head, Heading, Prose, Row, Section, Table, Tone
from fpmg_bench.report.wording import MISSING, listing, number, percent, slug

if TYPE_CHECKING:
    from fpmg_bench.report.view import View

LEAST_CONTROLS = 3  # below, a run has controls beside its methods but is no calibration
WIDE, HIGH = 64, 18  # pixels of a dose-response curve; drawn by style.css, thousands a page
LEAD = (
    "Each control is a generator with a known fault. A cell: the share of seeds in which the score at full strength is worse than the "
    "interval of real patients (of the oracle, on simulated cohorts), and the mean score by rising strength. Green or red: a bar is "
    "declared for it (fpmg_bench/calibration/bars.py) and was met or missed; plain: reported without a verdict."
)


def panel(view: View) -> Section | None:
    """The panel of a calibration run; nothing for other runs."""
    if not any(len({m.spec["control"]["name"] for m in group.controls}) >= LEAST_CONTROLS for group in view.groups):
        return None
    return section(responses(observe([run.path for run in view.runs])))


def section(found: Sequence[Response], made: Mapping[str, Any] | None = None) -> Section:
    """Verdicts, smallest n, and one heat table a cohort. made: what `calibration.made_by` says of the runs, told first."""
    kept = verdicts(found)
    reported = [Prose(_told(made))] if made else []
    blocks: list[Heading | Table | Prose] = [*reported, _verdicts(kept), *_sizes(by_size(found))]
    for cohort, mine in shown(found).items():
        size = max(r.n for r in mine)
        blocks += [Heading(slug("calibration", cohort), cohort, f"{size:,} patients"), _heat(cohort, mine)]
    return Section("calibration", "Calibration", LEAD, blocks)


def _told(made: Mapping[str, Any]) -> list[str]:
    """Command and commit, seeds and cohorts of each run, and metrics where they differ from the run before."""
    lines, before = [f"{made['command']}; runs of commit {(made.get('git') or {}).get('commit', 'unknown')}"], None
    for name, run in made["runs"].items():
        metrics = f"; metrics {listing(run['metrics'])}" if run["metrics"] != before else ""
        lines.append(f"{name}: seeds {listing(map(str, run['seeds']))}; cohorts {listing(run['cohorts'])}{metrics}.")
        before = run["metrics"]
    return lines


def _verdicts(kept: Mapping[str, Verdict]) -> Table:
    heads = [Head("Score", numeric=False), Head("Verdict"), Head("Bars met"), Head("Missed", numeric=False)]
    tones: Mapping[str, Tone] = {"passed": "good", "demoted": "bad"}
    rows = [
        Row(
            [
                Cell(score),
                Cell(verdict.word, tone=tones.get(verdict.word, "muted")),
                Cell(f"{verdict.met} of {verdict.measured}", sort=verdict.measured),
                Cell("; ".join(failure.text for failure in verdict.failures) or MISSING),
            ]
        )
        for score, verdict in kept.items()
    ]
    notes = ["@*: the same score by modality. A score without a row has no bar that was measured: it is not calibrated."]
    return Table("calibration-verdicts", "Verdicts", heads, rows, notes)


def _sizes(found: Mapping[tuple[str, str], Sequence[Response]]) -> Iterator[Table]:
    if not found:
        return
    patients = sorted({r.n for mine in found.values() for r in mine})
    heads = [Head("Score", numeric=False), Head("Control", numeric=False), Head("Smallest n")]
    heads += [Head(f"power at {n:,}", hint="Below it: the share of false alarms") for n in patients]
    rows = [
        Row([Cell(score), Cell(control), _size(mine), *_powers(mine, patients)])
        for (score, control), mine in sorted(found.items())
    ]
    notes = [
        "Fewest patients of a simulated cohort from which on power is at least .8 and false alarms at most .1 (which takes ten seeds of real patients or the oracle to tell)."
    ]
    yield Table("calibration-sizes", "Smallest usable n", heads, rows, notes)


def _size(mine: Sequence[Response]) -> Cell:
    n = smallest_n(mine)
    return Cell("none measured suffices", tone="bad") if n is None else Cell(f"{n:,}", sort=n)


def _powers(mine: Sequence[Response], patients: Sequence[int]) -> Iterator[Cell]:
    at = {r.n: r for r in mine}
    for n in patients:
        there = at.get(n)
        yield Cell(percent(there.power), percent(there.false_alarm)) if there else Cell(MISSING, tone="muted")


def _heat(cohort: str, mine: Sequence[Response]) -> Table:
    controls = list(dict.fromkeys(r.control for r in mine))
    outcomes: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in judge(mine):
        outcomes.setdefault((outcome.response.score, outcome.response.control), []).append(outcome)
    measured, silent = by_score(mine)
    rows = []
    for score, own in measured.items():
        first = next(iter(own.values()))
        cells = [_cell(own.get(control), outcomes.get((score, control), [])) for control in controls]
        rows.append(Row([Cell(score), _real(first), _alarm(first), *cells]))
    heads = [
        Head("Score", numeric=False),
        Head("real", hint="Mean and 95 % prediction interval over seeds: the oracle, or real patients against real patients."),
        Head("false alarm", hint="Share of those values flagged by the interval of the others."),
        *(Head(control) for control in controls),
    ]
    notes = [f"Not measured: {listing(scores)} ({reason})." for reason, scores in silent.items()]
    return Table(slug("calibration-heat", cohort), f"{cohort}: power and dose-response", heads, rows, notes)


def _real(response: Response) -> Cell:
    null = response.null
    if null is None:
        return Cell("not measured", tone="muted")
    return Cell(number(null.mean), f"[{number(null.low)}, {number(null.high)}]", sort=float(f"{null.mean:.4g}"))


def _alarm(response: Response) -> Cell:
    share = response.false_alarm
    return Cell("not measured", tone="muted") if share is None else Cell(percent(share), sort=share)


def _cell(response: Response | None, outcomes: Sequence[Outcome]) -> Cell:
    if response is None or not response.full:
        return Cell("not measured", tone="muted", why=response.reason if response else "")
    known = [o for o in outcomes if o.met is not None]
    tone: Tone = "" if not known else "good" if all(o.met for o in known) else "bad"
    path = " → ".join(number(mean) for _, mean in response.means)
    said = MISSING if response.power is None else percent(response.power)
    missed = "; ".join(f"expected {o.bar.expected.text}" for o in known if not o.met)
    return Cell(
        said,
        path,
        sort=None if response.power is None else round(response.power, 3),
        tone=tone,
        why=missed,
        badge="missed" if missed else "",
        swatch=curve(response),
    )


def curve(response: Response) -> str:
    """Mean by strength over the band of real patients, as an SVG; empty below two strengths."""
    means = response.means
    if len(means) < 2 or response.null is None:
        return ""
    values = [mean for _, mean in means]
    low, high = min(*values, response.null.low), max(*values, response.null.high)
    span, reach = (high - low) or 1.0, (means[-1][0] - means[0][0]) or 1.0

    def y(value: float) -> float:
        return HIGH - 2 - (HIGH - 4) * (value - low) / span

    points = " ".join(f"{2 + (WIDE - 4) * (dose - means[0][0]) / reach:.0f},{y(mean):.0f}" for dose, mean in means)
    top, bottom = y(response.null.high), y(response.null.low)
    band = f'<path d="M0 {top:.1f}h{WIDE}v{max(bottom - top, 0.8):.1f}H0z"/>'
    return f'<svg class="dose" aria-hidden="true">{band}<polyline points="{points}"/></svg>'
