"""What flows where: the graph that models travel on, and a line for everything that leaves a hospital."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fpmg_bench.report.drawing.svg import graph
from fpmg_bench.report.federation.graphs import MOST
from fpmg_bench.report.officer.light import secured
from fpmg_bench.report.view import Method
from fpmg_bench.report.wording import as_float, byte_size


@dataclass(frozen=True, slots=True)
class Way:
    """One thing that travels, or does not. crosses: whether it leaves a hospital."""

    what: str
    whither: str
    size: str
    crosses: bool = True


def picture(method: Method) -> str:
    """Hospitals (dots) and servers (squares) with the ways between them, as SVG; empty where nothing was recorded."""
    record = _graph(method)
    return (
        graph([(int(a), int(b)) for a, b in record["edges"]], int(record["silos"]))
        if record and int(record["silos"]) <= MOST
        else ""
    )


def ways(method: Method) -> Iterator[Way]:
    """From what a finished trial recorded; sizes are of one trial, all hospitals together."""
    sent: Mapping[str, Any] = next((trial.record["bytes"] for trial in method.done if trial.record.get("bytes")), {})
    pooled = method.pooled
    if pooled:
        yield Way("Patients' records", "to one place, where all are pooled", byte_size(sent.get("raw_upload")))
    else:
        yield Way("Patients' records", "stay in their hospital", "0 B", crosses=False)
    if method.role == "external":
        yield Way("All else", "a program made elsewhere: not seen by this one", "not known")
    statistics, weights = _sizes(sent)
    covered = "with noise that ε covers" if secured(method) else "with simulated noise" if method.private else "exact"
    if statistics and not pooled:
        yield Way(
            f"Sums and counts (scalers, class shares), {covered}",
            f"{_receivers(method)}, added up over all hospitals",
            byte_size(statistics),
        )
    if weights and not pooled:
        trained = "trained with noise" if method.private else "trained without noise"
        yield Way(f"Models' weights, {trained}", _receivers(method), byte_size(weights))
    if not pooled and not statistics and not weights:
        yield Way("Models and sums", "nothing is exchanged", "0 B", crosses=False)
    yield Way("The release: generator, decoders, synthetic patients", "to whom this page's signature allows", "")


def _graph(method: Method) -> Mapping[str, Any] | None:
    return next((trial.record["graph"] for trial in method.done if trial.record.get("graph")), None)


def _receivers(method: Method) -> str:
    record = _graph(method)
    nodes = {int(b) for _, b in (record or {}).get("edges") or ()}
    if -1 in nodes:
        return "to the server, which sends merged ones back"
    if nodes and min(nodes) < 0:
        return "to hubs, which send merged ones back"
    relayed = bool((record or {}).get("relayed"))
    return "to the next hospital, which passes them on: every hospital sees them" if relayed else "to neighbouring hospitals"


def _sizes(sent: Mapping[str, Any]) -> tuple[float, float]:
    """(bytes of statistics, bytes of weights)."""
    stages = [each for each in sent.values() if isinstance(each, Mapping)]
    statistics = sum(as_float(stage.get("statistics")) or 0.0 for stage in stages)
    weights = sum(as_float(part) or 0.0 for stage in stages for part in stage.get("rounds") or ())
    return statistics, weights
