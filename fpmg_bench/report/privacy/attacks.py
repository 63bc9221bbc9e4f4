"""What was inferred of patients, beside the main attack: the columns of the privacy panel, and when an attack has succeeded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fpmg_bench.report.blocks import Cell
from fpmg_bench.report.measures import COPY, Measure, cell
from fpmg_bench.report.scores import Summary
from fpmg_bench.report.wording import as_float, number


def risk(value: Any) -> str:
    """Three decimals: what lies below is noise, and no power of ten makes it more."""
    found = as_float(value)
    return number(found if found is None else round(found, 3))


RECORDS = Measure(
    ("membership.records",),
    "records alone",
    "→ 0.5",
    "The worst membership attack of those that see the released records and no weights.",
    0.5,
    unit="AUC",
)
NEIGHBOUR = Measure(
    ("neighbour.membership",),
    "neighbour",
    "→ 0.5",
    "The worst of what silos or a server infer from the messages that they received.",
    0.5,
    unit="AUC",
)
OTHERS = (
    Measure(
        ("density-ratio", "rmia"),
        "auditor's",
        "→ 0.5",
        "A ratio of densities by somebody who holds patients of the silos; an outsider cannot do this.",
        0.5,
        unit="AUC",
    ),
    Measure(
        ("membership.own",), "own patients", "→ 0.5", "A silo's own patients, attacked through its own release.", 0.5, unit="AUC"
    ),
    Measure(
        ("membership.minority",),
        "rarest class",
        "→ 0.5",
        "The worst attack on the rarest class that is large enough.",
        0.5,
        unit="AUC",
    ),
    Measure(
        ("inference.attribute.worst",),
        "attribute",
        "→ 0",
        "Risk that the worst secret column is guessed from all others.",
        0.0,
        unit="risk",
        say=risk,
    ),
    Measure(
        ("inference.singling_out",),
        "singling out",
        "→ 0",
        "Risk that a description fits exactly one training patient.",
        0.0,
        unit="risk",
        say=risk,
    ),
    Measure(
        ("inference.linkability",),
        "linkability",
        "→ 0",
        "Risk that two halves of a patient's record are brought together.",
        0.0,
        unit="risk",
        say=risk,
    ),
)
PROXIES = (
    COPY,
    Measure(("proxies.share",), "nearer to training", "→ 0.5", "Share of released records that lie nearer to a training patient than to an unseen one.", 0.5, unit="share"),
    Measure(("proxies.dcr",), "DCR", "→ 1", "Distance of released records to the closest training record, over that of unseen ones.", 1.0),
    Measure(("proxies.nndr",), "NNDR", "→ floor", "5th percentile of the distance to the nearest over that to the second nearest training record; near 0: copies.", 1.0),
)  # fmt: skip


FEW = 3  # seeds below which an interval over them says nothing, so that the one over patients is shown


def distinguishable(found: Summary, guessing: float = 0.5) -> bool:
    """Has an attack succeeded? Only where the interval over patients lies above guessing, from three seeds on the one over seeds too.

    Seeds share patients, so that a few seeds may agree by chance in what all owe to the same patients.
    """
    lows = [found.low] if found.seeds >= FEW or not found.patients else []
    lows += [found.patients[0]] if found.patients else []
    return all(low is not None and low > guessing for low in lows)


def attacked(found: Summary, measure: Measure | None = None) -> Cell:
    """The cell of an attack, red where it succeeded; a dash where nobody attacks like that (no such adversary)."""
    if found.status == "absent" and not found.reason:
        return Cell("–", tone="muted")
    guessing = 0.5 if measure is None or measure.best is None else measure.best
    few = found.patients if found.seeds < FEW else None
    made = cell(replace(found, low=few[0], high=few[1]) if few else found, measure.say if measure else number)
    return replace(made, tone="bad") if distinguishable(found, guessing) else made
