"""Who pays: attacks and utility side by side, by class (rarest first), by group and by silo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fpmg_bench.report.blocks import Cell, Head, Row, Table
from fpmg_bench.report.measures import Measure, cell
from fpmg_bench.report.privacy.attacks import attacked, risk
from fpmg_bench.report.view import Group, View
from fpmg_bench.report.wording import count, number, plural

FOLD_FROM = 24


def _attack(name: str, label: str, hint: str, unit: str = "AUC", best: float = 0.5) -> Measure:
    return Measure((name,), label, f"→ {best:g}", hint, best, unit=unit, say=number if best else risk)


def _worth(name: str, label: str, unit: str = "") -> Measure:
    return Measure((name,), label, "↑ higher", "Utility of the release for these patients", higher=True, unit=unit)


@dataclass(frozen=True, slots=True)
class Kind:
    """One table: which scopes it shows, and their scores, attacks first."""

    prefix: str
    word: str
    many: str
    measures: tuple[Measure, ...]


WORST = "Attack chosen on everybody, scored on these patients"
KINDS = (
    Kind(
        "class:",
        "class",
        "classes",
        (
            _attack("membership.worst", "worst attack", WORST),
            _attack("density-ratio", "auditor's attack", "Ratio of densities on these patients"),
            _attack("inference.attribute", "attribute", "Risk that a secret column is guessed", "risk", 0.0),
            _worth("tstr", "TSTR", "AUROC"),
            _worth("tstr.recall", "recall", "share"),
            _worth("augmentation.recall", "recall gained", "share"),
        ),
    ),
    Kind("group:", "group", "groups", (_attack("membership.worst", "worst attack", WORST), _worth("fairness.auroc", "TSTR", "AUROC"))),
    Kind(
        "silo:",
        "silo",
        "silos",
        (
            _attack("membership.own", "own patients", "The silo's own patients, attacked through its own release"),
            _attack("neighbour.membership", "neighbour", "The silo's patients, attacked from the messages that others received"),
            _worth("tstr", "TSTR", "AUROC"),
        ),
    ),
)  # fmt: skip


def tables(view: View, group: Group) -> Iterator[Table]:
    """One table a kind of scope that an attack was told by; utility alone is shown elsewhere."""
    for kind in KINDS:
        shown = [measure for measure in kind.measures if _scopes(view, group, measure, kind)]
        if any(measure.best is not None for measure in shown):
            yield _table(view, group, kind, shown)


def _table(view: View, group: Group, kind: Kind, shown: Sequence[Measure]) -> Table:
    sizes = _sizes(group, kind)
    scopes = sorted(dict.fromkeys(s for m in shown for s in _scopes(view, group, m, kind)), key=lambda s: (sizes.get(s, 0), s))
    rows, hidden = [], {}
    for scope in scopes:
        found = [(m, [view.summary(group, m, measure.names[0], scope=scope) for measure in shown]) for m in group.ranked]
        if all(s.mean is None for _, each in found for s, measure in zip(each, shown, strict=True) if measure.best is not None):
            hidden[scope] = next((s.reason for _, each in found for s in each if s.reason), "not measured")
            continue
        for method, each in found:
            pairs = zip(each, shown, strict=True)
            cells = [attacked(s, measure) if measure.best is not None else cell(s) for s, measure in pairs]
            size = plural(sizes[scope], "patient" if kind.prefix == "silo:" else "record") if scope in sizes else ""
            name = Cell(scope.removeprefix(kind.prefix), size, sort=sizes.get(scope, scope))
            rows.append(Row([name, Cell(method.name, swatch=view.styles[method.name].swatch), *cells]))
    heads = [Head(kind.word.capitalize(), numeric=False), Head("Method", numeric=False), *(m.head(view, group) for m in shown)]
    notes = [f"{scope.removeprefix(kind.prefix)}: {reason}." for scope, reason in hidden.items()]
    what = "Attack and utility" if any(measure.best is None for measure in shown) else "Attack"
    title = f"{group.title}: {what.lower()} by {kind.word}{', rarest first' if kind.prefix == 'class:' else ''}"
    many = kind.prefix != "class:" or len(rows) > FOLD_FROM
    fold = f"{what} by {kind.word} ({count(len(scopes) - len(hidden))} {kind.many})" if many else ""
    return Table(f"minorities-{kind.word}-{group.id}", title, heads, rows, notes, fold=fold)


def _scopes(view: View, group: Group, measure: Measure, kind: Kind) -> list[str]:
    """Scopes of this kind that the score was told by."""
    found = view.scores.scopes.get((group.run.suite, group.dataset, measure.names[0]), {})
    return [scope for scope in found if scope.startswith(kind.prefix)]


def _sizes(group: Group, kind: Kind) -> Mapping[str, int]:
    """Records of a class in the whole cohort, training patients of a silo; empty for groups, whose sizes are not recorded."""
    if kind.prefix == "class:":
        pairs = zip(group.cohort.get("classes") or (), group.cohort.get("label_counts") or (), strict=False)
        return {f"class:{name}": int(n) for name, n in pairs}
    trial = next((t for m in group.ranked if not m.pooled for t in m.done if t.record.get("silos")), None)
    silos = trial.record["silos"] if trial and kind.prefix == "silo:" else ()
    return {f"silo:{silo['name']}": int(silo["patients"]) for silo in silos}
