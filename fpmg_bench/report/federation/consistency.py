"""Tables of consistency: final weights and draws by part, by silo, and the generator's modules with their theory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fpmg_bench.report.blocks import Cell, Head, Row, Table
from fpmg_bench.report.federation.traces import theory, trace
from fpmg_bench.report.measures import cell
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import as_float, number, plural

WEIGHTS, ENCODER, DRAWS = "fc", "fc.encoder", "fc.draws"
HINTS = {
    WEIGHTS: "Distance of the silos' generators from their mean after the last round, relative to the mean",
    ENCODER: "The same of the modality's encoders",
    DRAWS: "Distance of records that two silos drew from the same noise, over that of two draws of one silo. 0: one function; 1: as different as fresh noise.",
}
ALIKE = 1e-6  # below it a table writes 0.000 and parts add nothing


def tables(view: View, group: Group) -> Iterator[Table]:
    """What silos end with, where any method measured it."""
    methods = [m for m in group.trained if not m.pooled and view.summary(group, m, WEIGHTS).mean is not None]
    if methods:
        yield _parts(view, group, methods)
        yield from _silos(view, group, [m for m in methods if _apart(view, group, m)])
    yield from _modules(group)


def _heads(first: Sequence[str], keys: Sequence[str]) -> list[Head]:
    labels = {WEIGHTS: "generator's weights", ENCODER: "encoder's weights", DRAWS: "same noise"}
    return [*(Head(name, numeric=False) for name in first), *(Head(labels[key], "→ 0", "", HINTS[key]) for key in keys)]


def _parts(view: View, group: Group, methods: Sequence[Method]) -> Table:
    """One row for all modalities together, and one for each where silos differ."""
    keys, rows = (WEIGHTS, ENCODER, DRAWS), []
    found = view.scores.modalities
    names = dict.fromkeys(m for key in keys for m in found.get((group.run.suite, group.dataset, key), {}))
    for method in methods:
        for modality in (None, *names) if _apart(view, group, method) else (None,):
            each = [view.summary(group, method, key, modality) for key in keys]
            cells = [Cell("–", tone="muted") if s.status == "absent" else cell(s) for s in each]
            rows.append(Row([Cell(method.name, swatch=view.styles[method.name].swatch), Cell(modality or "all"), *cells]))
    notes = ["Modalities are listed where the silos of a method differ; elsewhere all are 0."]
    title = f"{group.title}: how far the released models are apart"
    return Table(f"consistency-{group.id}", title, _heads(("Method", "Modality"), keys), rows, notes)


def _apart(view: View, group: Group, method: Method) -> bool:
    found = [view.summary(group, method, key, modality).mean for key in (WEIGHTS, DRAWS) for modality in (None,)]
    found += [view.summary(group, method, ENCODER, m).mean for m in group.cohort.get("schemas") or ()]
    return any(value is not None and value > ALIKE for value in found)


def _silos(view: View, group: Group, methods: Sequence[Method]) -> Iterator[Table]:
    keys = (WEIGHTS, DRAWS)
    where = (group.run.suite, group.dataset)
    scopes = dict.fromkeys(s for key in keys for s in view.scores.scopes.get((*where, key), {}) if s.startswith("silo:"))
    rows = []
    for method in methods:
        for scope in scopes:
            each = [view.summary(group, method, key, scope=scope) for key in keys]
            if any(s.mean is not None for s in each):
                name = Cell(method.name, swatch=view.styles[method.name].swatch)
                rows.append(Row([name, Cell(scope.removeprefix("silo:")), *map(cell, each)]))
    if rows:
        fold = f"Consistency by silo ({plural(len(methods), 'method')})"
        yield Table(
            f"consistency-silos-{group.id}",
            f"{group.title}: each silo's distance from the mean and from the others",
            _heads(("Method", "Silo"), keys),
            rows,
            fold=fold,
        )


def _modules(group: Group) -> Iterator[Table]:
    """The generator's modules in the last round: measured after merging beside what theory predicts."""
    heads = [
        Head("Method", numeric=False),
        Head("Module", numeric=False),
        *(Head(label, unit="last round") for label in ("before", "after", "theory", "relative", "variance ratio")),
    ]
    rows = []
    for method in group.trained:
        names = dict.fromkeys(
            n for t in method.trials for r in t.rounds if r["stage"] == "stage2" for n in r.get("modules") or {}
        )
        for name in names if not method.pooled else ():
            picks = [_of(name, key) for key in ("before", "after")] + [_theory(name)]
            picks += [_of(name, key) for key in ("relative", "variance_ratio")]
            found = [trace(method, "stage2", pick).known for pick in picks]
            rows.append(Row([Cell(method.name), Cell(name), *(_number(values[-1] if values else None) for values in found)]))
    if rows:
        title = f"{group.title}: consensus distance of the generator's modules"
        yield Table(f"consistency-modules-{group.id}", title, heads, rows, fold="Consensus distance by module")


def _of(module: str, key: str) -> Any:
    return lambda record: ((record.get("modules") or {}).get(module) or {}).get(key)


def _theory(module: str) -> Any:
    """Where the round itself has a theory: not where models or messages were changed."""

    def read(record: Mapping[str, Any]) -> float | None:
        return None if record.get("theory") is None else theory((record.get("modules") or {}).get(module) or {})

    return read


def _number(value: float | None) -> Cell:
    return Cell(number(value), sort=as_float(value), tone="muted" if value is None else "")
