"""Panel 12: where the numbers come from and the command that makes them again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fpmg_bench.report.blocks import Cell, Code, Head, Heading, Row, Section, Table
from fpmg_bench.report.read import RunFiles
from fpmg_bench.report.view import View
from fpmg_bench.report.wording import slug


def panel(view: View) -> Section:
    """Command, suite, environment, components and keys of every run."""
    lead = "Same key, same numbers, bit for bit, on one CPU type and one set of library versions; across CPU types to 1e-5."
    return Section("provenance", "Provenance", lead, [block for run in view.runs for block in _run(run)])


def _run(run: RunFiles) -> Iterator[Heading | Code | Table]:
    name = slug(run.suite)
    yield Heading(f"run-{name}", run.suite)
    command = str(run.plan.get("command") or f"fpmg-bench run {run.suite}")
    beside = " (suite.yaml: below, and in the run directory)" if "suite.yaml" in command else ""
    yield Code(f"Command that reproduces this run{beside}", command)
    yield _environment(run, name)
    yield _components(run, name)
    yield _keys(run, name)
    if run.text:
        yield Code("Suite", run.text.rstrip("\n"))


def _environment(run: RunFiles, name: str) -> Table:
    env = run.environment
    git = env.get("git")
    commit = f"{git.get('commit')}{' with uncommitted changes' if git.get('dirty') else ''}" if git else "not a git checkout"
    facts: list[tuple[str, Any]] = [
        ("planned at", run.plan.get("created")),
        ("fpmg-bench", env.get("fpmg_bench")),
        ("core", env.get("core")),
        ("git commit", commit),
        ("Python", env.get("python")),
        ("platform", env.get("platform")),
        ("CPU", env.get("cpu")),
        ("cores", env.get("cores")),
        ("threads a trial", env.get("threads")),
        ("device", env.get("device")),
    ]
    facts += sorted((env.get("libraries") or {}).items())
    rows = [Row([Cell(what), Cell(str(value) if value is not None else "–")]) for what, value in facts]
    return Table(
        f"environment-{name}",
        "Environment",
        [Head("What", numeric=False), Head("Value", numeric=False)],
        rows,
        fold="Environment and library versions",
    )


def _components(run: RunFiles, name: str) -> Table:
    heads = [
        Head("Kind", numeric=False),
        Head("Name", numeric=False),
        Head("Version", numeric=False),
        Head("Distribution", numeric=False),
    ]
    rows = [
        Row([Cell(str(c.get(key) or "–")) for key in ("kind", "name", "version", "distribution")])
        for c in run.plan.get("components") or ()
    ]
    return Table(f"components-{name}", "Components", heads, rows, fold="Components and their versions")


def _keys(run: RunFiles, name: str) -> Table:
    heads = [
        Head("Trial", numeric=False),
        Head("Key", numeric=False),
        Head("Stage 1", numeric=False),
        Head("Measure", numeric=False),
    ]
    rows = [
        Row([Cell(str(t.get("id"))), *(Cell(str(t.get(key) or "–")) for key in ("key", "stage1", "measure"))])
        for t in run.plan.get("trials") or ()
    ]
    return Table(f"keys-{name}", "Keys of the trials", heads, rows, fold="Keys of the trials")
