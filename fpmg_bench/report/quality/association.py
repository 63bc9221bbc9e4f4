"""Panel "Association and balance": do modalities of one record belong together, and does a release show what was asked for?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpmg_bench.report.blocks import Cell, Head, Heading, Prose, Row, Section, Table
from fpmg_bench.report.measures import cell
from fpmg_bench.report.scores import Summary
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import listing, number

FAMILIES = ("association", "balance")
ERROR = "association"
UNTELLING = 0.9  # a floor of the error above this: real patients hardly differ from no association at all
LEAD = (
    "Association: every pair of modalities in the release against the held-out patients; an error of 1 is what no association gives. "
    "The second line of a cell is its interval; floor: the training patients in the place of the release."
)


def panel(view: View) -> Section | None:
    """One table a cohort, or nothing where no suite asked for it."""
    blocks = [block for group in view.groups for block in _group(view, group)]
    return Section("association", "Association and balance", LEAD, blocks) if blocks else None


def _group(view: View, group: Group) -> Iterator[Heading | Prose | Table]:
    keys = [key for key in sorted(view.scores.metrics) if key.partition(".")[0] in FAMILIES and view.has(group, key)]
    shown = [key for key in keys if any(view.summary(group, m, key).mean is not None for m in group.methods)]
    if not keys:
        return
    yield Heading(f"association-{group.id}", group.title)
    yield Prose([sentence(view, group)])
    yield _table(view, group, shown or keys[:1])


def sentence(view: View, group: Group) -> str:
    """What is lost on this cohort, or why that cannot be told."""
    found = {method.name: view.summary(group, method, ERROR) for method in group.ranked or group.methods}
    known = {name: summary for name, summary in found.items() if summary.mean is not None}
    if not known:
        reason = next((summary.reason for summary in found.values() if summary.reason), "it was not measured")
        return f"Nothing can be said of association here: {reason}."
    floor = next((summary.floor for summary in known.values() if summary.floor is not None), None)
    if floor is not None and floor > UNTELLING:
        return f"Nothing can be told here: real training patients themselves have an error of {number(floor)}, as if nothing were associated."
    lost = [name for name, summary in known.items() if _lost(summary)]
    if not lost:
        return "No method's association error is shown to lie above its floor."
    return f"Association between modalities is lost, beyond the interval, by {listing(lost)}."


def _lost(found: Summary) -> bool:
    return found.low is not None and found.floor is not None and found.low > found.floor


def _table(view: View, group: Group, keys: Sequence[str]) -> Table:
    heads = [Head("Method", numeric=False), *(_head(view, key) for key in keys)]
    rows = [_row(view, group, method, keys) for method in group.methods]
    if any(view.floor(group, key) is not None for key in keys):
        rows.append(Row([Cell("floor (real)", tone="muted"), *(_floor(view, group, key) for key in keys)]))
    return Table(f"association-table-{group.id}", f"{group.title}: association and balance", heads, rows)


def _head(view: View, key: str) -> Head:
    """A score's name and direction, as its rows state them."""
    higher = view.scores.metrics[key]["higher_is_better"]
    better = "→ 0" if higher is None else "↑ higher" if higher else "↓ lower"
    return Head("error" if key == ERROR else key.partition(".")[2].replace("_", " ") or key, better)


def _row(view: View, group: Group, method: Method, keys: Sequence[str]) -> Row:
    name = Cell(method.name, swatch=view.styles[method.name].swatch)
    return Row([name, *(cell(view.summary(group, method, key)) for key in keys)])


def _floor(view: View, group: Group, key: str) -> Cell:
    floor = view.floor(group, key)
    return Cell("") if floor is None else Cell(number(floor), sort=floor)
