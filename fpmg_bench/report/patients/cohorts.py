"""Panel 10: who was in the data: records, patients, silos, labels, what was dropped and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fpmg_bench.report.blocks import Cell, Head, Heading, Prose, Row, Section, Table
from fpmg_bench.report.patients.skews import skew_lines, withheld_words
from fpmg_bench.report.read import TrialFiles
from fpmg_bench.report.view import Group, View
from fpmg_bench.report.wording import as_float, count, listing, number, percent
from fpmg_bench.types import TARGET, Column, task_of


def panel(view: View) -> Section:
    """Facts, silos and modalities of every cohort."""
    lead = (
        "As the datasets declare and deliver them. Skew is the mean pairwise Jensen-Shannon distance of the silos' labels; Gini measures "
        "unequal silo sizes; a standardised difference is the mean distance of two silos' means in standard deviations."
    )
    return Section("cohorts", "Cohorts", lead, [block for group in view.groups for block in _group(group)])


def _group(group: Group) -> Iterator[Heading | Table | Prose]:
    yield Heading(f"cohort-{group.id}", group.title)
    if not group.cohort and not any(m.done for m in group.methods):
        yield Prose(["The plan holds no description of this cohort."], "warn")
        return
    yield _facts(group)
    silos = _silos(group)
    if silos.rows:
        yield silos
    yield _modalities(group)


def _facts(group: Group) -> Table:
    rows = [Row([Cell(name), Cell(text, tone=tone)]) for name, text, tone in _lines(group)]
    return Table(f"facts-{group.id}", f"{group.title}: the cohort", [Head("", numeric=False), Head("", numeric=False)], rows)


def _lines(group: Group) -> Iterator[tuple[str, str, Any]]:
    info = group.cohort
    yield "records, patients", f"{count(info.get('n'))} records of {count(info.get('patients'))} patients", ""
    yield "label", _label(info) or "–", ""
    yield "licence", str(info.get("licence") or "not stated"), "" if info.get("licence") else "warn"
    yield (
        "samples may be shown",
        "yes, publishable" if info.get("publishable") else "synthetic only: real rows never reach this report",
        "",
    )
    yield "leaks the label", listing(sorted(info.get("leaks") or ())) or "no modality is marked", ""
    split: Mapping[str, Any] = next((t.record["split"] for m in group.methods for t in m.done if t.record.get("split")), {})
    parts = [
        f"{name.replace('_', ' ')} {count((split[name] or {}).get('patients'))}"
        for name in ("train", "r1", "r2", "held_out", "third")
        if split.get(name)
    ]
    anew = "; drawn anew for every seed" if split.get("fresh") else ""
    yield "split, patients", (", ".join(parts) or "–") + anew, ""
    if as_float(split.get("unstratified")):
        yield "strata too small to stratify", f"{count(split['unstratified'])} patients went to training", "warn"
    yield "skew over silos", "; ".join(skew_lines(group)) or "–", ""
    dropped = _dropped(group)
    yield (
        "dropped records",
        "; ".join(f"{count(n)}: {reason}" for reason, n in dropped.items()) or "none",
        "warn" if dropped else "",
    )
    yield "fingerprint", str(info.get("fingerprint") or "–"), "muted"


def _label(info: Mapping[str, Any]) -> str:
    """Shares of its classes; of a number by its strata, of an event how often it was seen before observation ended."""
    shares = _shares(info.get("label_counts"), info.get("classes"))
    conditions = tuple(Column.from_json(entry) for entry in info.get("conditions") or ())
    task = task_of(conditions) if conditions else "class"
    if task == "none":
        return "none: every score but utility"
    return f"{conditions[TARGET if task == 'number' else 0].name}: {shares}" if task in ("number", "event") and shares else shares


def _dropped(group: Group) -> Mapping[str, int]:
    """Reason -> records, by the dataset and by the trials' own reading."""
    found: dict[str, int] = dict(group.cohort.get("dropped") or {})
    for method in group.methods:
        for trial in method.done:
            found |= {reason: n for reason, n in (trial.record.get("dropped") or {}).items() if n}
    return dict(sorted((reason, int(n)) for reason, n in found.items() if n))


def _shares(counts: Any, classes: Any) -> str:
    pairs = _pairs(counts, classes)
    total = sum(n for _, n in pairs)
    return ", ".join(f"{name} {percent(n / total)} ({count(n)})" for name, n in pairs) if total else ""


def _pairs(counts: Any, classes: Any) -> list[tuple[str, float]]:
    if isinstance(counts, Mapping):
        return [(str(name), float(n)) for name, n in counts.items()]
    names = [str(name) for name in classes or ()]
    values = [float(n) for n in counts or ()]
    return list(zip(names or [str(i) for i in range(len(values))], values, strict=False))


def _silos(group: Group) -> Table:
    """Training silos as the partition made them (of the first finished federated trial)."""
    trial = next((t for m in group.trained if not m.pooled for t in m.done if t.record.get("silos")), None)
    entries = trial.record["silos"] if trial else group.cohort.get("silos") or ()
    classes = group.cohort.get("classes") or ()
    heads = [
        Head("Silo", numeric=False),
        Head("records"),
        Head("patients"),
        Head("labels", numeric=False),
        Head("modalities", numeric=False),
        Head("sampling rate"),
        Head("local steps"),
    ]
    rows = [
        Row(
            [
                Cell(str(silo.get("name"))),
                Cell(count(silo.get("records")), sort=as_float(silo.get("records"))),
                Cell(count(silo.get("patients")), sort=as_float(silo.get("patients"))),
                Cell(_shares(silo.get("label_counts"), classes) or "–"),
                Cell(", ".join(silo.get("modalities") or ()) or "–", _withheld(trial, silo)),
                _stages(silo, "sampling_rate", number),
                _stages(silo, "local_steps", count),
            ]
        )
        for silo in entries
    ]
    note = f"Training patients of {trial.id}." if trial else "Natural silos of the whole cohort."
    return Table(f"silos-{group.id}", f"{group.title}: silos", heads, rows, [note])


def _stages(silo: Mapping[str, Any], name: str, words: Callable[[Any], str]) -> Cell:
    """What a silo has in stage 2, before it what it has in stage 1 where that differs."""
    second = silo.get(name)
    first = silo.get("encoder", silo).get(name)
    shown = words(second) if first == second else f"{words(first)}, then {words(second)}"
    return Cell(shown, sort=as_float(second))


def _withheld(trial: TrialFiles | None, silo: Mapping[str, Any]) -> str:
    lost = withheld_words(str(silo.get("name")), trial.record.get("skew") or {}) if trial else ""
    return f"withheld: {lost}" if lost else ""


def _modalities(group: Group) -> Table:
    heads = [
        Head("Modality", numeric=False),
        Head("kind", numeric=False),
        Head("columns or channels"),
        Head("shape", numeric=False),
    ]
    rows = []
    for name, schema in (group.cohort.get("schemas") or {}).items():
        columns, shape = schema.get("columns") or (), schema.get("shape") or ()
        rows.append(
            Row(
                [
                    Cell(str(name)),
                    Cell(str(schema.get("kind"))),
                    Cell(str(len(columns) or "–"), sort=len(columns)),
                    Cell(" × ".join(str(n) for n in shape) or "–"),
                ]
            )
        )
    return Table(f"schema-{group.id}", f"{group.title}: modalities", heads, rows)
