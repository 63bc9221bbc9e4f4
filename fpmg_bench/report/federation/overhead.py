"""The table of communication: bytes, hops and what they cost on a stated network, method by method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fpmg_bench.report.blocks import Cell, Head, Row, Table
from fpmg_bench.report.measures import cell
from fpmg_bench.report.view import Group, View
from fpmg_bench.report.wording import byte_size, count, duration, number, times

Say = Callable[[Any], str]
COLUMNS: tuple[tuple[str, str, str, Say], ...] = (
    ("co", "bytes", "All messages of both stages, counted once at the sender", byte_size),
    ("co.ratio", "of raw upload", "Over sending every training record of all silos but the first, once", times),
    ("co.rounds", "rounds", "Of the generator, until the budget's end or its stop", count),
    ("co.per_round", "bytes a round", "Mean over the rounds of both stages", byte_size),
    ("co.silo_max", "busiest node", "Most bytes that one silo or the server sends", byte_size),
    ("co.messages", "messages", "", count),
    ("co.hops", "hops", "Messages that have to wait for one another, in the whole trial", count),
    ("co.round_hops", "hops a round", "Mean over rounds", lambda value: number(value, 1)),
    ("co.network_seconds", "network time", "Sum over hops of latency and the most bytes that any node sends or receives / bandwidth", duration),
    ("co.to_target", "bytes to target", "Sent until TSTR first came within 2 % of its last value", byte_size),
)  # fmt: skip


def tables(view: View, group: Group) -> Iterator[Table]:
    """Where CO was asked for: one row a method, and what each silo sends."""
    if not view.has(group, "co"):
        return
    heads = [Head("Method", numeric=False), *(Head(label, "↓ lower", "", hint) for _, label, hint, _ in COLUMNS)]
    rows = []
    for method in group.trained:
        cells = [cell(view.summary(group, method, key), say) for key, _, _, say in COLUMNS]
        rows.append(Row([Cell(method.name, swatch=view.styles[method.name].swatch), *cells]))
    title = f"{group.title}: communication"
    yield Table(f"communication-{group.id}", title, heads, rows, [_network(group)])
    yield from _silos(view, group)


def _silos(view: View, group: Group) -> Iterator[Table]:
    """Bytes that each silo sends a round; one row where it is the same for all of a method's silos."""
    scopes = view.scores.scopes.get((group.run.suite, group.dataset, "co.per_round"), {})
    rows = []
    for method in group.trained:
        found = {s: view.summary(group, method, "co.per_round", scope=s) for s in scopes if s.startswith("silo:")}
        sent = {scope: summary for scope, summary in found.items() if summary.mean is not None}
        alike = len(sent) > 1 and len({summary.mean for summary in sent.values()}) == 1
        shown = {"silo:each": next(iter(sent.values()))} if alike else sent
        name = Cell(method.name, swatch=view.styles[method.name].swatch)
        rows += [Row([name, Cell(scope.removeprefix("silo:")), cell(summary, byte_size)]) for scope, summary in shown.items()]
    if rows:
        heads = [Head("Method", numeric=False), Head("Silo", numeric=False), Head("bytes a round", "↓ lower")]
        title = f"{group.title}: bytes that a silo sends a round"
        yield Table(f"communication-silos-{group.id}", title, heads, rows, fold="Bytes by silo")


def _network(group: Group) -> str:
    """The network that the time is stated for."""
    chosen = [metric for m in group.trained for metric in m.spec.get("metrics") or () if metric.get("name") == "co"]
    given = dict(chosen[0].get("params") or {}) if chosen else {}
    latency = f"{given['latency']:g} s" if "latency" in given else "0.05 s"
    megabits = f"{given['bandwidth'] * 8 / 1e6:g}" if "bandwidth" in given else "100"
    return f"Network time is computed, not measured, and leaves training out: latency {latency}, {megabits} Mbit/s each way."
