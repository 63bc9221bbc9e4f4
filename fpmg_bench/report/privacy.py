"""Panel 8: three numbers that are never averaged, and what they do not cover."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fpmg_bench.report import audited
from fpmg_bench.report.blocks import Cell, Head, Heading, Prose, Row, Section, Table
from fpmg_bench.report.measures import ATTACK, COPY, cell, epsilon
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import as_float, count, number, span

SCOPE = (
    "The unit is one patient (all modalities and visits together), add/remove adjacency, inside one silo; the federation's ε is the largest over silos. "
    "ε covers releasing one trial's messages and generator to anyone. It does not cover this report: scores on real patients, several seeds and settings.",
    "Silo sizes and the requested label mixture are taken as public.",
)
REPEATABLE = "Reproducible noise: not for release. The noise comes from the seed tree, so ε assumes a secret root seed."
SECURE = "Noise of the system's generator (secure: true): these trials are not repeatable."


def panel(view: View) -> Section:
    """Scope, what is refuted, the three numbers a method, epsilon a silo."""
    blocks: list[Any] = [*audited.banner(view), Prose([*SCOPE, *_noise(view)], "warn", "Scope")]
    for group in view.groups:
        blocks += _group(view, group)
    lead = "Formal ε from the core's ledger, the worst membership attack, and the audited lower bound. An attack that fails proves nothing; a finite ε does."
    return Section("privacy", "Privacy", lead, blocks)


def _noise(view: View) -> Iterator[str]:
    private = [trial.spec["privacy"] for trial in view.trials() if trial.spec.get("privacy")]
    if any(not choice.get("secure") for choice in private):
        yield REPEATABLE
    if any(choice.get("secure") for choice in private):
        yield SECURE
    if not private:
        yield "No method in this run asked for differential privacy."


def _group(view: View, group: Group) -> list[Heading | Table]:
    heads = [
        Head("Method", numeric=False),
        Head("formal ε", "↓ lower"),
        Head("δ"),
        ATTACK.head,
        COPY.head,
        Head("audit", hint="Lower bound on ε from canaries: made-up patients whose membership is guessed", numeric=False),
    ]
    rows = [_row(view, group, method) for method in group.methods]
    tables = [
        Heading(f"privacy-{group.id}", group.title),
        Table(f"pg-{group.id}", f"{group.title}: formal, attacked, audited", heads, rows),
    ]
    silos = _silos(group)
    return [*tables, silos] if silos.rows else tables


def _row(view: View, group: Group, method: Method) -> Row:
    spent = [(trial.record.get("privacy") or {}) for trial in method.done]
    worst = max((v for entry in spent if (v := as_float(entry.get("epsilon"))) is not None), default=math.inf)
    delta = next((entry.get("delta") for entry in spent if entry.get("delta")), None)
    return Row(
        [
            Cell(method.name, swatch=view.styles[method.name].swatch),
            _formal(method, worst),
            Cell(f"{delta:.0e}".replace("e-0", "e-") if delta else "–", tone="" if delta else "muted", sort=as_float(delta)),
            cell(ATTACK.summary(view, group, method)),
            cell(COPY.summary(view, group, method)),
            audited.cell(method),
        ]
    )


def _formal(method: Method, worst: float) -> Cell:
    if not method.done:
        return Cell("not measured", tone="muted", why=method.verdict[1])
    if math.isinf(worst):
        why = (
            "Something was not accounted, so there is no guarantee."
            if method.private
            else "No differential privacy was asked for."
        )
        return Cell("∞", "no guarantee", math.inf, "bad" if method.private else "muted", why)
    if audited.refuted(method):
        return Cell(epsilon(worst), "refuted", worst, "bad", audited.REFUTED)
    return Cell(epsilon(worst), "largest over silos and seeds", worst, "good")


def _silos(group: Group) -> Table:
    """One row a private method and silo, the largest epsilon over seeds, from the ledgers."""
    heads = [
        Head("Method", numeric=False),
        Head("Silo", numeric=False),
        Head("patients"),
        Head("ε"),
        Head("ε by RDP", hint="An independent, looser accountant: must not be smaller"),
        Head("noise multiplier"),
        Head("private steps"),
        Head("statistics charged", numeric=False),
        Head("ε by stage, each alone", numeric=False),
    ]
    rows = [_silo_row(m, entries) for m in group.ranked if m.private for entries in _ledgers(m)]
    return Table(f"ledger-{group.id}", f"{group.title}: ledger of every silo", heads, rows)


def _ledgers(method: Method) -> list[list[Mapping[str, Any]]]:
    """Ledger entries of one silo over seeds, one list a silo."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for trial in method.done:
        for silo in trial.ledger.get("silos") or ():
            found.setdefault(str(silo["silo"]), []).append(silo)
    return list(found.values())


def _silo_row(method: Method, seeds: Sequence[Mapping[str, Any]]) -> Row:
    worst = max(seeds, key=lambda silo: as_float(silo.get("epsilon")) or 0.0)
    entries = worst.get("entries") or ()
    steps = sum(int(e.get("count") or 0) for e in entries if e.get("mechanism") == "step")
    others = [f"{e['mechanism']} × {e.get('count', 1)} ({e.get('stage', '')})" for e in entries if e.get("mechanism") != "step"]
    lows = [v for silo in seeds if (v := as_float(silo.get("epsilon"))) is not None]
    return Row(
        [
            Cell(method.name),
            Cell(str(worst.get("name") or worst["silo"])),
            Cell(count(worst.get("patients")), sort=as_float(worst.get("patients"))),
            Cell(
                epsilon(worst.get("epsilon")),
                span(min(lows), max(lows), epsilon) if len(set(lows)) > 1 else "",
                as_float(worst.get("epsilon")),
            ),
            Cell(
                epsilon(worst.get("epsilon_rdp")) if worst.get("epsilon_rdp") is not None else "–",
                sort=as_float(worst.get("epsilon_rdp")),
            ),
            Cell(number(worst.get("noise_multiplier")), sort=as_float(worst.get("noise_multiplier"))),
            Cell(count(steps), sort=steps),
            Cell(", ".join(others) or "none", tone="" if others else "muted"),
            Cell(", ".join(f"{stage} {epsilon(value)}" for stage, value in (worst.get("epsilon_by_stage") or {}).items()) or "–"),
        ]
    )
