"""What the reference run leaves behind: verdicts.json inside the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fpmg_bench.calibration.verdicts import FILE, Verdict, from_json, reference, to_json


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
