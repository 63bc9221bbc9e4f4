"""Panel 8: three numbers that are never averaged, and what they do not cover."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fpmg_bench.privacy.claim import DRAFTED, SECURE
from fpmg_bench.report.blocks import Cell, Head, Heading, Prose, Row, Section, Table
from fpmg_bench.report.measures import ATTACK, COPY, Measure, cell, epsilon, formal, heads, holds
from fpmg_bench.report.privacy import audited, minorities
from fpmg_bench.report.privacy.attacks import NEIGHBOUR, OTHERS, PROXIES, RECORDS, attacked
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import as_float, count, number, plural, span

SCOPE = (
    "The unit is one patient (all modalities and visits together) inside one silo; the federation's ε is the largest over silos. Adjacency is add/remove, unless it is named beside the number. "
    "ε covers releasing one trial's messages and generator to anyone. It does not cover this report: scores on real patients, several seeds and settings.",
)
SIMULATED = "Simulated: not for release. Noise and samples follow from the suite's seed, which the run directory tells: ε says what the same trial would spend with `secure: true`."
SYSTEM = "Secure: noise and samples have keys of the system's (secure: true); these trials are not repeatable."
ZERO_OUT = "Zero-out, sizes and labels public (public_sizes: true): numbers of patients by silo, label and modality are taken as known, so ε does not cover whether a patient is there, nor what their label is."
DRAFT = "Schema not confirmed: ranges and categories were read from patients (cohort.yaml says drafted: true), and ε does not cover what they tell."

HONEST = "Plug-ins are trusted code: they see the patients that a silo trains on, and where one of them is named beside ε, ε holds only if it is honest."

READING = (
    "Attacks are AUROC: 0.5 is guessing, 1 recognises every training patient. Red: above guessing beyond the interval over "
    "patients and, from three seeds on, the one over seeds (about one cell in forty is so by chance). Intervals shown are over seeds; of one or two seeds, over patients."
)
RISKS = "A risk is what an attacker gains on training patients beyond what works on unseen ones: 0 is none, 1 everything; below 0 is noise."
DISTANCES = (
    "Proxies are distances, often reported as privacy. They are blind to what attacks find, so a good value is no evidence."
)
FOLD_FROM = 12  # rows of a ledger


def panel(view: View) -> Section:
    """Scope, what is refuted, the three numbers a method, epsilon a silo."""
    blocks: list[Any] = [*audited.banner(view), Prose([*SCOPE, *_noise(view)], "warn", "Scope")]
    for group in view.groups:
        blocks += _group(view, group)
    lead = "Formal ε from the core's ledger, the worst attack, and the audited lower bound. An attack that fails proves nothing; a finite ε does."
    return Section("privacy", "Privacy", lead, blocks)


def _noise(view: View) -> Iterator[str]:
    private = [trial.spec["privacy"] for trial in view.trials() if trial.spec.get("privacy")]
    if any(not choice.get("secure") for choice in private):
        yield SIMULATED
    if any(choice.get("secure") for choice in private):
        yield SYSTEM
    if any(choice.get("public_sizes", True) for choice in private):
        yield ZERO_OUT
    if any((trial.record.get("privacy") or {}).get("schema") == DRAFTED for trial in view.trials()):
        yield DRAFT
    if private:
        yield HONEST
    if not private:
        yield "No method in this run asked for differential privacy."


def _group(view: View, group: Group) -> Iterator[Heading | Prose | Table]:
    yield Heading(f"privacy-{group.id}", group.title)
    shown = [measure for measure in (ATTACK, RECORDS, NEIGHBOUR) if measure.requested(view, group)]
    heads = [
        Head("Method", numeric=False),
        Head("formal ε", "↓ lower", hint="Upper bound from the ledger, the largest over silos and seeds"),
        Head("δ", hint="Probability with which the bound may fail"),
        *(measure.head(view, group) for measure in shown),
        Head("audit", hint="Lower bound on ε from canaries: made-up patients whose membership is guessed", numeric=False),
    ]
    rows = [_row(view, group, method, shown) for method in group.methods]
    yield Table(f"pg-{group.id}", f"{group.title}: formal, attacked, audited", heads, rows, [READING, *_lacking(view, group)])
    yield from _inferred(view, group)
    yield from minorities.tables(view, group)
    silos = _silos(group)
    if silos.rows:
        yield silos
    yield from _proxies(view, group)


def _lacking(view: View, group: Group) -> Iterator[str]:
    """Which attacks the suite did not ask for."""
    if ATTACK.metric(view, group).startswith("pg."):
        yield "The attack is the distance to the closest released record alone: the suite does not list the metric membership, which tries more."
    if not NEIGHBOUR.requested(view, group):
        yield "What silos infer from messages was not attacked: the suite does not list the metric neighbour (it needs frames: true)."
    if not any(trial.record.get("audit") for method in group.methods for trial in method.done):
        yield "No trial was audited with canaries (audit: {canaries: N}, trials of their own)."


def _inferred(view: View, group: Group) -> Iterator[Table]:
    """Other attacks and risks; nothing where none was asked for."""
    shown = [measure for measure in OTHERS if measure.metric(view, group)]
    rows = [Row([_name(view, method), *(attacked(m.summary(view, group, method), m) for m in shown)]) for method in group.methods]
    if shown:
        title = f"{group.title}: other attacks and risks"
        yield Table(f"inferred-{group.id}", title, heads(view, group, shown), rows, [RISKS])


def _proxies(view: View, group: Group) -> Iterator[Table]:
    """What is often sold as privacy: last, folded, and in no verdict; nothing where it was not asked for."""
    if any(measure.requested(view, group) for measure in PROXIES if measure is not COPY):
        shown = [measure for measure in PROXIES if measure.metric(view, group)]
        rows = [Row([_name(view, method), *(cell(m.summary(view, group, method)) for m in shown)]) for method in group.methods]
        title = f"{group.title}: proxies, no evidence of privacy"
        yield Table(
            f"proxies-{group.id}",
            title,
            heads(view, group, shown),
            rows,
            [DISTANCES],
            fold="Proxies: distances, no evidence of privacy",
        )


def _row(view: View, group: Group, method: Method, shown: Sequence[Measure]) -> Row:
    delta = next((found for trial in method.done if (found := (trial.record.get("privacy") or {}).get("delta"))), None)
    return Row(
        [
            _name(view, method),
            _formal(method),
            Cell(f"{delta:.0e}".replace("e-0", "e-") if delta else "–", tone="" if delta else "muted", sort=as_float(delta)),
            *(attacked(measure.summary(view, group, method), measure) for measure in shown),
            audited.cell(method),
        ]
    )


def _name(view: View, method: Method) -> Cell:
    return Cell(method.name, swatch=view.styles[method.name].swatch)


def _formal(method: Method) -> Cell:
    worst = formal(method)
    if worst is None:
        return Cell("not measured", tone="muted", why=method.verdict[1])
    if math.isinf(worst):
        why = (
            "Something was not accounted, so there is no guarantee."
            if method.private
            else "No differential privacy was asked for."
        )
        return Cell("∞", "no guarantee", math.inf, "bad" if method.private else "muted", why)
    if audited.refuted(method):
        return Cell(epsilon(worst), f"refuted\n{holds(method)}", worst, "bad", audited.REFUTED)
    return Cell(epsilon(worst), holds(method), worst, "good" if SECURE in holds(method) else "")


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
        Head(
            "other charges", hint="Noisy counts and moments (scalers, class shares), how many and in which stage", numeric=False
        ),
        Head("ε by stage, each alone", hint="They do not add up: the whole is composed tightly", numeric=False),
    ]
    rows = [_silo_row(m, entries) for m in group.trained if m.private for entries in _ledgers(m)]
    fold = f"Ledger of every silo ({plural(len(rows), 'row')})" if len(rows) > FOLD_FROM else ""
    return Table(f"ledger-{group.id}", f"{group.title}: ledger of every silo", heads, rows, fold=fold)


def _ledgers(method: Method) -> list[list[Mapping[str, Any]]]:
    """Ledger entries of one silo over seeds, one list a silo."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for trial in method.done:
        for silo in trial.ledger.get("silos") or ():
            found.setdefault(str(silo["silo"]), []).append(silo)
    return list(found.values())


