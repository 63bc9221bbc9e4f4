"""Last panel but one: what every metric of these runs means, in the words that `fpmg-bench list metric NAME` prints."""

from __future__ import annotations

import re

from fpmg_bench.report.blocks import Cell, Head, Row, Section, Table
from fpmg_bench.report.view import View

STARTS = re.compile(
    r"(?<=[.;]) (?=(?:Floors?|Intervals?|Needs|Pitfalls?|Source|Black box|Released weights|By class)\b|`[\w.]+`(?: =|:|, minus))"
)


def panel(view: View) -> Section | None:
    """One folded table: a metric and its card a row. None for runs that were planned before cards were kept."""
    found = {
        str(component["name"]): str(component["card"])
        for run in view.runs
        for component in run.plan.get("components") or ()
        if component.get("kind") == "metric" and component.get("card")
    }
    if not found:
        return None
    heads = [Head("Metric", numeric=False), Head("Card", numeric=False)]
    rows = [Row([Cell(name), Cell(*_parts(card))]) for name, card in found.items()]
    lead = "Formula, range, direction, source, smallest number of patients and known pitfalls of every metric in this report."
    return Section("cards", "What the metrics mean", lead, [Table("metric-cards", "Metric cards", heads, rows, fold="All cards")])


def _parts(card: str) -> tuple[str, str]:
    """What the metric is, then its formulas, floor, needs and pitfalls, each on a line of its own, without the marks of code."""
    first, _, rest = card.strip().partition("\n")
    paragraphs = [" ".join(paragraph.split()) for paragraph in rest.split("\n\n") if paragraph.strip()]
    return first.replace("`", ""), "\n".join(STARTS.sub("\n", each) for each in paragraphs).replace("`", "")
