"""Panel 5: did every weight travel as the topology's plan says, and does the byte meter agree with the closed forms?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fpmg_bench.report.blocks import Cell, Graphs, Head, Prose, Row, Section, Table
from fpmg_bench.report.federation.graphs import graphs_of
from fpmg_bench.report.measures import WORDS
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import byte_size, count, listing, number, plural


def panel(view: View) -> Section:
    """The graphs of a cohort and two tables: checks of the dry run; metered bytes against closed forms."""
    lead = (
        "Before training, a dry run sends random vectors over the same plan and transport: rows of the mixing matrix sum to 1, the mean is kept, "
        "the distance contracts as predicted, a canary arrives exactly where the matrix says. Bytes are compared on every real round."
    )
    return Section("plumbing", "Plumbing", lead, [block for group in view.groups for block in _group(group)])


def _group(group: Group) -> list[Table | Prose | Graphs]:
    if not any(trial.record.get("plumbing") or trial.rounds for m in group.methods for trial in m.trials):
        return [Prose([f"{group.title}: no trial has recorded plumbing checks or rounds."], "warn")]
    return [*graphs_of(group), *_warnings(group), _summary(group), _checks(group), _bytes(group)]


def _warnings(group: Group) -> list[Prose]:
    """Silos that the topology leaves out, once for each method and reason."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for method in group.trained:
        for check in (check for trial in method.trials for check in trial.record.get("plumbing") or ()):
            if check.get("status") == "warning":
                found.setdefault((method.name, str(check["reason"])), {})[str(check["stage"])] = None
    said = [f"{name}: {reason} ({listing(stages)})." for (name, reason), stages in found.items()]
    return [Prose(said, "warn", f"{group.title}: silos that the topology leaves out")] if said else []


def _summary(group: Group) -> Table:
    """One row a method, all stages and seeds together."""
    heads = [
        Head("Method", numeric=False),
        Head("dry run", numeric=False),
        Head("metered", unit="payload"),
        Head("closed form"),
        Head("difference", numeric=False),
    ]
    rows = []
    for m in group.trained:
        checks = [check for trial in m.trials for check in trial.record.get("plumbing") or ()]
        bytes_ = _line(m, [r for t in m.trials for r in t.rounds]).cells[-4:-1]
        rows.append(Row([Cell(m.name), _all(checks), *bytes_]))
    return Table(f"plumbing-{group.id}", f"{group.title}: all stages and seeds", heads, rows)


def _all(checks: Sequence[Mapping[str, Any]]) -> Cell:
    """Passed of those that apply."""
    apply = [check for check in checks if check.get("status") in ("ok", "failed")]
    if not apply:
        return _cell(checks)
    bad = [check for check in apply if check.get("status") == "failed"]
    if bad:
        return Cell(
            f"{len(bad)} of {plural(len(apply), 'check')} failed", sort="failed", tone="bad", why=str(bad[0].get("reason") or "")
        )
    return Cell(f"all {plural(len(apply), 'check')} passed", sort="passed", tone="good")


def _checks(group: Group) -> Table:
    """Rows: method x stage; columns: checks."""
    found = [(m, stage, _by_check(m, stage)) for m in group.trained for stage in _stages(m)]
    names = list(dict.fromkeys(name for _, _, checks in found for name in checks))
    heads = [Head("Method", numeric=False), Head("Stage", numeric=False), *(Head(_words(name), numeric=False) for name in names)]
    rows = [Row([Cell(m.name), Cell(stage), *(_cell(checks.get(name, [])) for name in names)]) for m, stage, checks in found]
    return Table(
        f"checks-{group.id}",
        f"{group.title}: checks of the dry run",
        heads,
        rows,
        ["Below each result: the measured number furthest from what was expected, and the expected one."],
        fold="Checks of the dry run, stage by stage",
    )


def _stages(method: Method) -> list[str]:
    return list(
        dict.fromkeys(str(check.get("stage") or "") for trial in method.trials for check in trial.record.get("plumbing") or ())
    )