def _totals(silo: Mapping[str, Any]) -> str:
    """What else is to be said of an epsilon where silos share noise."""
    if silo.get("colluding") is None:
        return ""
    return f"{epsilon(silo['epsilon_of_totals'])} against who sees totals only, ε itself if {silo['colluding']} silos collude"


def _silo_row(method: Method, seeds: Sequence[Mapping[str, Any]]) -> Row:
    worst = max(seeds, key=lambda silo: as_float(silo.get("epsilon")) or 0.0)
    entries = worst.get("entries") or ()
    steps = sum(int(e.get("count") or 0) for e in entries if e.get("mechanism") == "step")
    others = [f"{e.get('count', 1)} × {e['mechanism']} ({e.get('stage', '')})" for e in entries if e.get("mechanism") != "step"]
    lows = [v for silo in seeds if (v := as_float(silo.get("epsilon"))) is not None]
    return Row(
        [
            Cell(method.name),
            Cell(str(worst.get("name") or worst["silo"])),
            Cell(count(worst.get("patients")), sort=as_float(worst.get("patients"))),
            Cell(
                epsilon(worst.get("epsilon")),
                "\n".join(
                    filter(
                        None, (span(min(lows), max(lows), epsilon) if len(set(lows)) > 1 else "", holds(method), _totals(worst))
                    )
                ),
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
