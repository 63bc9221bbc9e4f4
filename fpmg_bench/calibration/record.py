"""What the reference run leaves behind: verdicts.json inside the package, and a page in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fpmg_bench.calibration.response import Response, by_score, smallest_n
from fpmg_bench.calibration.verdicts import FILE, Verdict, by_size, from_json, reference, shown, to_json


def made_by(runs: Sequence[Path]) -> dict[str, Any]:
    """Command, commit, versions, and the seeds and cohorts of the runs."""
    from fpmg_bench.store import RunDir, read_json

    environments = [read_json(run / "environment.json") or {} for run in runs]
    first = environments[0] if environments else {}
    details = {}
    for run in runs:
        planned = RunDir(run)
        specs = [trial.spec for trial in planned.trials()]
        details[run.resolve().name] = {
            "suite": str(planned.plan()["suite"]),
            "seeds": sorted({spec.seed for spec in specs}),
            "cohorts": list(dict.fromkeys(spec.dataset_name for spec in specs)),
            "metrics": list(dict.fromkeys(choice.name for spec in specs for choice in spec.metrics)),
        }
    return {
        "command": " ".join(["fpmg-bench calibrate", *(f"runs/{name}" for name in details), "--write"]),
        "git": first.get("git"),
        "versions": {"fpmg_bench": first.get("fpmg_bench"), "python": first.get("python"), **(first.get("libraries") or {})},
        "runs": details,
    }


def keep(found: Mapping[str, Verdict], made: Mapping[str, Any]) -> Path:
    """Write verdicts.json beside this file."""
    file = Path(__file__).with_name(FILE)
    file.write_text(to_json(found, made), encoding="utf-8")
    return file


def added(found: Mapping[str, Verdict], made: Mapping[str, Any]) -> tuple[dict[str, Verdict], dict[str, Any]]:
    """What is kept, with what further runs found: their verdicts replace those on the same scores, and so do their sizes.

    A score that they did not judge (smaller phantoms give sizes alone) keeps its verdict, one that they did not measure all of it.
    """
    before = reference()
    kept = {score: from_json(entry) for score, entry in before["verdicts"].items()}
    for score, new in found.items():
        old = kept.get(score)
        sizes = {**((old.smallest_n if old else None) or {}), **(new.smallest_n or {})}
        kept[score] = replace(new if new.measured or old is None else old, smallest_n=sizes)
    return dict(sorted(kept.items())), {**before["made"], "added": [*before["made"].get("added", ()), dict(made)]}


def markdown(responses: Sequence[Response], found: Mapping[str, Verdict], made: Mapping[str, Any]) -> str:
    """Verdicts, what was missed, smallest n, and power by control on every cohort."""
    commit = (made.get("git") or {}).get("commit", "no commit")
    lines = ["# Calibration", "", f"Made by `{made['command']}` from runs of commit {commit}.", ""]
    for suite, run in made["runs"].items():
        lines.append(
            f"- `{suite}`: seeds {_listed(run['seeds'])}; cohorts {_listed(run['cohorts'])}; metrics {_listed(run['metrics'])}"
        )
    lines += ["", "## Verdicts", "", *_table(("score", "verdict", "bars met", "missed"), map(_verdict_row, found.values()))]
    lines += ["", "## Smallest usable n (power at least .8, false alarms at most .1)", "", *_sizes(by_size(responses))]
    for cohort, mine in shown(responses).items():
        lines += ["", f"## {cohort}, {max(r.n for r in mine):,} patients: power at full strength (mean there)", "", *_power(mine)]
    return "\n".join(lines) + "\n"


def _verdict_row(verdict: Verdict) -> tuple[str, ...]:
    return verdict.score, verdict.word, f"{verdict.met}/{verdict.measured}", "; ".join(f.text for f in verdict.failures)


def _sizes(found: Mapping[tuple[str, str], Sequence[Response]]) -> list[str]:
    if not found:
        return ["Not measured."]
    patients = sorted({r.n for mine in found.values() for r in mine})
    rows = []
    for (score, control), mine in sorted(found.items()):
        at = {r.n: f"{r.power:.2g} ({r.false_alarm:.2g})" for r in mine}
        n = smallest_n(mine)
        rows.append(
            (score, control, "none measured suffices" if n is None else f"{n:,}", *(at.get(size, "") for size in patients))
        )
    return _table(("score", "control", "smallest n", *(f"power (false alarms) at {size:,}" for size in patients)), rows)


def _power(mine: Sequence[Response]) -> list[str]:
    controls = list(dict.fromkeys(r.control for r in mine))
    measured, silent = by_score(mine)
    rows = []
    for score, own in measured.items():
        first = next(iter(own.values()))
        null = f"{first.null.mean:.3g} [{first.null.low:.3g}, {first.null.high:.3g}]" if first.null else "not measured"
        alarm = "not measured" if first.false_alarm is None else f"{first.false_alarm:.2g}"
        rows.append((score, null, alarm, *(_cell(own.get(control)) for control in controls)))
    notes = [f"Not measured: {_listed(scores)} ({reason})." for reason, scores in silent.items()]
    return [*_table(("score", "real", "false alarm", *controls), rows), *(["", *notes] if notes else [])]


def _cell(response: Response | None) -> str:
    if response is None or not response.full:
        return "not measured"
    power = "-" if response.power is None else f"{response.power:.2g}"
    return f"{power} ({response.means[-1][1]:.3g})"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = "|".join("---" for _ in heads)
    return [f"| {' | '.join(heads)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)]


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