def _by_check(method: Method, stage: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for trial in method.trials:
        for check in trial.record.get("plumbing") or ():
            if str(check.get("stage") or "") == stage:
                found.setdefault(str(check["check"]), []).append(check)
    return found


def _words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _cell(checks: Sequence[Mapping[str, Any]]) -> Cell:
    """The worst status over seeds."""
    if not checks:
        return Cell(WORDS["absent"], tone="muted")
    bad = [check for check in checks if check.get("status") == "failed"]
    if bad:
        return Cell("failed", _numbers(bad[0]), "failed", "bad", str(bad[0].get("reason") or ""))
    warned = [check for check in checks if check.get("status") == "warning"]
    if warned:
        return Cell("warning", sort="warning", tone="warn", why=str(warned[0].get("reason") or ""))
    if all(check.get("status") == "not_applicable" for check in checks):
        return Cell(WORDS["not_applicable"], sort="not applicable", tone="muted", why=str(checks[0].get("reason") or ""))
    good = [check for check in checks if check.get("status") == "ok"]
    return Cell(f"passed {len(good)}/{len(checks)}", _numbers(max(good, key=_distance)), "passed", "good")


def _distance(check: Mapping[str, Any]) -> float:
    measured, expected = check.get("measured"), check.get("expected")
    numeric = isinstance(measured, (int, float)) and isinstance(expected, (int, float))
    return abs(float(measured) - float(expected)) if numeric else 0.0  # type: ignore[arg-type]


def _numbers(check: Mapping[str, Any]) -> str:
    measured, expected = (_say(check.get(key)) for key in ("measured", "expected"))
    return f"{measured} (expected {expected})" if measured and expected else measured


def _say(value: Any) -> str:
    if value is None:
        return ""
    return number(value, 4) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _bytes(group: Group) -> Table:
    heads = [
        Head("Method", numeric=False),
        Head("Stage", numeric=False),
        Head("rounds"),
        Head("messages"),
        Head("metered", unit="payload"),
        Head("closed form"),
        Head("difference"),
        Head("headers"),
    ]
    rows = [
        _line(m, [r for t in m.trials for r in t.rounds if r["stage"] == stage], stage)
        for m in group.trained
        for stage in dict.fromkeys(str(r["stage"]) for t in m.trials for r in t.rounds)
    ]
    return Table(
        f"bytes-{group.id}",
        f"{group.title}: metered bytes against closed forms",
        heads,
        rows,
        ["Sums over all rounds and seeds of a method, counted once at the sender."],
        fold="Bytes, stage by stage",
    )


def _line(method: Method, rounds: Sequence[Mapping[str, Any]], stage: str = "all") -> Row:
    closed = [int(r["closed_form"]) for r in rounds if r.get("closed_form") is not None]
    metered = sum(int(r.get("bytes") or 0) for r in rounds)
    same = sum(int(r["bytes"]) for r in rounds if r.get("closed_form") is not None) - sum(closed)
    cells = [
        Cell(method.name),
        Cell(stage),
        _count(len(rounds)),
        _count(sum(int(r.get("messages") or 0) for r in rounds)),
        Cell(byte_size(metered), sort=metered),
    ]
    if not closed:
        why = (
            ("Messages were lost to faults." if any(r.get("lost") for r in rounds) else "This topology has no closed form.")
            if rounds
            else "Nothing was trained in rounds: statistics alone, or nothing at all."
        )
        cells += [Cell("none" if rounds else "no rounds", tone="muted", why=why), Cell("–", tone="muted")]
    else:
        cells += [
            Cell(byte_size(sum(closed)), sort=sum(closed)),
            Cell("0, equal" if same == 0 else f"{same:+,} B", plural(len(closed), "round"), same, "good" if same == 0 else "bad"),
        ]
    headers = sum(int(r.get("headers") or 0) for r in rounds)
    return Row([*cells, Cell(byte_size(headers), sort=headers)])


def _count(value: int) -> Cell:
    return Cell(count(value), sort=value)
